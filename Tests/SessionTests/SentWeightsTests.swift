import Foundation
import TestSupport
import Testing

@testable import CloudSide
@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import Trust
@testable import WeightFiles

/// Runs whose edge sends the cloud the weights from which it begins.
@Suite(.serialized) struct SentWeightsTests {
  private static let strategies = DurableTests.strategies.filter(\.needsCloud)

  /// Runs that begin with the weights of one before: with files on both sides, and with sent ones.
  private func runs(_ strategy: Strategy, in folder: SessionFolder) throws -> (files: DurableRun, sent: DurableRun) {
    var first = try DurableRun(strategy, in: folder)
    first.configuration.seed = 99
    first.name = "first"
    let cloud = try first.cloud()
    try first.complete(with: cloud)
    var files = try DurableRun(strategy, in: folder)
    files.initialWeights.cloud = ["\(folder.path)/cloud/first/cloud.safetensors"]
    if strategy.trainsOnEdge { files.initialWeights.edge = ["\(folder.path)/first/edge.safetensors"] }
    var sent = files
    sent.sentWeights = files.initialWeights.cloud
    sent.initialWeights.cloud = []
    return (files, sent)
  }

  /// The same bits as with files on both sides, also over an interruption; nothing is left of what was sent.
  @Test(arguments: strategies) func sameBitsAsFiles(strategy: Strategy) throws {
    let (files, sent) = try runs(strategy, in: SessionFolder())
    let whole = try files.whole()
    let cloud = try sent.cloud()
    try sent.interrupt(cloud.endpoint)
    #expect(sent.folder.exists("run/initial-weights-run.safetensors"))
    _ = try whileBusy { try sent.edge(cloud.endpoint) }
    cloud.awaitCompleted(1)
    cloud.stop()
    try sent.expectSame(as: whole)
    #expect(try sent.folder.summary("cloud/run").initialWeights?.count == 64)
  }

  /// A cloud that has lost everything is sent them once more.
  @Test func cloudHasLostItsDisk() throws {
    var (files, sent) = try runs(.hierarchical, in: SessionFolder())
    (files.spool, sent.spool) = (1 << 26, 1 << 26)
    (files.checkpointInterval, sent.checkpointInterval) = (3600, 3600)
    let whole = try files.whole()
    let first = try sent.cloud()
    try sent.interrupt(first.endpoint)
    first.stop()
    try FileManager.default.removeItem(atPath: "\(sent.folder.path)/cloud/run")
    let second = try sent.cloud()
    try sent.complete(with: second)
    try sent.expectSameWeights(as: whole)
  }

  /// Trained without a cloud, which gets them with the records.
  @Test func deliveredLater() throws {
    var (files, sent) = try runs(.hierarchical, in: SessionFolder())
    (files.spool, sent.spool) = (1 << 26, 1 << 26)
    let whole = try files.whole()
    #expect(try sent.edge(nil).outcome == .undelivered)
    let cloud = try sent.cloud()
    try sent.complete(with: cloud)
    try sent.expectSameWeights(as: whole)
  }

  /// The cloud's user has named files: they are not replaced from outside.
  @Test func cloudHasFilesOfItsOwn() throws {
    let (files, sent) = try runs(.hierarchical, in: SessionFolder())
    let cloud = try files.cloud()
    let error = #expect(throws: RefusedError.self) { try sent.edge(cloud.endpoint) }
    cloud.stop()
    #expect(error?.code == .unsupportedConfiguration)
    #expect(error?.reason.contains("leave --send-weights out") == true)
    #expect(!sent.folder.exists("cloud/run") && !sent.folder.exists("run/initial-weights-run.safetensors"))
  }

  /// Nothing of the files is the cloud's: nothing is sent.
  @Test func nothingFits() throws {
    var (_, sent) = try runs(.hierarchical, in: SessionFolder())
    sent.sentWeights = sent.initialWeights.edge
    let cloud = try sent.cloud()
    let error = #expect(throws: WeightsFileError.self) { try sent.edge(cloud.endpoint) }
    cloud.stop()
    #expect("\(error as Any)".contains("of cloud-trainer's part of the network"))
  }

  // MARK: Edges that lie, or go

