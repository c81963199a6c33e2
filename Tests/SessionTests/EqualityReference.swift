import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import Transport
@testable import WeightFiles

/// One process that runs the steps of both sides without a network: the features at the cut are handed over in memory.
/// Written from layers, loss, optimizer and preparer alone, so that it shares nothing with the sessions.
struct EqualityReference {
  /// Mean losses of a step.
  struct Step {
    var exitLoss: Double
    var finalLoss: Double
    var images: Int
  }

  /// Right answers on the test images.
  struct Evaluation: Equatable {
    var exitCorrect = 0
    var finalCorrect = 0
    var labels: [UInt16] = []
    var exitHits: [UInt16] = []
    var finalHits: [UInt16] = []
  }

  let configuration: RunConfiguration
  let network: SplitNetwork
  private(set) var steps: [Step] = []
  private(set) var evaluations: [Evaluation] = []

  private let context: ComputeContext
  private let edgeOptimizer: StochasticGradientDescent
  private let restOptimizer: StochasticGradientDescent
  private let codec: ActivationCodec
  private let passed: Tensor

  init(_ configuration: RunConfiguration, threads: Int, convolution: ConvolutionMethod = .im2col) throws {
    self.configuration = configuration
    network = try SplitNetwork(configuration.network)
    network.initialize(seed: configuration.seed)
    context = try ComputeContext(ComputeSettings(threads: threads, convolution: convolution))
    let count = configuration.batchSize
    try network.front.prepare(for: configuration.task.shape, maximumCount: count, context: context)
    try network.exit.prepare(for: network.cutShape, maximumCount: count, context: context)
    try network.rest.prepare(for: network.cutShape, maximumCount: count, context: context)
    edgeOptimizer = StochasticGradientDescent(
      network.front.parameters + network.exit.parameters, weightDecay: configuration.weightDecay,
      pool: context.pool)
    restOptimizer = StochasticGradientDescent(
      network.rest.parameters, weightDecay: configuration.weightDecay, pool: context.pool)
    codec = ActivationCodec(format: configuration.activations)
    passed = Tensor(network.cutShape, count: count)
  }

  /// All epochs.
  mutating func run() throws {
    let train = try trainingBatches(configuration)
    let test = BatchPreparer.evaluation(
      drawnImages(.test, configuration), batchSize: configuration.batchSize)
    for epoch in 0..<configuration.epochs {
      for index in 0..<train.sampler.batchCount {
        let batch = try train.preparedBatch(index, epoch: epoch)
        steps.append(try step(batch.values, batch.labels))
      }
      var evaluation = Evaluation()
      for index in 0..<test.sampler.batchCount {
        let batch = try test.preparedBatch(index, epoch: 0)
        try evaluate(batch.values, batch.labels, &evaluation)
      }
      evaluations.append(evaluation)
    }
  }

  private func step(_ values: [Float], _ labels: [UInt16]) throws -> Step {
    let rates = configuration.schedule.values(
      step: steps.count,
      of: configuration.epochs * ((configuration.trainImages - 1) / configuration.batchSize + 1),
      learningRate: configuration.learningRate, momentum: configuration.momentum)
    let features = network.front.forward(images(values, labels.count), training: true)
    try passOver(features)
    let exit = learn(network.exit, features, labels) { gradient in
      _ = network.front.backward(gradient, needsInputGradient: false)
    }
    edgeOptimizer.step(learningRate: rates.learningRate, momentum: rates.momentum)
    let rest = learn(network.rest, passed, labels, nil)
    restOptimizer.step(learningRate: rates.learningRate, momentum: rates.momentum)
    return Step(exitLoss: exit, finalLoss: rest, images: labels.count)
  }

  /// Forward and backward of one part. Returns the loss.
  private func learn(
    _ part: Sequential, _ features: Tensor, _ labels: [UInt16], _ continued: ((Tensor) -> Void)?
  ) -> Double {
    let logits = part.forward(features, training: true)
    let gradient = context.gradients.take(logits.shape, count: logits.count)
    let result = SoftmaxCrossEntropy.evaluate(
      logits, labels: labels, smoothing: configuration.labelSmoothing, gradient: gradient)
    if let inputGradient = part.backward(gradient, needsInputGradient: continued != nil) {
      continued?(inputGradient)
    }
    return result.loss
  }

