import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import WeightFiles

/// The uncut network, trained in one piece from layers, loss, optimizer and preparer alone.
struct WholeReference {
  let configuration: RunConfiguration
  let network: Sequential
  /// Mean loss of each step.
  private(set) var losses: [Double] = []
  /// Right answers on the test images, after each epoch.
  private(set) var correct: [Int] = []
  /// Of each class's test images, after each epoch.
  private(set) var classAccuracies: [[Double?]] = []

  private let context: ComputeContext
  private let optimizer: StochasticGradientDescent
  private let images: Tensor

  /// - Parameter cut: where the layers are taken apart and put together again, which must not matter.
  init(_ configuration: RunConfiguration, cut: Int = 2, threads: Int) throws {
    self.configuration = configuration
    var uncut = configuration.network
    uncut.cut = cut
    uncut.exitHead = .pool
    let split = try SplitNetwork(uncut)
    split.initialize(seed: configuration.seed)
    network = Sequential(split.front.layers + split.rest.layers)
    context = try ComputeContext(threads: threads)
    try network.prepare(
      for: configuration.task.shape, maximumCount: configuration.batchSize, context: context)
    optimizer = StochasticGradientDescent(
      network.parameters, weightDecay: configuration.weightDecay, pool: context.pool)
    images = Tensor(configuration.task.shape, count: configuration.batchSize)
  }

  /// All epochs.
  mutating func run() throws {
    let train = try trainingBatches(configuration)
    let test = BatchPreparer.evaluation(
      drawnImages(.test, configuration), batchSize: configuration.batchSize)
    for epoch in 0..<configuration.epochs {
      for index in 0..<train.sampler.batchCount {
        let batch = try train.preparedBatch(index, epoch: epoch)
        losses.append(step(batch.values, batch.labels))
      }
      var (correct, hits, labels) = (0, [UInt16](), [UInt16]())
      for index in 0..<test.sampler.batchCount {
        let batch = try test.preparedBatch(index, epoch: 0)
        let logits = network.forward(input(batch.values, batch.labels.count), training: false)
        let result = SoftmaxCrossEntropy.evaluate(logits, labels: batch.labels)
        correct += result.correct
        hits += result.hits
        labels += batch.labels
      }
      classAccuracies.append(fractions(hits, of: labels, classes: configuration.task.classes))
      self.correct.append(correct)
    }
  }

  private func step(_ values: [Float], _ labels: [UInt16]) -> Double {
    let rates = configuration.schedule.values(
      step: losses.count, of: configuration.totalSteps, learningRate: configuration.learningRate,
      momentum: configuration.momentum)
    let logits = network.forward(input(values, labels.count), training: true)
    let gradient = context.gradients.take(logits.shape, count: logits.count)
    let result = SoftmaxCrossEntropy.evaluate(
      logits, labels: labels, smoothing: configuration.labelSmoothing, gradient: gradient)
    _ = network.backward(gradient, needsInputGradient: false)
    optimizer.step(learningRate: rates.learningRate, momentum: rates.momentum)
    return result.loss
  }

  private func input(_ values: [Float], _ count: Int) -> Tensor {
    images.resize(count: count)
    for (index, value) in values.enumerated() { images.data[index] = value }
    return images
  }

  /// Compares files, which together must hold the network, with it: the same bits.
  func expectFiles(_ paths: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
    var bits: [String: [UInt32]] = [:]
    for path in paths {
      let reader = try SafetensorsReader(path: path)
      for (name, entry) in reader.entries {
        #expect(bits[name] == nil, "\(name) is in two files", sourceLocation: sourceLocation)
        let values =
          entry.shape.isEmpty
          ? try reader.integers(name, shape: []).map(Float.init)
          : try reader.floats(name, shape: entry.shape)
        bits[name] = values.map(\.bitPattern)
      }
    }
    let parameters = network.parameters + network.statistics
    #expect(bits.keys.sorted() == parameters.map(\.name).sorted(), sourceLocation: sourceLocation)
    for parameter in parameters {
      let expected = EqualityReference.torchOrder(parameter).values.map(\.bitPattern)
      #expect(bits[parameter.name] == expected, "\(parameter.name)", sourceLocation: sourceLocation)
    }
  }
}
