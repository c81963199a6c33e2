import Compute

/// A convolution, its batch normalization, and the ReLU or nothing, as one layer: what normalization does to a tile of
/// rows is done while the convolution has the tile in the cache.
///
/// - Forward: the statistics are taken of each tile as it is written.
/// - Backward: the gradient of the convolution's output is written tile by tile, as the weight gradient reads it, over
///   that output, which nobody needs any more.
package final class NormalizedConvolution: Layer {
  package let convolution: Convolution
  package let normalization: BatchNormalization
  /// The input's gradient is written over the input.
  package let overwritesInput: Bool
  /// Of the last forward pass for training: the input, and the convolution's output.
  private var input: Tensor?
  private var convolved: Tensor?

  /// - Parameters:
  ///   - convolution: without bias, which normalization would take away again.
  ///   - overwritesInput: nobody needs the input after this layer's `backward`: not the layer that made it, to mask by
  ///     it, and no other layer that reads it. Saves the memory of the input's gradient.
  package init(_ convolution: Convolution, _ normalization: BatchNormalization, overwritesInput: Bool = false) {
    precondition(convolution.outputChannels == normalization.channels, "another number of channels")
    self.overwritesInput = overwritesInput
    self.convolution = convolution
    self.normalization = normalization
  }

  package var parameters: [Parameter] { convolution.parameters + normalization.parameters }
  package var statistics: [Parameter] { normalization.statistics }
  package var description: String { "\(convolution.description); \(normalization.description)" }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape { try convolution.outputShape(for: input) }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    try convolution.multiplyAccumulates(for: input)
  }

  package func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)] {
    try convolution.convolutions(for: input)
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    try convolution.prepare(for: input, maximumCount: maximumCount, context: context)
    try normalization.prepare(for: convolution.outputShape(for: input), maximumCount: maximumCount, context: context)
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor { forward(input, adding: nil, training: training) }

  /// - Parameter addend: is added before the ReLU; shape of the output.
  func forward(_ input: Tensor, adding addend: Tensor?, training: Bool) -> Tensor {
    guard training else {
      return normalization.normalize(convolution.forward(input, training: false), adding: addend, training: false)
    }
    normalization.beginObservation()
    let output = convolution.forward(input, training: true) { [normalization] output, rows, columns, worker in
      normalization.observe(output, rows, columns, worker: worker)
    }
    convolved = output
    self.input = overwritesInput ? input : nil
    return normalization.normalize(output, adding: addend, training: true)
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    backward(outputGradient, needsInputGradient: needsInputGradient, addingTo: nil)
  }

  /// - Parameters:
  ///   - outputGradient: as in `Layer`. If something was added, it is masked by the ReLU in place.
  ///   - sum: the input's gradient is added to this one, which is returned.
  ///   - keepsOutputGradient: the caller goes on to use `outputGradient`.
  func backward(
    _ outputGradient: Tensor, needsInputGradient: Bool, addingTo sum: Tensor?, keepsOutputGradient: Bool = false
  ) -> Tensor? {
    guard let convolved else { preconditionFailure("\(description): backward before forward") }
    let reused = input
    self.convolved = nil
    input = nil
    normalization.computeParameterGradients(outputGradient)
    convolution.computeWeightGradient(convolved) { [normalization] rows, columns in
      normalization.computeInputGradient(outputGradient, rows, columns, overwritesInput: true)
    }
    if !keepsOutputGradient { outputGradient.release() }
    return needsInputGradient ? convolution.computeInputGradient(convolved, addingTo: sum, over: reused) : nil
  }
}
