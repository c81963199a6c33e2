import ArgumentParser
import Compute
import NeuralNetwork

/// Which layers a benchmark trains.
enum Part: String, CaseIterable, ExpressibleByArgument {
  /// The uncut network.
  case whole
  /// The edge's: up to the cut, with the exit.
  case front
  /// The cloud's: after the cut.
  case rest
}

/// Some layers of a network, with an optimizer and a batch of noise to train on.
final class TrainedPart {
  let layers: [any Layer]
  let input: Tensor
  private let context: ComputeContext
  let labels: [UInt8]
  private let optimizer: StochasticGradientDescent

  init(
    _ part: Part, of configuration: SplitNetwork.Configuration, batchSize: Int, _ settings: ComputeSettings,
    seed: UInt64 = 0
  ) throws {
    let network = try SplitNetwork(configuration)
    let inputShape = part == .rest ? network.cutShape : Architecture.imageShape
    layers =
      switch part {
      case .whole: network.front.layers + network.rest.layers
      case .front: network.front.layers + network.exit.layers
      case .rest: network.rest.layers
      }
    context = ComputeContext(settings)
    let sequence = Sequential(layers)
    for parameter in sequence.parameters + sequence.statistics { parameter.initialize(seed: seed) }
    try sequence.prepare(for: inputShape, maximumCount: batchSize, context: context)
    input = Tensor(inputShape, count: batchSize)
    input.fillWithNoise(seed: seed)
    labels = (0..<batchSize).map { UInt8($0 % Architecture.classes) }
    optimizer = StochasticGradientDescent(sequence.parameters, weightDecay: 5e-4, pool: context.pool)
  }

  /// Multiply-accumulates of one image's forward pass.
  func multiplyAccumulates() throws -> Int { try Sequential(layers).multiplyAccumulates(for: input.shape) }

  /// One step: forward, loss, backward, update.
  ///
  /// - Parameter observe: is called around each piece of work with the index of the layer, or nil for the loss and
  ///   the update.
  func step(observe: Observer = { _, _, work in work() }) {
    computeGradients(observe: observe)
    observe(nil, false) { optimizer.step(learningRate: 1e-3, momentum: 0.9) }
  }

  typealias Observer = (_ layer: Int?, _ isForward: Bool, _ work: () -> Void) -> Void

  /// A step without the update.
  ///
  /// - Returns: the mean loss.
  @discardableResult
  func computeGradients(observe: Observer = { _, _, work in work() }) -> Double {
    var features = input
    for (index, layer) in layers.enumerated() {
      observe(index, true) { features = layer.forward(features, training: true) }
    }
    var gradient: Tensor? = context.gradients.take(features.shape, count: features.count)
    var loss = 0.0
    observe(nil, true) {
      loss = labels.withUnsafeBufferPointer {
        SoftmaxCrossEntropy.evaluate(features, labels: $0, gradient: gradient).loss
      }
    }
    for (index, layer) in layers.enumerated().reversed() {
      guard let current = gradient else { preconditionFailure("\(layer.description): no gradient arrives") }
      // The first layer of the network, or of the cloud's part, passes nothing on.
      observe(index, false) { gradient = layer.backward(current, needsInputGradient: index > 0) }
    }
    return loss
  }
}
