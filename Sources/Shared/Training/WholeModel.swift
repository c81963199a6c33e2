import Compute
import NeuralNetwork

/// A network that is not cut, with its optimizer.
package final class WholeModel {
  /// All layers, from the image to the classifier.
  package let network: Sequential
  /// Where the times of the parts of a step are recorded.
  package var timeline: Timeline?
  private let context: ComputeContext
  private let optimizer: StochasticGradientDescent
  private let images: Tensor

  /// Builds the network with its initial weights: those of every cut network.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package init(_ configuration: RunConfiguration, compute: ComputeSettings) throws {
    let split = try SplitNetwork(configuration.network)
    network = Sequential(split.front.layers + split.rest.layers)
    for parameter in network.parameters + network.statistics {
      parameter.initialize(seed: configuration.seed)
    }
    context = ComputeContext(compute)
    try network.prepare(
      for: Architecture.imageShape, maximumCount: configuration.batchSize, context: context)
    optimizer = StochasticGradientDescent(
      network.parameters, weightDecay: configuration.weightDecay, pool: context.pool)
    images = Tensor(Architecture.imageShape, count: configuration.batchSize)
  }

  /// Copies normalized images, `[count, 32, 32, 3]`, at most the batch size, into a tensor that is valid until the next
  /// call.
  package func input(_ pixels: UnsafePointer<Float>, count: Int) -> Tensor {
    images.resize(count: count)
    images.data.update(from: pixels, count: images.values)
    return images
  }

  /// One step.
  ///
  /// - Parameters:
  ///   - images: normalized, `[count, 32, 32, 3]`.
  ///   - labels: `[count]` classes.
  ///   - values: of this step.
  /// - Returns: the mean loss and the hits, from before the step.
  package func train(
    _ images: Tensor, labels: UnsafeBufferPointer<UInt8>, _ values: LearningRateSchedule.Values
  ) -> SoftmaxCrossEntropy.Result {
    let (result, gradient) = timeline.measure(.forward) {
      let logits = network.forward(images, training: true)
      let gradient = context.gradients.take(logits.shape, count: logits.count)
      return (SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient), gradient)
    }
    timeline.measure(.backward) { _ = network.backward(gradient, needsInputGradient: false) }
    timeline.measure(.update) {
      optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
    }
    return result
  }

  /// Loss and hits without training.
  package func evaluate(_ images: Tensor, labels: UnsafeBufferPointer<UInt8>) -> SoftmaxCrossEntropy.Result {
    timeline.measure(.forward) {
      SoftmaxCrossEntropy.evaluate(network.forward(images, training: false), labels: labels)
    }
  }
}
