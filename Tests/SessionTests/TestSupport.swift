import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CloudSide
@testable import Compute
@testable import Datasets
@testable import EdgeSide
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Terminal
@testable import Training
@testable import Transport
@testable import Trust

extension SessionFolder {
  /// `summary.json` of a run.
  func summary(_ run: String) throws -> RunSummary {
    try RunJSON.decode(RunSummary.self, from: bytes("\(run)/summary.json"))
  }

  /// Whether a run has begun, so that it can be gone on with.
  func hasCheckpoint(_ run: String) -> Bool { Checkpoint.files.contains { exists("\(run)/\($0)") } }

  /// The lines of a run's `metrics.jsonl`; every line must be complete.
  func metrics(_ run: String) throws -> [MetricsRow] {
    let text = String(decoding: try bytes("\(run)/metrics.jsonl"), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    return try text.split(separator: "\n").map { try RunJSON.decode(MetricsRow.self, from: Array($0.utf8)) }
  }
}

/// Any line of `metrics.jsonl`.
struct MetricsRow: Decodable {
  var type: String
  var role: Role
  var event: String?
  var reason: String?
  var epoch: Int?
  var step: Int?
  var loss: Float?
  var learningRate: Float?
  var images: Int?
  var trainLoss: Double?
  var exitAccuracy: Double?
  var finalAccuracy: Double?
  var exitClassAccuracies: [Double?]?
  var finalClassAccuracies: [Double?]?
  var trainPayloadBytes: Int?
  var evaluationBytes: Int?
  var gradientPayloadBytes: Int?
  var sentBytes: Int?
  var receivedBytes: Int?
}

extension [MetricsRow] {
  var steps: [MetricsRow] { filter { $0.type == "step" } }
  var epochs: [MetricsRow] { filter { $0.type == "epoch" } }
  var events: [String] { filter { $0.type == "event" }.compactMap(\.event) }
}

/// A logger that says nothing.
let silentLogger = Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() })

/// A progress that nobody sees.
func silentProgress() -> ProgressReporter {
  ProgressReporter(console: Console(isTerminal: false, usesColor: false, width: { 80 }, output: { _ in }))
}

/// vgg8 after block 3, whose rest is no more than the classifier; 3 steps of 4, 4 and 2 images and 2 test batches an
/// epoch.
func quickConfiguration(
  bits: Int = 4, scale: ScaleGranularity = .tensor, compression: ActivationCompression = .none
) throws -> RunConfiguration {
  var configuration = RunConfiguration(
    task: .synthetic, network: SplitNetwork.Configuration(architecture: .vgg8, cut: 3, exitHead: .pool),
    activations: try ActivationFormat(bits: bits, scale: scale, compression: compression), data: "synthetic",
    trainImages: 10, testImages: 6)
  configuration.epochs = 1
  configuration.batchSize = 4
  configuration.learningRate = 0.02
  return configuration
}

/// One step and one test batch, for an edge that only has to be served.
func oneStepConfiguration() throws -> RunConfiguration {
  var configuration = try quickConfiguration()
  configuration.trainImages = 2
  configuration.testImages = 2
  return configuration
}

/// A cloud that serves on a thread.
final class TestCloud: Sendable {
  let interruption = Interruption()
  let server: CloudServer
  private let summaries = SessionList<RunSummary>()
  private let thread: Background<Void>

  /// Ends after so many sessions; nil for only when interrupted.
  init(
    _ folder: SessionFolder, sessions: Int? = 1, threads: Int = 1, convolution: ConvolutionMethod = .im2col,
    timeout: Double = 60,
    maximumFrameBytes: Int = 1 << 26, maximumImageBytes: Int = 1 << 29, operations: FileOperations = .live,
    timeline: Timeline? = nil, logger: Logger = silentLogger, adjust: (inout CloudServer.Options) -> Void = { _ in }
  ) throws {
    var options = CloudServer.Options(
      listen: Endpoint(host: "127.0.0.1", port: 0),
      compute: ComputeSettings(threads: threads, convolution: convolution), timeout: timeout,
      maximumFrameBytes: maximumFrameBytes, directory: "\(folder.path)/cloud", sessions: sessions)
    options.operations = operations
    options.maximumImageBytes = maximumImageBytes
    options.timeline = timeline
    adjust(&options)
    let server = try CloudServer(options, interruption: interruption, logger: logger)
    self.server = server
    thread = Background { [summaries] in try server.run { summaries.append($0) } }
  }

  /// For tests that end before they ask for the end.
  deinit { interruption.request() }

  var endpoint: Endpoint { server.endpoint }

  /// The sessions that were completed, and what `run` threw: of several that failed, the last one's error. Waits for
  /// the end.
  func end() -> (completed: [RunSummary], error: (any Error)?) {
    var failure: (any Error)?
    if case .failure(let error) = thread.result() { failure = error }
    return (summaries.all, (failure as? FailedSessionsError)?.last ?? failure)
  }

  /// Interrupts it, and gives the same.
  @discardableResult
  func stop() -> (completed: [RunSummary], error: (any Error)?) {
    interruption.request()
    return end()
  }
}

/// A run's images: without a file. Those whose classes are to be balanced are not.
func drawnImages(
  _ split: SyntheticImages.Split, _ configuration: RunConfiguration
) -> any LabeledImages {
  let count = split == .train ? configuration.trainImages : configuration.testImages
  if configuration.balancesClasses, split == .train { return PatternImages.uneven(configuration.task, count: count) }
  guard configuration.task == .synthetic else { return PatternImages(configuration.task, count: count) }
  return SyntheticImages(split: split, count: count, seed: configuration.seed)
}

/// One run of an edge, its files in `<folder>/<run>`; nil for a strategy without a cloud.
func runEdge(
  _ configuration: RunConfiguration, _ endpoint: Endpoint?, _ folder: SessionFolder, run: String = "edge",
  threads: Int = 1, convolution: ConvolutionMethod = .im2col, timeout: Double = 60,
  interruption: Interruption = Interruption(),
  operations: FileOperations = .live, train: (any LabeledImages)? = nil, timeline: Timeline? = nil,
  trust: TrustSettings? = nil
) throws -> RunSummary {
  var options = EdgeSession.Options(
    cloud: endpoint, compute: ComputeSettings(threads: threads, convolution: convolution),
    directory: "\(folder.path)/\(run)", run: try RunIdentifier(validating: run),
    settings: RunProgress.Settings(timeout: timeout, checkpointInterval: 0))
  options.settings.trust = trust
  options.operations = operations
  options.timeline = timeline
  let session = try EdgeSession(
    configuration, options,
    train: train ?? drawnImages(.train, configuration), test: drawnImages(.test, configuration),
    interruption: interruption, logger: silentLogger, progress: silentProgress())
  return try session.run()
}

/// Runs an edge against a cloud that serves nobody else, and gives both summaries.
func runBoth(
  _ configuration: RunConfiguration, _ folder: SessionFolder, run: String = "edge", threads: Int = 1,
  convolution: ConvolutionMethod = .im2col
) throws -> (edge: RunSummary, cloud: RunSummary) {
  let cloud = try TestCloud(folder, threads: threads, convolution: convolution)
  do {
    let edge = try runEdge(
      configuration, cloud.endpoint, folder, run: run, threads: threads, convolution: convolution)
    let (completed, error) = cloud.end()
    if let error { throw error }
    return (edge, try #require(completed.first))
  } catch {
    cloud.stop()
    throw error
  }
}
