import Foundation
import TestSupport
import Testing

@testable import CloudSide
@testable import Compute
@testable import Datasets
@testable import EdgeSide
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import Trust

/// A run of both sides in one folder whose connections and sessions may end and go on: the edge's files in `<run>`, the
/// cloud's in `cloud/<run>`.
struct DurableRun {
  let folder: SessionFolder
  var configuration: RunConfiguration
  /// One checkpoint after each step, if the one before is written.
  var checkpointInterval = 1e-9
  /// Bytes; nil for none.
  var spool: Int? = 1 << 20
  /// How each side protects the connection.
  var trust = (cloud: TrustSettings(), edge: TrustSettings())
  var name = "run"
  /// The files from which each side's weights begin.
  var initialWeights = (edge: [String](), cloud: [String]())
  /// Those of which the edge sends the cloud its part.
  var sentWeights: [String] = []

  init(_ strategy: Strategy, epochs: Int = 2, in folder: SessionFolder) throws {
    self.folder = folder
    configuration = try quickConfiguration(bits: 2, compression: .zstd)
    configuration.strategy = strategy
    configuration.epochs = epochs
    configuration = configuration.canonical()
  }

  /// 2 steps of 2 images and one test batch in each of 2 epochs, for tests of very many runs.
  init(tiny strategy: Strategy, in folder: SessionFolder) throws {
    try self.init(strategy, in: folder)
    let task = ImageTask(
      shape: FeatureShape(height: 8, width: 8, channels: 1), classes: 3, mean: [0.375], deviation: [0.2])
    var tiny = RunConfiguration(
      task: task, network: SplitNetwork.Configuration(architecture: .vgg8, cut: 3, exitHead: .pool, for: task),
      activations: configuration.activations, data: "synthetic", trainImages: 4, testImages: 2)
    (tiny.strategy, tiny.epochs, tiny.learningRate) = (strategy, configuration.epochs, configuration.learningRate)
    tiny.batchSize = 2
    configuration = tiny.canonical()
  }

  /// A cloud that serves until it is stopped.
  func cloud(
    on endpoint: Endpoint = Endpoint(host: "127.0.0.1", port: 0), timeout: Double = 60,
    operations: FileOperations = .live, sockets: SocketOperations = .live
  ) throws -> DurableCloud {
    try DurableCloud(
      directory: "\(folder.path)/cloud", endpoint, timeout: timeout, checkpointInterval: checkpointInterval,
      operations: operations, sockets: sockets, trust: trust.cloud, initialWeights: initialWeights.cloud)
  }

  /// Starts the edge, or goes on with it if there is a checkpoint.
  ///
  /// - Parameter cloud: nil to train without it.
  func edge(
    _ cloud: Endpoint?, timeout: Double = 60, reconnectFor: Double? = 60, interruption: Interruption = Interruption(),
    operations: FileOperations = .live, sockets: SocketOperations = .live, train: (any LabeledImages)? = nil
  ) throws -> RunSummary {
    let path = "\(folder.path)/\(name)"
    var checkpoint: Checkpoint.Reader?
    if folder.hasCheckpoint(name) {
      checkpoint = try Checkpoint.read(RunDirectory(resuming: path), role: .edge) { Issue.record($0) }[0]
    }
    var options = EdgeSession.Options(
      cloud: cloud, compute: ComputeSettings(threads: 1), directory: path, run: try RunIdentifier(validating: name),
      settings: RunProgress.Settings(
        timeout: timeout, checkpointInterval: checkpointInterval, spool: spool, reconnectFor: reconnectFor))
    options.settings.trust = trust.edge
    options.operations = operations
    options.socketOperations = sockets
    options.waits = true
    if checkpoint == nil, !initialWeights.edge.isEmpty {
      options.initialWeights = try InitialWeights(initialWeights.edge)
    }
    if checkpoint == nil, !sentWeights.isEmpty { options.cloudWeights = try InitialWeights(sentWeights) }
    options.pauses = RetryPauses(first: 0.02)
    let session = try EdgeSession(
      configuration, options, resuming: checkpoint, train: train ?? drawnImages(.train, configuration),
      test: drawnImages(.test, configuration), interruption: interruption, logger: silentLogger,
      progress: silentProgress())
    return try session.run()
  }