  private func offer(_ bytes: Int, _ digest: String? = nil) -> WeightsOffer {
    WeightsOffer(bytes: bytes, digest: digest ?? String(repeating: "0123456789abcdef", count: 4))
  }

  /// Says hello to a cloud, and hears its answer.
  private func greet(_ cloud: Endpoint, _ run: DurableRun, _ weights: WeightsOffer) throws -> (
    FramedConnection, Message
  ) {
    while true {
      let connection = FramedConnection(try Socket.connect(to: cloud, timeout: 60), role: .edge)
      try connection.send(
        .hello(
          Hello(
            runID: run.name, window: run.configuration.window, weights: weights, configuration: run.configuration)))
      let answer = try connection.receive().message
      if case .refusal(let refusal) = answer, refusal.code == .busy { continue }
      return (connection, answer)
    }
  }

  @Test func cloudTrustsNoOffer() throws {
    let run = try DurableRun(.hierarchical, in: SessionFolder())
    let cloud = try run.cloud()
    // More than any file for the network has.
    let (large, answer) = try greet(cloud.endpoint, run, offer(1 << 40))
    guard case .refusal(let refusal) = answer else { throw UnexpectedMessage(answer) }
    #expect(refusal.code == .limitExceeded)
    #expect(refusal.reason.hasPrefix("the weights take 1099511627776 bytes, but such a network has "))
    large.abandon()
    // Other bytes than those that were offered.
    let (other, request) = try greet(cloud.endpoint, run, offer(3))
    #expect(request == .weightsRequest(WeightsRequest(digest: offer(3).digest)))
    try other.send(.weights(WeightsPart(sequence: 1, bytes: [1, 2, 3])))
    guard case .failure(let failure) = try other.receive().message else { throw UnexpectedMessage(request) }
    #expect(failure.reason.hasPrefix("bad SHA-256 of weights: expected 0123456789abcdef"), "\(failure.reason)")
    other.abandon()
    // The right bytes, which are no weights.
    let hash = SHA256()
    [UInt8(7)].withUnsafeBytes(hash.update)
    let (wrong, _) = try greet(cloud.endpoint, run, offer(1, Hexadecimal.encode(hash.finish())))
    try wrong.send(.weights(WeightsPart(sequence: 1, bytes: [7])))
    guard case .refusal(let reason) = try wrong.receive().message else { throw UnexpectedMessage(request) }
    #expect(reason.reason.hasPrefix("the weights from the edge: "), "\(reason.reason)")
    wrong.abandon()
    // Gone in the middle.
    let (gone, _) = try greet(cloud.endpoint, run, offer(3))
    try gone.send(.weights(WeightsPart(sequence: 1, bytes: [1])))
    gone.abandon()
    // The cloud has served nobody until now, and nothing is left of them.
    #expect(!run.folder.exists("cloud/run"))
    try run.complete(with: cloud)
  }

  /// A cloud that welcomes the edge without what it was sent.
  @Test func cloudThatTakesNothingIsFoundOut() throws {
    let (folder, run) = (try SessionFolder(), try RunIdentifier(validating: "r1"))
    let directory = try RunDirectory(creating: "\(folder.path)/edge")
    let path = "\(folder.path)/file"
    try SafetensorsWriter.write([.scalar(name: "n", 1)], metadata: [:], to: path)
    #expect(try SentWeights(of: run, in: directory) == nil)
    try FileManager.default.copyItem(atPath: path, toPath: directory.path(of: "initial-weights-r1.safetensors"))
    let sent = try #require(try SentWeights(of: run, in: directory))
    #expect(sent.offer.bytes == Int(try FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64 ?? 0))
    func welcome(_ weights: String?, resume: ResumePosition? = nil) -> Welcome {
      Welcome(maximumFrameBytes: 1 << 20, resume: resume, softwareVersion: "0", initialWeights: weights)
    }
    try sent.check(welcome(sent.offer.digest))
    try sent.check(welcome("other", resume: ResumePosition(applied: 1, epoch: 1, steps: 1, testBatches: 0)))
    for other in [nil, "ab"] as [String?] {
      let error = #expect(throws: WireError.self) { try sent.check(welcome(other)) }
      #expect("\(error as Any)".contains(other ?? "none"))
    }
  }
}
