import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import Planning
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// Plans against a cloud in this process, and both sides of a measurement against peers that lie.
@Suite(.serialized) struct PlannerTests {
  /// vgg8, tiny batches, one step to time.
  private static func request(bits: [Int] = [1, 32], cuts: [Int] = [2, 3]) throws -> PlanRequest {
    var base = try quickConfiguration()
    base.network.exitHead = .conv
    var request = PlanRequest(
      base: base, cuts: cuts, formats: try bits.map { try ActivationFormat(bits: $0) })
    request.steps = 1
    return request
  }

  private static func plan(
    _ request: PlanRequest, _ endpoint: Endpoint?, interruption: Interruption = Interruption()
  ) throws -> Planning.Plan {
    try Planner(
      request, compute: ComputeSettings(threads: 1),
      train: SyntheticImages(split: .train, count: request.base.trainImages, seed: 0),
      test: SyntheticImages(split: .test, count: request.base.testImages, seed: 0),
      interruption: interruption, logger: silentLogger
    ).plan(cloud: endpoint, timeout: 20)
  }

  @Test func everySettingIsPredicted() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder)
    var request = try Self.request()
    request.base.link = LinkShaping(rate: 2e7, delay: 0.01)
    let plan = try Self.plan(request, cloud.endpoint)
    let (completed, error) = cloud.end()
    #expect(error == nil && completed.isEmpty)
    #expect(!folder.exists("cloud"), "a measurement leaves a run directory")

    let link = try #require(plan.link)
    #expect((0.02...0.5).contains(link.roundTripSeconds), "\(link)")
    // Other tests may hold the machine up.
    #expect((0.5e6...2.6e6).contains(link.upBytesPerSecond), "\(link)")
    #expect((0.5e6...2.6e6).contains(link.downBytesPerSecond), "\(link)")
    #expect(plan.exclusions.isEmpty)
    #expect(plan.rows.count == 2 * 2 * 2 + 3)
    #expect(Set(plan.rows.map(\.setting)).count == plan.rows.count)
    let means = plan.rows.map { $0.prediction.mean(overEpochs: plan.epochs) }
    #expect(means == means.sorted())
    for row in plan.rows {
      #expect(row.prediction.epoch > 0 && row.prediction.epoch.isFinite, "\(row)")
      #expect((row.prediction.edge > 0) == (row.setting.strategy != .cloudUploadOnce), "\(row)")
      #expect((row.prediction.cloud > 0) == row.setting.strategy.needsCloud, "\(row)")
      #expect((row.prediction.upload > 0) == (row.setting.strategy == .cloudUploadOnce), "\(row)")
      #expect(try #require(row.edgeMemoryBytes) > 1_000_000)
      #expect((row.cloudMemoryBytes != nil) == row.setting.strategy.needsCloud)
      #expect((row.downBytesPerImage > 0) == (row.setting.strategy == .split))
    }
    // Header, count and labels of 4 images; 24 bytes of the codec, one scale, 4x4x128... 2048 values a bit each.
    let expected = 24 + 4 + 2 * 4 + 24 + 5 + 4 * 2048 / 8
    let row = try #require(plan.rows.first { $0.setting == PlanSetting(.hierarchical, cut: 3, bits: 1) })
    #expect(row.bytesPerImage == Double(expected) / 4)
    let stream = try #require(plan.rows.first { $0.setting.strategy == .cloudStream })
    #expect(stream.bytesPerImage == Double(24 + 4 + 4 * 3074) / 4)

    let document = PlanDocument(
      plan, request.base, compute: ComputeSettings(threads: 1), command: "edge-trainer train")
    let file = "\(folder.path)/plan.json"
    var output = try OutputFile(path: file)
    try output.write(document.encoded())
    #expect(try RunJSON.decode(PlanDocument.self, from: folder.bytes("plan.json")) == document)
    #expect(document.rows.count == 11)
  }

  /// A cloud that has measured serves a run.
  @Test func trainingFollows() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 2)
    var request = try Self.request(bits: [4], cuts: [3])
    request.strategies = [.hierarchical]
    _ = try Self.plan(request, cloud.endpoint)
    _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "run") }
    let (completed, error) = cloud.end()
    #expect(error == nil && completed.count == 1)
  }

  @Test func edgeOnlyNeedsNoCloud() throws {
    var request = try Self.request()
    request.strategies = [.edgeOnly]
    #expect(!request.needsCloud)
    let plan = try Self.plan(request, nil)
    #expect(plan.link == nil)
    #expect(plan.rows.map(\.setting) == [PlanSetting(.edgeOnly)])
  }

  @Test func conditionsLeaveOut() throws {
    let folder = try SessionFolder()
    // Frames of 32 bits at cut 2, and the images of an upload, are beyond the cloud's limits.
    let cloud = try TestCloud(folder, maximumFrameBytes: 1 << 16, maximumImageBytes: 1000)
    var request = try Self.request()
    request.strategies = [.hierarchical, .cloudUploadOnce, .cloudStream, .edgeOnly]
    let plan = try Self.plan(request, cloud.endpoint)
    #expect(cloud.end().error == nil)
    #expect(
      Set(plan.rows.map(\.setting)) == [
        PlanSetting(.hierarchical, cut: 2, bits: 1), PlanSetting(.hierarchical, cut: 3, bits: 1),
        PlanSetting(.hierarchical, cut: 3, bits: 32), PlanSetting(.cloudStream), PlanSetting(.edgeOnly),
      ])
    #expect(plan.exclusions.count == 2, "\(plan.exclusions)")
    #expect(plan.exclusions[0].settings == [PlanSetting(.hierarchical, cut: 2, bits: 32)])
    #expect(plan.exclusions[0].reason.contains("65536 bytes"))
    #expect(plan.exclusions[1].settings == [PlanSetting(.cloudUploadOnce)])
    #expect(plan.exclusions[1].reason.hasPrefix("the cloud refuses: the images take 49184 bytes"))
  }

  @Test func blocksOnTheEdgeAndMemory() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 2)
    var request = try Self.request(bits: [4])
    request.strategies = [.hierarchical, .cloudStream]
    request.minimumCut = 3
    let plan = try Self.plan(request, cloud.endpoint)
    #expect(plan.rows.map(\.setting) == [PlanSetting(.hierarchical, cut: 3, bits: 4)])
    #expect(plan.exclusions.map(\.reason) == ["fewer blocks on the edge than --min-cut 3"])
    #expect(plan.exclusions[0].settings.map(\.strategy) == [.hierarchical, .cloudStream])

    request.maximumEdgeMemory = 1000
    let error = try #require(
      #expect(throws: NothingLeftError.self) { try whileBusy { try Self.plan(request, cloud.endpoint) } })
    #expect(
      error.description
        == "no setting is left: 2 settings: fewer blocks on the edge than --min-cut 3; "
        + "1 setting: more edge memory than --max-edge-memory, 1.0 KB")
    #expect(ErrorKind(error) == .usage)
    #expect(cloud.end().error == nil)
  }

  /// The exit head does not fit at every cut.
  @Test func cutsThatMakeNoNetwork() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder)
    var request = try Self.request(bits: [4], cuts: [1, 3])
    request.base.network.bottleneck = 100
    request.strategies = [.hierarchical]
    let plan = try Self.plan(request, cloud.endpoint)
    #expect(cloud.end().error == nil)
    #expect(plan.rows.map(\.setting) == [PlanSetting(.hierarchical, cut: 3, bits: 4)])
    #expect(plan.exclusions.count == 1)
    #expect(plan.exclusions[0].reason.contains("a bottleneck of 100 channels is out of range"))
  }

  // MARK: Peers that lie, or leave

  private static func hello(_ endpoint: Endpoint) throws -> FramedConnection {
    let connection = FramedConnection(try Socket.connect(to: endpoint, timeout: 20), role: .edge)
    _ = try Handshake.connect(
      connection,
      hello: Hello(runID: "measures", exchange: .measurements, configuration: quickConfiguration()))
    return connection
  }

  @Test func answerBeyondTheLimitIsRefusedBeforeItIsMade() throws {
    let cloud = try TestCloud(SessionFolder(), maximumFrameBytes: 1 << 20)
    let connection = try Self.hello(cloud.endpoint)
    try connection.send(.filler(Filler(sequence: 1, byteCount: 0, answerByteCount: 1 << 20)))
    guard case .failure(let failure) = try connection.receive().message else { throw CancellationError() }
    #expect(failure.code == "protocol" && failure.reason.contains("answer bytes"), "\(failure)")
    connection.close()
    #expect(cloud.end().error is WireError)
  }

  @Test func configurationOutOfRangeIsRefusedAndTheSessionGoesOn() throws {
    let cloud = try TestCloud(SessionFolder())
    let connection = try Self.hello(cloud.endpoint)
    var configuration = try quickConfiguration()
    configuration.batchSize = 100_000
    for (wrong, fragment) in [(configuration, "batch size 100000")] {
      try connection.send(.probe(try Probe(steps: 1, configuration: wrong)))
      guard case .probeReport(let report) = try connection.receive().message else {
        throw CancellationError()
      }
      #expect(report.steps == 0 && report.refusal?.contains(fragment) == true, "\(report)")
    }
    try connection.send(.probe(try Probe(steps: 0, configuration: quickConfiguration())))
    guard case .probeReport(let report) = try connection.receive().message else { throw CancellationError() }
    #expect(report.steps == 0 && report.refusal == nil && report.secondsPerStep == 0)
    connection.close(sending: .goodbye(Goodbye(reason: .completed)))
    #expect(cloud.end().error == nil)
  }

  @Test func edgeThatLeaves() throws {
    let cloud = try TestCloud(SessionFolder())
    try Self.hello(cloud.endpoint).abandon()
    #expect(cloud.end().error is ConnectionError)
  }

  /// The cloud does not measure to the end for an edge that is not there any more, or that says that it will not wait.
  @Test(arguments: [false, true]) func edgeThatLeavesWhileTheCloudMeasures(withAGoodbye: Bool) throws {
    let cloud = try TestCloud(SessionFolder())
    let connection = try Self.hello(cloud.endpoint)
    var configuration = try quickConfiguration()
    configuration.network.cut = 1
    (configuration.trainImages, configuration.batchSize) = (128, 128)
    func ask(steps: Int) throws {
      try connection.send(.probe(try Probe(steps: steps, configuration: configuration)))
    }
    try ask(steps: 1)
    guard case .probeReport(let report) = try connection.receive().message else { throw CancellationError() }
    try #require(report.steps == 1)
    try ask(steps: 16)
    let start = MonotonicClock.seconds()
    if withAGoodbye {
      connection.close(sending: .goodbye(Goodbye(reason: .interrupted)))
      #expect(cloud.end().error as? TrainingError == .peerInterrupted(peer: .edge))
    } else {
      connection.abandon()
      #expect(cloud.end().error is ConnectionError)
    }
    // Of 17 steps the one under way is done.
    let seconds = MonotonicClock.seconds() - start
    #expect(seconds < 8 * report.secondsPerStep, "\(seconds) s, \(report.secondsPerStep) s a step")
  }

  @Test func cloudThatIsInterrupted() throws {
    let cloud = try TestCloud(SessionFolder())
    let connection = try Self.hello(cloud.endpoint)
    cloud.interruption.request()
    guard case .goodbye(let goodbye) = try connection.receive().message else { throw CancellationError() }
    #expect(goodbye.reason == .interrupted)
    connection.close()
    #expect(cloud.end().error is InterruptedError)
  }

  @Test func edgeThatIsInterrupted() throws {
    let cloud = try TestCloud(SessionFolder())
    let interruption = Interruption()
    let request = try Self.request()
    let endpoint = cloud.endpoint
    var shaped = request
    shaped.base.link = LinkShaping(rate: 1e4)
    let plan = Background { [shaped] in try Self.plan(shaped, endpoint, interruption: interruption) }
    sleep(milliseconds: 300)
    interruption.request()
    #expect(try plan.error() is InterruptedError)
    #expect(cloud.end().error as? TrainingError == .peerInterrupted(peer: .edge))
  }

  @Test func cloudThatAnswersSomethingElse() throws {
    let cloud = try FakeCloud { peer in
      try peer.welcome()
      _ = try peer.connection.receive()
      try peer.sendLawlessly(.probeReport(ProbeReport(steps: 1, secondsPerStep: 1)))
      guard case .failure(let failure) = try peer.lastWord() else { throw CancellationError() }
      #expect(failure.code == "protocol")
    }
    #expect(throws: WireError.self) { try Self.plan(try Self.request(), cloud.endpoint) }
    try cloud.end()
  }

  @Test func cloudThatFails() throws {
    let cloud = try FakeCloud { peer in
      try peer.welcome()
      _ = try peer.connection.receive()
      try peer.connection.send(.failure(Failure(code: "link", reason: "a cable is loose")))
      peer.connection.close()
    }
    #expect(throws: Failure(code: "link", reason: "a cable is loose")) {
      try Self.plan(try Self.request(), cloud.endpoint)
    }
    try cloud.end()
  }
}
