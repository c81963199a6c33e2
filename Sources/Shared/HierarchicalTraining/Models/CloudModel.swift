import Compute
import NeuralNetwork

/// The cloud's part of the network with its optimizer: it trains the rest on the features that arrive.
package final class CloudModel {
  package let network: SplitNetwork
  /// Where the times of the parts of a step are recorded.
  package var timeline: Timeline?
  private let context: ComputeContext
  private let optimizer: StochasticGradientDescent

  /// Builds the rest with its initial weights.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package init(_ configuration: RunConfiguration, threads: Int) throws {
    network = try SplitNetwork(configuration.network)
    network.initializeCloud(seed: configuration.seed)
    context = ComputeContext(threads: threads)
    try network.rest.prepare(
      for: network.cutShape, maximumCount: configuration.batchSize, context: context)
    optimizer = StochasticGradientDescent(
      network.rest.parameters, weightDecay: configuration.weightDecay, pool: context.pool)
  }

  /// One step of the rest.
  ///
  /// - Parameters:
  ///   - features: as they came over the wire, `[count, cutShape]`.
  ///   - labels: `[count]` classes.
  ///   - values: of this step.
  /// - Returns: the mean final loss and the hits, from before the step.
  package func train(
    _ features: Tensor, labels: UnsafeBufferPointer<UInt8>, _ values: LearningRateSchedule.Values
  ) -> SoftmaxCrossEntropy.Result {
    let (result, gradient) = timeline.measure(.forward) {
      let logits = network.rest.forward(features, training: true)
      let gradient = context.gradients.take(logits.shape, count: logits.count)
      return (SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient), gradient)
    }
    timeline.measure(.backward) { _ = network.rest.backward(gradient, needsInputGradient: false) }
    timeline.measure(.update) {
      optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
    }
    return result
  }

  /// Loss and hits without training.
  package func evaluate(_ features: Tensor, labels: UnsafeBufferPointer<UInt8>) -> SoftmaxCrossEntropy.Result
  {
    timeline.measure(.forward) {
      SoftmaxCrossEntropy.evaluate(network.rest.forward(features, training: false), labels: labels)
    }
  }
}
