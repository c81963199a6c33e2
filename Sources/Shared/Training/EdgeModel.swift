import Compute
import NeuralNetwork

/// The edge's part of the network with its optimizer: the front trains through the early exit.
package final class EdgeModel {
  package let network: SplitNetwork
  /// Where the times of the parts of a step are recorded.
  package var timeline: Timeline?
  private let context: ComputeContext
  private let optimizer: StochasticGradientDescent
  private let images: Tensor

  /// Builds the front and the exit with their initial weights.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package init(_ configuration: RunConfiguration, compute: ComputeSettings) throws {
    network = try SplitNetwork(configuration.network)
    network.initializeEdge(seed: configuration.seed)
    context = ComputeContext(compute)
    let maximumCount = configuration.batchSize
    try network.front.prepare(for: Architecture.imageShape, maximumCount: maximumCount, context: context)
    try network.exit.prepare(for: network.cutShape, maximumCount: maximumCount, context: context)
    optimizer = StochasticGradientDescent(
      network.front.parameters + network.exit.parameters, weightDecay: configuration.weightDecay,
      pool: context.pool)
    images = Tensor(Architecture.imageShape, count: maximumCount)
  }

  /// The front's part of a step, or of an evaluation.
  ///
  /// - Parameters:
  ///   - pixels: normalized images, `[count, 32, 32, 3]`; copied.
  ///   - count: at most the batch size.
  ///   - training: whether `train` follows.
  /// - Returns: the features at the cut, `[count, cutShape]`, which stay valid until the next call.
  package func forward(_ pixels: UnsafePointer<Float>, count: Int, training: Bool) -> Tensor {
    images.resize(count: count)
    images.data.update(from: pixels, count: images.values)
    return timeline.measure(.forward) { network.front.forward(images, training: training) }
  }

  /// One step of front and exit on the exit's own loss, from the features of the last `forward`.
  package func train(
    _ features: Tensor, labels: UnsafeBufferPointer<UInt8>, _ values: LearningRateSchedule.Values
  ) -> SoftmaxCrossEntropy.Result {
    let (result, gradient) = timeline.measure(.exit) {
      let logits = network.exit.forward(features, training: true)
      let gradient = context.gradients.take(logits.shape, count: logits.count)
      return (SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient), gradient)
    }
    timeline.measure(.backward) {
      if let featureGradient = network.exit.backward(gradient, needsInputGradient: true) {
        _ = network.front.backward(featureGradient, needsInputGradient: false)
      }
    }
    timeline.measure(.update) {
      optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
    }
    return result
  }

  /// The exit's loss and hits on features of the last `forward`, without training.
  package func evaluate(_ features: Tensor, labels: UnsafeBufferPointer<UInt8>) -> SoftmaxCrossEntropy.Result
  {
    timeline.measure(.exit) {
      SoftmaxCrossEntropy.evaluate(network.exit.forward(features, training: false), labels: labels)
    }
  }
}
