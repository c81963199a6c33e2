import Compute
import NeuralNetwork

/// `max(0, x)`, in place: the output is the input's own tensor, so what came before must not need its output again.
final class ReLU: Layer {
  private var context: ComputeContext?
  private var output: Tensor?

  init() {}

  var description: String { "relu" }

  func outputShape(for input: FeatureShape) -> FeatureShape { input }

  func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) {
    self.context = context
  }

  func forward(_ input: Tensor, training: Bool) -> Tensor {
    guard let context else { preconditionFailure("relu: not prepared") }
    context.pool.split(input.values, grain: 16) { _, range in
      let x = input.data
      // Not max(): a value that is not a number must stay one, and be noticed.
      for index in range { x[index] = x[index] < 0 ? 0 : x[index] }
    }
    output = training ? input : nil
    return input
  }

  func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let context, let output else { preconditionFailure("relu: backward before forward") }
    self.output = nil
    guard needsInputGradient else {
      outputGradient.release()
      return nil
    }
    output.maskByPositive(outputGradient, context.pool)
    return outputGradient
  }
}

extension Tensor {
  /// Sets `gradient` to 0 where this output of a ReLU is 0.
  func maskByPositive(_ gradient: Tensor, _ pool: WorkerPool) {
    pool.split(values, grain: 16) { _, range in
      let y = data
      let dy = gradient.data
      for index in range { dy[index] = y[index] > 0 ? dy[index] : 0 }
    }
  }
}
