import Compute

/// Consecutive layers of a network that one machine trains, with their optimizer; if they end in logits, with their
/// loss.
package final class TrainedPart {
  package let layers: Sequential
  package let optimizer: StochasticGradientDescent
  /// Nothing of it changes: it computes as in evaluation, has no momenta, and takes no gradient.
  package let isFrozen: Bool
  /// Of the loss in training.
  private let labelSmoothing: Double
  private let context: ComputeContext

  /// Gives the layers their initial weights, which depend on the seed and on their names alone, and their memory.
  ///
  /// - Parameters:
  ///   - layers: used by nobody else.
  ///   - input: the shape of one sample.
  ///   - batchSize: the largest number of samples.
  ///   - labelSmoothing: of the loss in training, in `0..<1`.
  ///   - isFrozen: nothing of it is to change.
  ///   - context: parts of one network that run one after the other share it.
  /// - Throws: `ShapeError` if the layers cannot take the input.
  package init(
    _ layers: Sequential, input: FeatureShape, batchSize: Int, seed: UInt64, weightDecay: Float,
    labelSmoothing: Double = 0, isFrozen: Bool = false, context: ComputeContext
  ) throws {
    self.layers = layers
    self.context = context
    self.isFrozen = isFrozen
    self.labelSmoothing = labelSmoothing
    for parameter in layers.parameters + layers.statistics { parameter.initialize(seed: seed) }
    try layers.prepare(for: input, maximumCount: batchSize, context: context)
    optimizer = StochasticGradientDescent(
      isFrozen ? [] : layers.parameters, weightDecay: weightDecay, pool: context.pool)
  }

  /// All numbers that the next step depends on: parameters, running statistics, momenta.
  package var state: [Parameter] { layers.parameters + layers.statistics + optimizer.momenta }

  /// The output for a batch, `[count, output]`, valid until the next call. The input must stay as it is until
  /// `backward`.
  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    layers.forward(input, training: training && !isFrozen)
  }

  /// Forward in training and the loss of the logits.
  ///
  /// - Parameters:
  ///   - input: `[count, input]`; must stay as it is until `backward`.
  ///   - labels: `[count]` classes.
  /// - Returns: the mean loss and the hits, and the gradient of the mean loss with respect to the logits, for
  ///   `backward`.
  package func loss(_ input: Tensor, labels: [UInt16]) -> (SoftmaxCrossEntropy.Result, gradient: Tensor) {
    let logits = forward(input, training: true)
    let gradient = gradient(logits.shape, count: logits.count)
    let result = SoftmaxCrossEntropy.evaluate(logits, labels: labels, smoothing: labelSmoothing, gradient: gradient)
    return (result, gradient)
  }

  /// Loss and hits of the logits without training, and without label smoothing.
  package func evaluate(_ input: Tensor, labels: [UInt16]) -> SoftmaxCrossEntropy.Result {
    SoftmaxCrossEntropy.evaluate(forward(input, training: false), labels: labels)
  }

  /// A tensor for a gradient that comes from elsewhere, its values undefined; `backward` consumes it.
  package func gradient(_ shape: FeatureShape, count: Int) -> Tensor { context.gradients.take(shape, count: count) }

  /// The gradients of all parameters.
  ///
  /// - Parameter outputGradient: with respect to the output of the last `forward`; consumed.
  /// - Returns: the gradient with respect to the input, if it is needed; the caller passes it on or releases it.
  @discardableResult package func backward(_ outputGradient: Tensor, needsInputGradient: Bool = false) -> Tensor? {
    layers.backward(outputGradient, needsInputGradient: needsInputGradient)
  }

  /// Changes the weights, unless it is frozen.
  package func update(_ values: LearningRateSchedule.Values) {
    optimizer.step(learningRate: values.learningRate, momentum: values.momentum)
  }
}
