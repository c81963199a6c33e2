import Foundation
import TestSupport
import Testing

@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// Where gradients are exchanged, both sides go on from the same record.
@Suite(.serialized) struct LockStepTests {
  /// Interrupts the edge when the nth image is asked for, and then the cloud.
  private func interrupt(_ run: DurableRun, afterReads reads: Int) throws {
    let cloud = try run.cloud()
    let interruption = Interruption()
    let images = TriggeringImages(drawnImages(.train, run.configuration), afterReads: reads) { interruption.request() }
    #expect(throws: InterruptedError()) {
      try run.edge(cloud.endpoint, interruption: interruption, train: images)
    }
    cloud.stop()
  }

  private func goOn(_ run: DurableRun, as whole: DurableRun) throws {
    let cloud = try run.cloud()
    try run.complete(with: cloud)
    try run.expectSame(as: whole)
  }

  private func checkpoints(_ run: DurableRun, _ role: Role) throws -> [Checkpoint.Reader] {
    let path = role == .edge ? run.name : "cloud/\(run.name)"
    return try Checkpoint.read(RunDirectory(resuming: "\(run.folder.path)/\(path)"), role: role) { Issue.record($0) }
  }

  /// The reasons of the events of this name: after which steps it was gone on.
  private func resumed(_ path: String, _ run: DurableRun) throws -> [String] {
    try text("\(run.folder.path)/\(path)/metrics.jsonl").split(separator: "\n").map { try object($0) }
      .filter { "\($0["event"] ?? "")" == "resumed" }.map { "\($0["reason"] ?? "")" }
  }

  /// A connection that is lost costs nothing: both sides are where they were.
  @Test func connectionIsLost() throws {
    var run = try DurableRun(.split, in: SessionFolder())
    run.checkpointInterval = 3600
    let whole = try run.whole()
    let cloud = try run.cloud()
    let way = try CuttableWay(to: cloud.endpoint, cutAfter: [6000, 7000, 5000])
    _ = try run.edge(way.endpoint)
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
    #expect(try run.folder.metrics("run").events.contains("reconnected"))
    #expect(try resumed("run", run) == [])
  }

  /// The step under way is done, and the run goes on behind it.
  @Test func edgeIsInterrupted() throws {
    var run = try DurableRun(.split, in: SessionFolder())
    run.checkpointInterval = 3600
    let whole = try run.whole()
    try interrupt(run, afterReads: 12)
    let steps = try run.folder.summary("run").completedSteps
    #expect(steps > 0)
    #expect(try checkpoints(run, .edge).map(\.progress.state.completedSteps).first == steps)
    #expect(try checkpoints(run, .cloud).map(\.progress.state.completedSteps).first == steps)
    try goOn(run, as: whole)
    #expect(try resumed("run", run) == ["step \(steps)"])
  }

  /// The cloud was killed, or its newest checkpoint is damaged: the edge goes back, too.
  @Test(arguments: [1, 2]) func cloudIsBehind(lost: Int) throws {
    let run = try DurableRun(.split, in: SessionFolder())
    let whole = try run.whole()
    try interrupt(run, afterReads: 17)
    var clouds = try checkpoints(run, .cloud)
    for reader in clouds.prefix(lost) { try FileManager.default.removeItem(atPath: reader.path) }
    clouds.removeFirst(min(lost, clouds.count))
    let positions = try checkpoints(run, .edge).map(\.position)
    if lost > 1, let left = clouds.first, !positions.contains(where: { $0 == left.position || $0 + 1 == left.position })
    {
      // The edge had begun its next one when it was interrupted: what the cloud has lost was all that both had.
      let cloud = try run.cloud()
      let error = #expect(throws: RefusedError.self) { try run.edge(cloud.endpoint) }
      cloud.stop()
      #expect(error?.code == .cannotResume)
      return
    }
    try goOn(run, as: whole)
    // How many there are depends on how fast the disk is.
    let step = clouds.first?.progress.state.completedSteps ?? 0
    #expect(try resumed("run", run) == ["step \(step)"])
  }

  /// The edge was killed after its first checkpoint, and the cloud is further: both begin once more.
  @Test func edgeHasOnlyTheBeginning() throws {
    let run = try DurableRun(.split, in: SessionFolder())
    let whole = try run.whole()
    var slow = run
    slow.checkpointInterval = 3600
    try interrupt(slow, afterReads: 11)
    let own = try checkpoints(run, .edge)
    #expect(own.last?.position == 0)
    for reader in own.dropLast() { try FileManager.default.removeItem(atPath: reader.path) }
    try goOn(run, as: whole)
  }

  @Test func nothingInCommon() throws {
    let run = try DurableRun(.split, in: SessionFolder())
    try interrupt(run, afterReads: 17)
    for reader in try checkpoints(run, .edge) where reader.position == 0 {
      try FileManager.default.removeItem(atPath: reader.path)
    }
    let positions = Set(try checkpoints(run, .edge).map(\.position))
    try FileManager.default.removeItem(atPath: "\(run.folder.path)/cloud/run")
    let cloud = try run.cloud()
    let error = #expect(throws: RefusedError.self) { try run.edge(cloud.endpoint) }
    cloud.stop()
    #expect(error?.code == .cannotResume)
    let list = positions.sorted().map(String.init).joined(separator: ", ")
    #expect(
      error?.reason.contains("there is nothing of it here, and the edge can go on only after \(list)") == true,
      "\(error?.reason ?? "")")
  }

  /// The number of a checkpoint that the cloud may not have is taken again; one that it has is not overwritten.
  @Test func numbers() throws {
    var position = RunProgress.Records()
    (position.last, position.answered, position.sent) = (1, 1, 1)
    let link = EdgeLink(
      MemoryRecords(window: 1, first: 2), window: 1, keepsAcknowledgements: true, after: position, positions: { [] })
    let cloud = try attach(link, at: 1)
    var lockStep = LockStep(after: 0)
    lockStep.began()
    #expect(lockStep.request(at: 1, link) == 2)
    #expect(try cloud.receive().message == .checkpoint(CheckpointRequest(sequence: 1, number: 2)))
    // It is not durable yet.
    #expect(lockStep.request(at: 1, link) == nil)
    #expect(lockStep.common == 1)
    try cloud.send(.durable(Durable(sequence: 1)))
    while link.durable.through < 1 { sleep(milliseconds: 1) }
    let batch = Message.trainBatch(EncodedBatch(sequence: 2, labels: [1], activations: [1, 2, 3]))
    try link.append(batch)
    #expect(try cloud.receive().message == batch)
    try cloud.send(.gradient(Gradient(sequence: 2, encoded: [1])))
    try cloud.send(.acknowledgement(Acknowledgement(sequence: 2, loss: 0.5, correct: 1)))
    #expect(try link.awaitGradient(of: 2).encoded == [1])
    #expect(try link.awaitAnswers().through == 2)
    #expect(lockStep.request(at: 2, link) == 3)
    #expect(lockStep.common == 2)
    // The connection is lost, and nobody knows whether it is there.
    cloud.abandon()
    link.detach(sending: nil)
    #expect(lockStep.request(at: 2, link) == nil)
    let next = try attach(link, at: 2)
    #expect(lockStep.request(at: 2, link) == 3)
    #expect(try next.receive().message == .checkpoint(CheckpointRequest(sequence: 2, number: 3)))
    next.abandon()
    link.detach(sending: nil)
  }

  /// Connects a link whose records are answered up to one.
  ///
  /// - Returns: the cloud's end.
  private func attach(_ link: EdgeLink, at record: UInt64) throws -> FramedConnection {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    defer { listener.close() }
    let edge = FramedConnection(try Socket.connect(to: listener.localEndpoint, timeout: 60), role: .edge)
    let cloud = FramedConnection(try listener.accept(timeout: 60), role: .cloud)
    #expect(link.offer == ResumeOffer(positions: [record], initialWeights: link.cloudWeights))
    try edge.send(
      .hello(
        Hello(
          runID: "r", window: 1, exchange: .gradients, resume: link.offer, configuration: quickConfiguration())))
    _ = try cloud.receive()
    let position = ResumePosition(applied: record, epoch: 1, steps: Int(record), testBatches: 0)
    let welcome = Welcome(maximumFrameBytes: 1 << 20, resume: position, softwareVersion: "0.0.0")
    try cloud.send(.welcome(welcome))
    _ = try edge.receive()
    try link.attach(edge, welcome)
    return cloud
  }
}