  /// The edge, which its user interrupts in the second epoch, or while it uploads.
  func interrupt(_ cloud: Endpoint) throws {
    let interruption = Interruption()
    let reads = configuration.strategy == .cloudUploadOnce ? 9 : 16
    let images = TriggeringImages(drawnImages(.train, configuration), afterReads: reads) { interruption.request() }
    #expect(throws: InterruptedError()) { try edge(cloud, interruption: interruption, train: images) }
  }

  /// Both sides from where they are to the end; the cloud, which has completed no run yet, is stopped then.
  func complete(with cloud: DurableCloud) throws {
    _ = try edge(cloud.endpoint)
    cloud.awaitCompleted(1)
    cloud.stop()
  }

  /// The log of a side without what differs between any two runs, and without what tells of the interruptions; the
  /// epochs apart from the steps.
  func log(_ path: String) throws -> [[String: String]] {
    let ignored = ["seconds", "per_second", "memory", "sent_bytes", "received_bytes", "resent_bytes"]
    return try text("\(folder.path)/\(path)/metrics.jsonl").split(separator: "\n").map { line in
      try object(line).filter { key, _ in !ignored.contains { key.contains($0) } }.mapValues { "\($0)" }
    }.filter { $0["type"] != "event" }.sorted { order($0) < order($1) }
  }

  private func order(_ line: [String: String]) -> String {
    [line["type"], line["epoch"], line["step"]].map { $0 ?? "" }.joined(separator: " ")
  }

  /// Both sides ended as those of another run in the same folder.
  func expectSame(as whole: DurableRun, sourceLocation: SourceLocation = #_sourceLocation) throws {
    for difference in try differences(from: whole) { Issue.record("\(difference)", sourceLocation: sourceLocation) }
  }

  /// What is not as in another run in the same folder.
  ///
  /// - Parameter mayLeave: whether what a run that is complete needs no more may be left: a process may have died when
  ///   it removed it.
  func differences(from whole: DurableRun, mayLeave: Bool = false) throws -> [String] {
    var differences: [String] = []
    func require(_ isSame: Bool, _ what: String) { if !isSame { differences.append(what) } }
    let sides = [(name, whole.name, "edge"), ("cloud/\(name)", "cloud/\(whole.name)", "cloud")]
    for (mine, others, side) in sides.prefix(configuration.strategy.needsCloud ? 2 : 1) {
      let weights = "\(side).safetensors"
      if folder.exists("\(others)/\(weights)") {
        let same = try folder.data("\(mine)/\(weights)") == folder.data("\(others)/\(weights)")
        require(same, "\(mine)/\(weights): other weights")
      }
      let (lines, expectedLines) = (try log(mine), try log(others))
      require(lines == expectedLines, "\(mine)/metrics.jsonl: \(lines), expected \(expectedLines)")
      let (summary, expected) = (try folder.summary(mine), try folder.summary(others))
      require(summary.outcome == .completed, "\(mine): \(summary.outcome)")
      require(
        summary.finalAccuracy == expected.finalAccuracy && summary.exitAccuracy == expected.exitAccuracy,
        "\(mine): another accuracy")
      require(
        summary.trainPayloadBytes == expected.trainPayloadBytes && summary.evaluationBytes == expected.evaluationBytes,
        "\(mine): \(summary.trainPayloadBytes) and \(summary.evaluationBytes) bytes, "
          + "expected \(expected.trainPayloadBytes) and \(expected.evaluationBytes)")
      for file in Checkpoint.files + ["spool", "images.bin", "initial-weights-\(name).safetensors"] where !mayLeave {
        require(!folder.exists("\(mine)/\(file)"), "\(mine)/\(file) is left")
      }
    }
    return differences
  }

