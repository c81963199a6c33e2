import Compute
import NeuralNetwork

/// The front alone with its optimizer: it trains by a gradient that comes from elsewhere.
package final class FrontModel {
  package let network: SplitNetwork
  /// Where the times of the parts of a step are recorded.
  package var timeline: Timeline?
  private let context: ComputeContext
  private let optimizer: StochasticGradientDescent
  private let images: Tensor

  /// Builds the front with its initial weights.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package init(_ configuration: RunConfiguration, compute: ComputeSettings) throws {
    network = try SplitNetwork(configuration.network)
    network.initializeEdge(seed: configuration.seed)
    context = ComputeContext(compute)
    try network.front.prepare(
      for: Architecture.imageShape, maximumCount: configuration.batchSize, context: context)
    optimizer = StochasticGradientDescent(
      network.front.parameters, weightDecay: configuration.weightDecay, pool: context.pool)
    images = Tensor(Architecture.imageShape, count: configuration.batchSize)
  }

  /// The features at the cut of normalized images, `[count, 32, 32, 3]`, at most the batch size; they stay valid until
  /// the next call.
  package func forward(_ pixels: UnsafePointer<Float>, count: Int, training: Bool) -> Tensor {
    images.resize(count: count)
    images.data.update(from: pixels, count: images.values)
    return timeline.measure(.forward) { network.front.forward(images, training: training) }
  }

  /// One step after `forward` in training.
  ///
  /// - Parameters:
  ///   - count: images of that forward pass.
  ///   - values: of this step.
  ///   - write: writes the gradient of the loss with respect to the features, `[count, cutShape]`.
  /// - Throws: what `write` throws; nothing is changed then.
  package func train(
    count: Int, _ values: LearningRateSchedule.Values, gradient write: (Tensor) throws -> Void
  ) rethrows {
    let gradient = context.gradients.take(network.cutShape, count: count)
    try write(gradient)
    timeline.measure(.backward) { _ = network.front.backward(gradient, needsInputGradient: false) }
    timeline.measure(.update) {
      optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
    }
  }
}
