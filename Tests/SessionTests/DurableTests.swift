import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import WeightFiles

/// Connections and sessions of a run end at any moment; it ends with the weights and the logs of one that was never
/// disturbed. 3 steps and 2 test batches in each of 2 epochs.
@Suite(.serialized) struct DurableTests {
  static let strategies = [Strategy.hierarchical, .split, .cloudStream, .cloudUploadOnce]

  /// Images that call for something when the nth of them is asked for; those that are uploaded are asked for once.
  private func images(
    _ run: DurableRun, afterReads reads: Int, _ action: @escaping @Sendable () -> Void
  ) -> any LabeledImages {
    let isUploaded = run.configuration.strategy == .cloudUploadOnce
    return TriggeringImages(
      drawnImages(.train, run.configuration), afterReads: isUploaded ? min(reads, 9) : reads, action)
  }

  /// Beside what `CrashPointTests` looks at: the events, and the bytes that were sent once more.
  @Test(arguments: strategies) func connectionIsCut(strategy: Strategy) throws {
    let run = try DurableRun(strategy, in: SessionFolder())
    let whole = try run.whole()
    let cloud = try run.cloud()
    let way = try CuttableWay(to: cloud.endpoint, cutAfter: [1000, 4000, 0])
    let summary = try run.edge(way.endpoint)
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
    let events = try run.folder.metrics("run").events
    #expect(events.first == "started" && events.last == "completed")
    // The first connection may be cut before the run begins.
    #expect(events.filter { $0 == "disconnected" }.count == events.filter { $0 == "reconnected" }.count)
    #expect(events.contains("reconnected"), "\(events)")
    #expect(summary.sentBytes > summary.trainPayloadBytes + summary.evaluationBytes)
    if strategy == .hierarchical { #expect(summary.edgeTrainingSeconds != nil) }
  }

  /// Ctrl-C on the edge, in every place, and again in the second life.
  @Test(arguments: strategies, [1, 6, 11, 16]) func edgeIsInterrupted(strategy: Strategy, afterReads reads: Int) throws
  {
    let run = try DurableRun(strategy, in: SessionFolder())
    let whole = try run.whole()
    let cloud = try run.cloud()
    for _ in 0..<2 {
      let interruption = Interruption()
      let images = images(run, afterReads: reads) { interruption.request() }
      do {
        _ = try run.edge(cloud.endpoint, interruption: interruption, train: images)
        break
      } catch is InterruptedError {}
    }
    if try run.folder.summary("run").outcome != .completed {
      _ = try whileBusy { try run.edge(cloud.endpoint) }
    }
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
  }

  /// Ctrl-C on the cloud; another one takes its place.
  @Test(arguments: strategies, [1, 6, 14]) func cloudIsInterrupted(strategy: Strategy, afterReads reads: Int) throws {
    let run = try DurableRun(strategy, in: SessionFolder())
    let whole = try run.whole()
    let first = try run.cloud()
    let isTime = Guarded(false)
    let images = images(run, afterReads: reads) { isTime.change { $0 = true } }
    let edge = Background { try run.edge(first.endpoint, train: images) }
    isTime.wait { $0 ? () : nil }
    first.stop()
    let second = try run.cloud(on: first.endpoint)
    _ = try edge.value()
    second.awaitCompleted(1)
    second.stop()
    try run.expectSame(as: whole)
  }

  /// A run that goes on for more epochs than it had ends as one that had them from the beginning.
  @Test(arguments: strategies) func moreEpochs(strategy: Strategy) throws {
    var run = try DurableRun(strategy, in: SessionFolder())
    run.configuration.schedule = .constant
    let cloud = try run.cloud()
    let interruption = Interruption()
    let images = images(run, afterReads: 11) { interruption.request() }
    #expect(throws: InterruptedError()) {
      try run.edge(cloud.endpoint, interruption: interruption, train: images)
    }
    run.configuration.epochs = 3
    _ = try whileBusy { try run.edge(cloud.endpoint) }
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: run.whole())
    for path in ["run", "cloud/run"] {
      #expect(try run.folder.summary(path).epochs == 3)
      let numbered = try String(decoding: run.folder.bytes("\(path)/config.json"), as: UTF8.self)
      let whole = try run.folder.bytes(path.replacing("run", with: "whole") + "/config.json")
      #expect(numbered.contains(#""run_id" : "run""#))
      #expect(numbered.replacing(#""run_id" : "run""#, with: #""run_id" : "whole""#).utf8.elementsEqual(whole))
    }
  }

  @Test func trainedWithoutACloudAndDelivered() throws {
    let run = try DurableRun(.hierarchical, in: SessionFolder())
    let whole = try run.whole()
    let trained = try run.edge(nil)
    #expect(trained.outcome == .undelivered)
    #expect(try run.folder.metrics("run").events == ["started", "trained"])
    #expect(!run.folder.exists("cloud/run"))
    let cloud = try run.cloud()
    let summary = try run.edge(cloud.endpoint)
    #expect(summary.outcome == .completed)
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
    #expect(try run.folder.metrics("run").events == ["started", "trained", "resumed", "completed"])
  }

  /// A spool that holds a few batches: the edge waits until the cloud has written what they made.
  @Test func spoolIsFull() throws {
    var run = try DurableRun(.hierarchical, in: SessionFolder())
    let whole = try run.whole()
    run.spool = 8000
    run.checkpointInterval = 0
    let cloud = try run.cloud()
    try run.complete(with: cloud)
    try run.expectSame(as: whole)

    // Without a cloud there is nobody to wait for.
    run.name = "offline"
    #expect(throws: SpoolError.self) { try run.edge(nil) }
  }

  /// No step may be taken for silence, however long it takes.
  @Test func stepTakesLongerThanTheTimeout() throws {
    let run = try DurableRun(.hierarchical, epochs: 1, in: SessionFolder())
    let cloud = try run.cloud(timeout: 2)
    let images = images(run, afterReads: 6) { sleep(milliseconds: 5000) }
    _ = try run.edge(cloud.endpoint, timeout: 2, reconnectFor: 0, train: images)
    cloud.awaitCompleted(1)
    cloud.stop()
    #expect(try run.folder.metrics("run").events == ["started", "completed"])
    #expect(try run.folder.metrics("cloud/run").events == ["started", "completed"])
  }
}

extension DurableRun {
  /// The weights of both sides are those of another run.
  func expectSameWeights(as whole: DurableRun) throws {
    for (mine, others) in [
      ("\(name)/edge.safetensors", "\(whole.name)/edge.safetensors"),
      ("cloud/\(name)/cloud.safetensors", "cloud/\(whole.name)/cloud.safetensors"),
    ] where folder.exists(others) {
      let same = try folder.bytes(mine) == folder.bytes(others)
      #expect(same, "\(mine)")
    }
  }
}
