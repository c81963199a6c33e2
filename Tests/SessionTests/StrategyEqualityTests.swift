import TestSupport
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import Transport

/// Every strategy that trains one network on one loss computes what one process computes with the uncut network, bit
/// for bit.
@Suite(.serialized) struct StrategyEqualityTests {
  /// 2 epochs of 10 steps, the last one of each with 1 image, and 3 test batches, the last one with 1.
  static func configuration(
    _ strategy: Strategy, cut: Int = 2, task: ImageTask = .synthetic
  ) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: task,
      network: SplitNetwork.Configuration(architecture: .vgg8, cut: cut, exitHead: .conv, for: task),
      activations: .exact, data: "synthetic", trainImages: 19, testImages: 5)
    configuration.strategy = strategy
    configuration.epochs = 2
    configuration.batchSize = 2
    configuration.learningRate = 0.05
    configuration.seed = 7
    return configuration.canonical()
  }

  @Test(arguments: [
    Case(strategy: .edgeOnly), Case(strategy: .edgeOnly, threads: 2),
    Case(strategy: .edgeOnly, task: .small, isOtherwise: true),
  ])
  func edgeOnlyIsTheUncutNetwork(_ test: Case) throws {
    let (configuration, threads) = (try test.configuration(), test.threads)
    let folder = try SessionFolder()
    let summary = try runEdge(configuration, nil, folder, threads: threads)
    var reference = try WholeReference(configuration, threads: threads)
    try reference.run()
    try reference.expectFiles(["\(folder.path)/edge/edge.safetensors"])
    try Self.expectLogs(folder, ["edge"], reference)
    #expect(summary.finalAccuracy == reference.correct.last.map { Double($0) / 5 })
    #expect(summary.sentBytes == 0 && summary.receivedBytes == 0)
    #expect(summary.cut == nil && summary.bits == nil && summary.strategy == "edge-only")
  }

  struct Case: CustomStringConvertible, Sendable {
    var strategy: Strategy
    var cut = 2
    var threads = 1
    var task = ImageTask.synthetic
    var isOtherwise = false
    var description: String {
      "\(strategy.rawValue), cut \(cut), \(threads) threads, \(task.shape)\(isOtherwise ? ", balanced, smoothed" : "")"
    }

    func configuration() throws -> RunConfiguration {
      var configuration = try StrategyEqualityTests.configuration(strategy, cut: cut, task: task)
      if isOtherwise { (configuration.balancesClasses, configuration.labelSmoothing) = (true, 0.1) }
      return configuration
    }
  }

  @Test(arguments: [
    Case(strategy: .split), Case(strategy: .split, cut: 1, threads: 2), Case(strategy: .split, cut: 3),
    Case(strategy: .cloudStream), Case(strategy: .cloudStream, threads: 2),
    Case(strategy: .cloudUploadOnce), Case(strategy: .cloudUploadOnce, threads: 2),
    Case(strategy: .split, task: .small), Case(strategy: .cloudStream, task: .small),
    Case(strategy: .cloudUploadOnce, task: .small),
    Case(strategy: .split, task: .small, isOtherwise: true),
    Case(strategy: .cloudStream, task: .small, isOtherwise: true),
    Case(strategy: .cloudUploadOnce, task: .small, isOtherwise: true),
  ])
  func twoSidesAreTheUncutNetwork(_ test: Case) throws {
    let configuration = try test.configuration()
    let folder = try SessionFolder()
    let (edge, cloud) = try runBoth(configuration, folder, threads: test.threads)
    var reference = try WholeReference(configuration, cut: 2, threads: test.threads)
    try reference.run()
    let edgeFile = test.strategy == .split ? ["\(folder.path)/edge/edge.safetensors"] : []
    #expect(folder.exists("edge/edge.safetensors") == !edgeFile.isEmpty)
    try reference.expectFiles(edgeFile + ["\(folder.path)/cloud/edge/cloud.safetensors"])
    let events =
      test.strategy == .cloudUploadOnce ? ["started", "uploaded", "completed"] : ["started", "completed"]
    try Self.expectLogs(folder, ["edge", "cloud/edge"], reference, events: events)

    // Both sides count the same, to the byte, and what the strategy says.
    let bytes = try Self.expectedBytes(configuration)
    for summary in [edge, cloud] {
      #expect(summary.outcome == .completed)
      #expect(summary.strategy == test.strategy.rawValue)
      #expect(summary.trainPayloadBytes == bytes.train)
      #expect(summary.evaluationBytes == bytes.evaluation)
      #expect(summary.gradientPayloadBytes == bytes.gradient)
      #expect(
        summary.exitAccuracy == nil && summary.finalAccuracy == reference.correct.last.map { Double($0) / 5 })
      #expect(abs(summary.busySeconds + summary.idleSeconds - summary.trainingSeconds) <= 1e-9)
    }
    #expect(edge.sentBytes == cloud.receivedBytes && edge.receivedBytes == cloud.sentBytes)
    #expect(try Self.sum(folder.metrics("edge").epochs, \.gradientPayloadBytes) == bytes.gradient)
    #expect(edge.receivedBytes > bytes.gradient)
  }

  private static func sum(_ rows: [MetricsRow], _ value: KeyPath<MetricsRow, Int?>) -> Int {
    rows.compactMap { $0[keyPath: value] }.reduce(0, +)
  }

  /// Payloads of the run, by the layouts of docs/protocol.md: 10 batches of training and 3 of evaluation an epoch.
  private static func expectedBytes(
    _ configuration: RunConfiguration
  ) throws -> (train: Int, evaluation: Int, gradient: Int) {
    let values = try SplitNetwork(configuration.network).cutShape.values
    let (train, test) = (configuration.trainImages, configuration.testImages)
    let image = 2 + configuration.task.imageBytes
    let floats = { (batches: Int, images: Int) in batches * 24 + images * values * 4 }
    switch configuration.strategy {
    case .split:
      return (
        2 * (10 * 4 + 2 * train + floats(10, train)), 2 * (3 * 4 + 2 * test + floats(3, test)), 2 * floats(10, train)
      )
    case .cloudStream: return (2 * (10 * 4 + train * image), 2 * (3 * 4 + test * image), 0)
    case .cloudUploadOnce: return (10 * 4 + train * image, 3 * 4 + test * image, 0)
    case .hierarchical, .edgeOnly: return (0, 0, 0)
    }
  }

  /// With fewer bits the cloud trains on what it received, and the gradient goes back as it is.
  @Test func splitWithFewBitsTrains() throws {
    var configuration = try Self.configuration(.split)
    configuration.activations = try ActivationFormat(bits: 4, scale: .channel, compression: .zstd)
    let folder = try SessionFolder()
    let (edge, cloud) = try runBoth(configuration, folder)
    #expect(edge.gradientPayloadBytes == cloud.gradientPayloadBytes)
    #expect(edge.trainPayloadBytes == cloud.trainPayloadBytes)
    #expect(edge.trainPayloadBytes < edge.gradientPayloadBytes / 4)
    #expect(edge.finalAccuracy == cloud.finalAccuracy && edge.bits == 4 && edge.cut == 2)
  }

  /// Where residual blocks end and begin at the cut.
  @Test func splitOfAResidualNetwork() throws {
    var configuration = try Self.configuration(.split, cut: 2)
    configuration.network.architecture = .resnet18ImageNet
    configuration.trainImages = 5
    configuration.testImages = 2
    let folder = try SessionFolder()
    _ = try runBoth(configuration, folder)
    var reference = try WholeReference(configuration, cut: 3, threads: 1)
    try reference.run()
    try reference.expectFiles([
      "\(folder.path)/edge/edge.safetensors", "\(folder.path)/cloud/edge/cloud.safetensors",
    ])
  }

  /// A bottleneck belongs to the network, so that the uncut one has it, too.
  @Test func splitWithABottleneck() throws {
    var configuration = try Self.configuration(.split)
    configuration.network.bottleneck = 5
    let folder = try SessionFolder()
    _ = try runBoth(configuration, folder)
    var reference = try WholeReference(configuration, threads: 1)
    try reference.run()
    try reference.expectFiles([
      "\(folder.path)/edge/edge.safetensors", "\(folder.path)/cloud/edge/cloud.safetensors",
    ])
  }

  /// The logs in these directories hold the reference's losses and accuracies, and no exit's.
  static func expectLogs(
    _ folder: SessionFolder, _ paths: [String], _ reference: WholeReference,
    events: [String] = ["started", "completed"], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let configuration = reference.configuration
    for path in paths {
      let rows = try folder.metrics(path)
      #expect(rows.events == events, sourceLocation: sourceLocation)
      #expect(rows.steps.map(\.step) == Array(1...20), sourceLocation: sourceLocation)
      #expect(
        rows.steps.map(\.images)
          == Array(repeating: [2, 2, 2, 2, 2, 2, 2, 2, 2, 1], count: 2).flatMap { $0 },
        sourceLocation: sourceLocation)
      #expect(
        rows.steps.map(\.loss) == reference.losses.map { Float($0) }, "\(path)",
        sourceLocation: sourceLocation)
      #expect(
        rows.steps.map(\.learningRate)
          == (0..<20).map { configuration.scheduled(step: $0).learningRate }, sourceLocation: sourceLocation)
      #expect(
        rows.epochs.map(\.finalAccuracy) == reference.correct.map { Double($0) / 5 }, "\(path)",
        sourceLocation: sourceLocation)
      #expect(
        rows.epochs.map(\.finalClassAccuracies) == reference.classAccuracies, "\(path)", sourceLocation: sourceLocation)
      #expect(
        rows.epochs.allSatisfy { $0.exitClassAccuracies == nil }, "\(path)", sourceLocation: sourceLocation)
      #expect(rows.epochs.allSatisfy { $0.exitAccuracy == nil }, sourceLocation: sourceLocation)
    }
  }
}