  /// The same run under another name, undisturbed.
  func whole() throws -> DurableRun {
    var whole = self
    whole.name = "whole"
    guard configuration.strategy.needsCloud else {
      _ = try whole.edge(nil)
      return whole
    }
    let cloud = try cloud()
    try whole.complete(with: cloud)
    return whole
  }
}

/// A cloud that waits for edges that are lost, on a thread.
final class DurableCloud: Sendable {
  let endpoint: Endpoint
  private let interruption = Interruption()
  private let thread: Background<Void>
  private let completed = Guarded(0)

  init(
    directory: String, _ endpoint: Endpoint, timeout: Double, checkpointInterval: Double, operations: FileOperations,
    sockets: SocketOperations, trust: TrustSettings, initialWeights: [String] = []
  ) throws {
    var options = CloudServer.Options(
      listen: endpoint, compute: ComputeSettings(threads: 1), timeout: timeout, maximumFrameBytes: 1 << 26,
      directory: directory, sessions: nil)
    options.checkpointInterval = checkpointInterval
    options.reconnectFor = nil
    options.operations = operations
    options.socketOperations = sockets
    options.trust = trust
    options.initialWeights = initialWeights
    let server = try CloudServer(options, interruption: interruption, logger: silentLogger)
    self.endpoint = server.endpoint
    thread = Background { [completed] in try server.run { _ in completed.change { $0 += 1 } } }
  }

  deinit { interruption.request() }

  /// Waits until so many sessions are completed.
  func awaitCompleted(_ count: Int) { completed.wait { $0 >= count ? () : nil } }

  /// Ends it, and waits for its end.
  func stop() {
    requestEnd()
    _ = thread.result()
  }

  /// Lets it end.
  func requestEnd() { interruption.request() }

  /// Whether it has ended.
  var hasEnded: Bool { thread.poll() != nil }
}

/// A way between both sides on which connections can be cut.
final class CuttableWay: Sendable {
  private let listener: SocketListener
  private let state = Guarded((pairs: [(Socket, Socket)](), isEnded: false))
  private let thread: Background<Void>

  var endpoint: Endpoint { listener.localEndpoint }

  /// - Parameters:
  ///   - cutAfter: bytes towards the cloud after which each connection but the last is cut: the first one after the
  ///     first number, and so on.
  ///   - damages: whether the next byte is changed instead.
  ///   - strangers: who answers the connections after those, each one of them, before it is the cloud again.
  init(to cloud: Endpoint, cutAfter: [Int], damages: Bool = false, then strangers: [Endpoint] = []) throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    self.listener = listener
    thread = Background {
      var (limits, strangers) = (cutAfter[...], strangers[...])
      while let near = try? listener.accept(timeout: 60) {
        let limit = limits.popFirst()
        let far = try Socket.connect(to: limit == nil ? strangers.popFirst() ?? cloud : cloud, timeout: 60)
        let (up, down) = (
          Background { Self.forward(near, far, limit: limit ?? .max, damages: damages) },
          Background { Self.forward(far, near, limit: .max) }
        )
        _ = up.result()
        near.close()
        far.close()
        _ = down.result()
      }
    }
  }

  private static func forward(_ source: Socket, _ sink: Socket, limit: Int, damages: Bool = false) {
    var left = limit
    var byte: UInt8 = 0
    do {
      while left > 0 || damages {
        try withUnsafeMutableBytes(of: &byte) { try source.readExactly(into: $0) { .nothing } }
        if left == 0 { byte ^= 1 }
        try sink.writeAll([byte])
        left -= 1
      }
    } catch { sink.shutdownWriting() }
  }

  deinit { listener.close() }
}
