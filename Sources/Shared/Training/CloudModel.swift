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
  package init(_ configuration: RunConfiguration, compute: ComputeSettings) throws {
    network = try SplitNetwork(configuration.network)
    network.initializeCloud(seed: configuration.seed)
    context = ComputeContext(compute)
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
    let (gradient, result) = forward(features, labels)
    timeline.measure(.backward) { _ = network.rest.backward(gradient, needsInputGradient: false) }
    update(values)
    return result
  }

  /// One step of the rest that also gives the gradient of the loss with respect to the features.
  ///
  /// - Parameters:
  ///   - features: as they came over the wire, `[count, cutShape]`.
  ///   - labels: `[count]` classes.
  ///   - values: of this step.
  ///   - use: gets the gradient, `[count, cutShape]`, valid inside the call only, and the loss, before any weight changes.
  /// - Returns: the mean final loss and the hits, from before the step.
  /// - Throws: what `use` throws; the weights are unchanged then.
  package func train(
    _ features: Tensor, labels: UnsafeBufferPointer<UInt8>, _ values: LearningRateSchedule.Values,
    featureGradient use: (Tensor, SoftmaxCrossEntropy.Result) throws -> Void
  ) rethrows -> SoftmaxCrossEntropy.Result {
    let (gradient, result) = forward(features, labels)
    let ofFeatures = timeline.measure(.backward) {
      network.rest.backward(gradient, needsInputGradient: true)
    }
    guard let featureGradient = ofFeatures else {
      preconditionFailure("the rest gave no gradient of its input")
    }
    defer { featureGradient.release() }
    try use(featureGradient, result)
    update(values)
    return result
  }

  private func forward(
    _ features: Tensor, _ labels: UnsafeBufferPointer<UInt8>
  ) -> (gradient: Tensor, result: SoftmaxCrossEntropy.Result) {
    timeline.measure(.forward) {
      let logits = network.rest.forward(features, training: true)
      let gradient = context.gradients.take(logits.shape, count: logits.count)
      return (gradient, SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient))
    }
  }

  private func update(_ values: LearningRateSchedule.Values) {
    timeline.measure(.update) {
      optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
    }
  }

  /// Loss and hits without training.
  package func evaluate(_ features: Tensor, labels: UnsafeBufferPointer<UInt8>) -> SoftmaxCrossEntropy.Result
  {
    timeline.measure(.forward) {
      SoftmaxCrossEntropy.evaluate(network.rest.forward(features, training: false), labels: labels)
    }
  }
}
