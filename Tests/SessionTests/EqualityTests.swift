import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import Transport
@testable import WeightFiles

/// Two processes over loopback compute what one process computes, bit for bit.
@Suite(.serialized) struct EqualityTests {
  struct Case: CustomStringConvertible, Sendable {
    var bits: Int
    var scale = ScaleGranularity.tensor
    var compression = ActivationCompression.none
    var fullScale: Double?
    var threads = 1
    var cut = 2
    var exitHead = ExitHead.conv
    var bottleneck: Int?
    var architecture = Architecture.vgg8
    var convolution = ConvolutionMethod.im2col
    var task = ImageTask.synthetic
    var balances = false
    var labelSmoothing = 0.0

    var description: String {
      """
      \(task.shape), \(architecture.rawValue) cut \(cut), \(bits) bits, \(scale), \(compression), \(threads) threads, \
      \(convolution)\(balances ? ", balanced" : ""), smoothing \(labelSmoothing)
      """
    }

    /// 2 epochs of 10 steps, the last one of each with 1 image, and 3 test batches, the last one with 1.
    func configuration(seed: UInt64 = 7) throws -> RunConfiguration {
      var configuration = RunConfiguration(
        task: task,
        network: SplitNetwork.Configuration(
          architecture: architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck, for: task),
        activations: try ActivationFormat(
          bits: bits, scale: scale, compression: compression, fullScale: fullScale),
        data: "synthetic", trainImages: 19, testImages: 5)
      configuration.epochs = 2
      configuration.batchSize = 2
      configuration.learningRate = 0.05
      configuration.seed = seed
      configuration.balancesClasses = balances
      configuration.labelSmoothing = labelSmoothing
      return configuration
    }
  }

  @Test(arguments: [
    Case(bits: 32),
    Case(bits: 32, threads: 2, exitHead: .deep),
    Case(bits: 4, threads: 2, exitHead: .pool),
    Case(bits: 4, compression: .zstd, cut: 1, bottleneck: 5),
    Case(bits: 4, scale: .channel, compression: .zstd, cut: 3),
    Case(bits: 32, threads: 2, convolution: .winograd),
    Case(bits: 4, compression: .zstd, cut: 1, bottleneck: 16, convolution: .winograd),
    Case(bits: 1, compression: .zstd, threads: 2),
    Case(bits: 2, scale: .channel, fullScale: 0.25),
    Case(bits: 4, task: .small),
    Case(bits: 4, threads: 2, exitHead: .deep, convolution: .winograd, task: .small),
    Case(bits: 4, task: .small, balances: true, labelSmoothing: 0.1),
  ])
  func twoProcessesEqualOne(_ test: Case) throws {
    let configuration = try test.configuration()
    let folder = try SessionFolder()
    let (edge, cloud) = try runBoth(
      configuration, folder, threads: test.threads, convolution: test.convolution)

    var reference = try EqualityReference(
      configuration, threads: test.threads, convolution: test.convolution)
    try reference.run()
    #expect(reference.steps.count == 20)
    try reference.expectFile(
      "\(folder.path)/edge/edge.safetensors", holds: [reference.network.front, reference.network.exit])
    try reference.expectFile(
      "\(folder.path)/cloud/edge/cloud.safetensors", holds: [reference.network.rest])

    // The logs hold the same numbers.
    let edgeRows = try folder.metrics("edge")
    let cloudRows = try folder.metrics("cloud/edge")
    #expect(edgeRows.steps.map(\.loss) == reference.steps.map { Float($0.exitLoss) })
    #expect(cloudRows.steps.map(\.loss) == reference.steps.map { Float($0.finalLoss) })
    #expect(edgeRows.steps.map(\.images) == reference.steps.map(\.images))
    #expect(edgeRows.steps.map(\.learningRate) == cloudRows.steps.map(\.learningRate))
    let count = Double(configuration.testImages)
    for rows in [edgeRows.epochs, cloudRows.epochs] {
      #expect(rows.map(\.exitAccuracy) == reference.evaluations.map { Double($0.exitCorrect) / count })
      #expect(rows.map(\.finalAccuracy) == reference.evaluations.map { Double($0.finalCorrect) / count })
    }
    let classes = configuration.task.classes
    let exits = reference.evaluations.map { fractions($0.exitHits, of: $0.labels, classes: classes) }
    let finals = reference.evaluations.map { fractions($0.finalHits, of: $0.labels, classes: classes) }
    #expect(edgeRows.epochs.map(\.exitClassAccuracies) == exits)
    #expect(edgeRows.epochs.map(\.finalClassAccuracies) == finals)
    // The exit's are the edge's alone.
    #expect(cloudRows.epochs.map(\.finalClassAccuracies) == finals)
    #expect(cloudRows.epochs.allSatisfy { $0.exitClassAccuracies == nil })
    #expect(edgeRows.epochs.map(\.trainLoss) == reference.meanLosses(\.exitLoss))
    #expect(cloudRows.epochs.map(\.trainLoss) == reference.meanLosses(\.finalLoss))
    #expect(edge.exitAccuracy == edgeRows.epochs.last?.exitAccuracy)
    #expect(cloud.finalAccuracy == edgeRows.epochs.last?.finalAccuracy)
  }

