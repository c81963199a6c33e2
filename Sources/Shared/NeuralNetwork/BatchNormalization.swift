import Compute

/// Batch normalization of each channel over all images and positions (Ioffe and Szegedy, 2015), with the ReLU that
/// usually follows it done in the same pass.
///
/// Training: `y = gamma · (x − mean) / sqrt(variance + epsilon) + beta` with the batch's mean and (biased) variance,
/// which also move the running statistics: `running += momentum · (batch − running)`, the variance unbiased, as in
/// PyTorch. Evaluation: the running statistics take their place.
package final class BatchNormalization: Layer {
  package let channels: Int
  package let relu: Bool
  /// The output is lent by the context's pool and read once, by a layer that releases it: backward does not need it.
  package let isOutputTransient: Bool
  package let gamma: Parameter
  package let beta: Parameter
  package let runningMean: Parameter
  package let runningVariance: Parameter
  package let batchesTracked: Parameter

  static let epsilon: Float = 1e-5
  static let momentum: Float = 0.1

  var state: State?
  struct State {
    let context: ComputeContext
    /// Nil if it is transient.
    let output: Tensor?
    /// Of each worker: what it has seen of the batch.
    let moments: [ChannelMoments]
    /// Per channel: what the last forward pass used.
    let mean: UnsafeMutablePointer<Float>
    let inverseDeviation: UnsafeMutablePointer<Float>
    /// Per channel: `y = scale · x + shift`.
    let scale: UnsafeMutablePointer<Float>
    let shift: UnsafeMutablePointer<Float>
    /// Per channel: `dx = scale · dy + slope · x + offset`.
    let slope: UnsafeMutablePointer<Float>
    let offset: UnsafeMutablePointer<Float>
    /// For each worker: Σ dy, then Σ dy · (x − mean).
    let sums: Tensor
    /// Holds the six vectors.
    let vectors: Tensor
    var input: Tensor?
    /// Something was added before the ReLU, so that the output alone tells where it let through.
    var masksByOutput = false

    init(context: ComputeContext, channels: Int, output: Tensor?) {
      self.context = context
      self.output = output
      moments = (0..<context.threads).map { _ in ChannelMoments(channels: channels) }
      vectors = Tensor(FeatureShape(channels: channels), count: 6)
      sums = Tensor(FeatureShape(channels: channels), count: 2 * context.threads)
      mean = vectors.data
      inverseDeviation = mean + channels
      scale = inverseDeviation + channels
      shift = scale + channels
      slope = shift + channels
      offset = slope + channels
    }
  }

  /// - Parameters:
  ///   - name: of the parameters in the whole network; ".weight", ".bias", ".running_mean" … are added, as in PyTorch.
  ///   - relu: `max(0, y)` afterwards.
  ///   - isOutputTransient: the next layer releases the output and backward does not need it.
  package init(name: String, channels: Int, relu: Bool, isOutputTransient: Bool = false) {
    self.channels = channels
    self.relu = relu
    self.isOutputTransient = isOutputTransient
    gamma = Parameter(name + ".weight", .vector(channels), .constant(1))
    beta = Parameter(name + ".bias", .vector(channels), .constant(0))
    runningMean = Parameter(name + ".running_mean", .vector(channels), .constant(0), trained: false)
    runningVariance = Parameter(name + ".running_var", .vector(channels), .constant(1), trained: false)
    batchesTracked = Parameter(name + ".num_batches_tracked", .scalar, .constant(0), trained: false)
  }

  package var parameters: [Parameter] { [gamma, beta] }
  package var statistics: [Parameter] { [runningMean, runningVariance, batchesTracked] }
  package var description: String { "batch normalization \(channels)" + (relu ? " + relu" : "") }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    guard input.channels == channels else { throw ShapeError("\(description) cannot take features of shape \(input)") }
    return input
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    let shape = try outputShape(for: input)
    state = State(
      context: context, channels: channels, output: isOutputTransient ? nil : Tensor(shape, count: maximumCount))
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    if training {
      beginObservation()
      state?.context.pool.split(input.rows) { worker, rows in observe(input, rows, 0..<channels, worker: worker) }
    }
    return normalize(input, training: training)
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    computeParameterGradients(outputGradient)
    guard needsInputGradient else {
      state?.input = nil
      outputGradient.release()
      return nil
    }
    state?.context.pool.split(outputGradient.rows) { _, rows in
      computeInputGradient(outputGradient, rows, 0..<channels, overwritesInput: false)
    }
    state?.input = nil
    return outputGradient
  }
}