  private func evaluate(_ values: [Float], _ labels: [UInt16], _ evaluation: inout Evaluation) throws {
    let features = network.front.forward(images(values, labels.count), training: false)
    try passOver(features)
    let exit = network.exit.forward(features, training: false)
    evaluation.labels += labels
    let exitResult = SoftmaxCrossEntropy.evaluate(exit, labels: labels)
    evaluation.exitCorrect += exitResult.correct
    evaluation.exitHits += exitResult.hits
    let rest = network.rest.forward(passed, training: false)
    let finalResult = SoftmaxCrossEntropy.evaluate(rest, labels: labels)
    evaluation.finalCorrect += finalResult.correct
    evaluation.finalHits += finalResult.hits
  }

  /// What the link does to the features.
  private func passOver(_ features: Tensor) throws {
    passed.copy(from: features)
    guard configuration.activations.bits < 32 else { return }
    let shape = network.cutShape
    try codec.quantizeInPlace(
      passed.data,
      shape: ActivationShape(
        count: passed.count, height: shape.height, width: shape.width, channels: shape.channels))
  }

  private func images(_ values: [Float], _ count: Int) -> Tensor {
    let tensor = Tensor(configuration.task.shape, count: count)
    for (index, value) in values.enumerated() { tensor.data[index] = value }
    return tensor
  }
}

/// The fraction of each class's images that is among the hits; nil of no images.
func fractions(_ hits: [UInt16], of labels: [UInt16], classes: Int) -> [Double?] {
  (0..<UInt16(classes)).map { label in
    let images = labels.count { $0 == label }
    return images > 0 ? Double(hits.count { $0 == label }) / Double(images) : nil
  }
}

/// The training batches of a run.
func trainingBatches(_ configuration: RunConfiguration) throws -> BatchPreparer {
  let images = drawnImages(.train, configuration)
  let order: EpochSampler.Order = configuration.balancesClasses ? .balanced(try ClassBalance(images)) : .shuffled
  let sampler = EpochSampler(
    count: images.count, batchSize: configuration.batchSize, order: order, seed: configuration.seed)
  return BatchPreparer(images: images, sampler: sampler, augmentation: Augmentation())
}

extension EqualityReference {
  /// The bits of a parameter as PyTorch orders them, with PyTorch's shape.
  static func torchOrder(_ parameter: Parameter) -> (shape: [Int], values: [Float]) {
    let value = parameter.value
    switch parameter.layout {
    case .scalar: return ([], Array(value))
    case .vector(let count): return ([count], Array(value))
    case .linear(let inputs, let outputs):
      let values = (0..<outputs).flatMap { o in (0..<inputs).map { i in value[i * outputs + o] } }
      return ([outputs, inputs], values)
    case .convolution(let size, let inputs, let outputs):
      var values: [Float] = []
      for o in 0..<outputs {
        for i in 0..<inputs {
          for position in 0..<(size * size) { values.append(value[(position * inputs + i) * outputs + o]) }
        }
      }
      return ([outputs, inputs, size, size], values)
    }
  }

  /// Compares a file with parts of this network: the same tensors, the same bits.
  func expectFile(
    _ path: String, holds parts: [Sequential], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let reader = try SafetensorsReader(path: path)
    let parameters = parts.flatMap { $0.parameters + $0.statistics }
    #expect(reader.entries.keys.sorted() == parameters.map(\.name).sorted(), sourceLocation: sourceLocation)
    for parameter in parameters {
      let (shape, expected) = Self.torchOrder(parameter)
      if case .scalar = parameter.layout {
        let actual = try reader.integers(parameter.name, shape: [])
        #expect(actual.map(Float.init) == expected, "\(parameter.name)", sourceLocation: sourceLocation)
        continue
      }
      let actual = try reader.floats(parameter.name, shape: shape)
      let differing = zip(actual, expected).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }
      #expect(actual.count == expected.count, sourceLocation: sourceLocation)
      #expect(
        differing == nil, "\(parameter.name)[\(differing?.offset ?? 0)]", sourceLocation: sourceLocation)
    }
  }
}