  /// Quantization is not without effect, so that the cases above compare what they say.
  @Test func quantizationChangesTheRestOnly() throws {
    var configuration = try Case(bits: 32, exitHead: .pool).configuration()
    configuration.epochs = 1
    var exact = try EqualityReference(configuration, threads: 1)
    configuration.activations = try ActivationFormat(bits: 4)
    var quantized = try EqualityReference(configuration, threads: 1)
    try exact.run()
    try quantized.run()
    #expect(bits(exact.network.front) == bits(quantized.network.front))
    #expect(bits(exact.network.exit) == bits(quantized.network.exit))
    #expect(bits(exact.network.rest) != bits(quantized.network.rest))
  }

  @Test func sameSeedSameFilesOtherSeedOthers() throws {
    let folder = try SessionFolder()
    var configuration = try Case(bits: 4, exitHead: .pool).configuration()
    configuration.epochs = 1
    _ = try runBoth(configuration, folder, run: "first")
    _ = try runBoth(configuration, folder, run: "second")
    configuration.seed = 8
    _ = try runBoth(configuration, folder, run: "other")
    for (directory, file) in [("", "edge"), ("cloud/", "cloud")] {
      let first = try folder.bytes("\(directory)first/\(file).safetensors")
      #expect(try folder.bytes("\(directory)second/\(file).safetensors") == first)
      let names = try SafetensorsReader(path: "\(folder.path)/\(directory)first/\(file).safetensors").entries
      let other = try SafetensorsReader(path: "\(folder.path)/\(directory)other/\(file).safetensors")
      let reader = try SafetensorsReader(path: "\(folder.path)/\(directory)first/\(file).safetensors")
      for (name, entry) in names where entry.elementType == .float32 {
        let differs = try reader.floats(name, shape: entry.shape) != other.floats(name, shape: entry.shape)
        #expect(differs, "\(name) does not depend on the seed")
      }
    }
  }

  private func bits(_ part: Sequential) -> [UInt32] {
    (part.parameters + part.statistics).flatMap { $0.value.map(\.bitPattern) }
  }
}

extension EqualityReference {
  /// The mean over the images of each epoch, summed in order.
  func meanLosses(_ loss: KeyPath<Step, Double>) -> [Double] {
    let perEpoch = configuration.stepsPerEpoch
    return (0..<configuration.epochs).map { epoch in
      let steps = steps[epoch * perEpoch..<(epoch + 1) * perEpoch]
      let sum = steps.reduce(0) { $0 + $1[keyPath: loss] * Double($1.images) }
      return sum / Double(configuration.trainImages)
    }
  }
}
