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

/// A part of a network, and a batch of noise to train it on.
struct TrainingSample {
  let part: TrainedPart
  let input: Tensor
  let labels: [UInt16]
  /// A rate at which noise does not diverge.
  private let values = LearningRateSchedule.constant.values(
    step: 0, of: 1, learningRate: 1e-3, momentum: 0.9)

  init(
    _ part: Part, of configuration: SplitNetwork.Configuration, batchSize: Int, _ settings: ComputeSettings,
    seed: UInt64 = 0, labelSmoothing: Double = 0
  ) throws {
    let network = try SplitNetwork(configuration)
    let layers =
      switch part {
      case .whole: network.front.layers + network.rest.layers
      case .front: network.front.layers + network.exit.layers
      case .rest: network.rest.layers
      }
    input = Tensor(part == .rest ? network.cutShape : configuration.input, count: batchSize)
    input.fillWithNoise(seed: seed)
    labels = (0..<batchSize).map { UInt16($0 % configuration.classes) }
    self.part = try TrainedPart(
      Sequential(layers), input: input.shape, batchSize: batchSize, seed: seed, weightDecay: 5e-4,
      labelSmoothing: labelSmoothing, context: try ComputeContext(settings))
  }

  var layers: [any Layer] { part.layers.layers }

  /// Multiply-accumulates of one image's forward pass.
  func multiplyAccumulates() throws -> Int { try part.layers.multiplyAccumulates(for: input.shape) }

  /// One step: forward, loss, backward, update.
  func step() {
    computeGradients()
    part.update(values)
  }

  /// A step without the update.
  ///
  /// - Returns: the mean loss.
  @discardableResult
  func computeGradients() -> Double {
    let (result, gradient) = part.loss(input, labels: labels)
    part.backward(gradient)
    return result.loss
  }

  /// One step, layer by layer.
  ///
  /// - Parameter observe: is called around each piece of work with the index of the layer, or nil for the loss and the
  ///   update.
  func step(observe: (_ layer: Int?, _ isForward: Bool, _ work: () -> Void) -> Void) {
    var features = input
    for (index, layer) in layers.enumerated() {
      observe(index, true) { features = layer.forward(features, training: true) }
    }
    var gradient: Tensor? = part.gradient(features.shape, count: features.count)
    observe(nil, true) { _ = SoftmaxCrossEntropy.evaluate(features, labels: labels, gradient: gradient) }
    for (index, layer) in layers.enumerated().reversed() {
      guard let current = gradient else { preconditionFailure("\(layer.description): no gradient arrives") }
      // The first layer of the network, or of the cloud's part, passes nothing on.
      observe(index, false) { gradient = layer.backward(current, needsInputGradient: index > 0) }
    }
    observe(nil, false) { part.update(values) }
  }
}
