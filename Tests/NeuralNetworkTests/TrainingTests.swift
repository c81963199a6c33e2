import Compute
import NeuralNetwork
import TestSupport
import Testing

/// Layers, loss and optimizer together: they learn, repeatably, and hide nothing.
@Suite struct TrainingTests {
  /// A batch of random images with labels, and the steps of training on it.
  final class Trainer {
    let network: Sequential
    let context: ComputeContext
    let images: Tensor
    let labels: [UInt16]
    private let optimizer: StochasticGradientDescent

    init(_ network: Sequential, image: FeatureShape, labels: [UInt16], threads: Int, seed: UInt64) throws {
      self.network = network
      self.labels = labels
      context = try ComputeContext(threads: threads)
      images = Tensor.random(image, count: labels.count, seed: 5)
      for parameter in network.parameters + network.statistics { parameter.initialize(seed: seed) }
      try network.prepare(for: image, maximumCount: labels.count, context: context)
      optimizer = StochasticGradientDescent(network.parameters, weightDecay: 5e-4, pool: context.pool)
    }

    /// - Returns: the loss before the step.
    func step(learningRate: Float = 0.05) -> Double {
      let logits = network.forward(images, training: true)
      let gradient = context.gradients.take(logits.shape, count: logits.count)
      let result = SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient)
      #expect(network.backward(gradient, needsInputGradient: false) == nil)
      optimizer.step(learningRate: learningRate, momentum: 0.9)
      return result.loss
    }

    var weights: [Float] { (network.parameters + network.statistics).flatMap { Array($0.value) } }
  }

  static let image = FeatureShape(height: 8, width: 10, channels: 3)

  /// Every kind of layer, small.
  static func network() -> Sequential {
    Sequential([
      Convolution(name: "0", inputChannels: 3, outputChannels: 8, kernelSize: 3, padding: 1),
      BatchNormalization(name: "1", channels: 8, relu: true), MaxPooling(kernelSize: 2, stride: 2),
      ResidualBlock(name: "2", inputChannels: 8, outputChannels: 8, stride: 1),
      ResidualBlock(name: "3", inputChannels: 8, outputChannels: 12, stride: 2),
      Convolution(name: "4", inputChannels: 12, outputChannels: 10, kernelSize: 1, bias: true), ReLU(),
      GlobalAveragePooling(), Linear(name: "5", inputs: 10, outputs: 4),
    ])
  }

  static func trainer(threads: Int, seed: UInt64 = 1) throws -> Trainer {
    try Trainer(network(), image: image, labels: [0, 1, 2, 3, 3, 2, 1], threads: threads, seed: seed)
  }

  @Test(arguments: [1, 2, 3]) func overfitsOneBatch(threads: Int) throws {
    let trainer = try Self.trainer(threads: threads)
    let first = trainer.step()
    var last = first
    for _ in 0..<60 { last = trainer.step() }
    #expect(last < 0.01 * first, "loss \(first) -> \(last)")
  }

  @Test(arguments: [1, 2]) func theSameSeedGivesTheSameBits(threads: Int) throws {
    let one = try Self.trainer(threads: threads)
    let other = try Self.trainer(threads: threads)
    let losses = (0..<6).map { _ in one.step() }
    #expect((0..<6).map { _ in other.step() } == losses)
    expectSame(one.weights, other.weights)
    let another = try Self.trainer(threads: threads, seed: 2)
    #expect(another.step() != losses[0])
  }

  @Test func theNumberOfThreadsHardlyMatters() throws {
    let one = try Self.trainer(threads: 1)
    let other = try Self.trainer(threads: 3)
    for _ in 0..<3 { expectClose([Float(one.step())], [other.step()], tolerance: 1e-3) }
  }

  @Test(arguments: ExitHead.allCases) func everyParameterOfFrontAndExitChangesInOneStep(_ head: ExitHead)
    throws
  {
    let split = try SplitNetworkTests.network(.vgg8, cut: 2, head, bottleneck: 6)
    let trainer = try Trainer(
      Sequential([split.front, split.exit]), image: Architecture.imageShape, labels: [3, 9], threads: 2,
      seed: 1)
    let before = trainer.network.parameters.map { Array($0.value) }
    #expect(trainer.step().isFinite)
    for (parameter, old) in zip(trainer.network.parameters, before) {
      // Dead units may keep some of their numbers; an array as a whole may not stay.
      let changed = zip(parameter.value, old).filter { $0 != $1 }.count
      #expect(changed * 2 > old.count, "\(parameter.name): \(changed) of \(old.count)")
      #expect(parameter.value.allSatisfy { $0.isFinite }, "\(parameter.name)")
    }
  }

  @Test func notANumberInTheInputReachesTheLoss() throws {
    for index in stride(from: 0, to: 7 * Self.image.values, by: 131) {
      let trainer = try Self.trainer(threads: 2)
      trainer.images.data[index] = .nan
      #expect(trainer.step().isNaN, "input \(index)")
    }
  }
}
