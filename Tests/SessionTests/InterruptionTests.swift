import TestSupport
import Testing

@testable import Datasets
@testable import Platform
@testable import Training
@testable import Transport

/// Ctrl-C on either side.
@Suite(.serialized) struct SessionsInterruptionTests {
  /// 10 steps of 2 images.
  private func configuration() throws -> RunConfiguration {
    var configuration = try quickConfiguration()
    configuration.trainImages = 20
    configuration.batchSize = 2
    return configuration
  }

  /// Asks when the 11th image is prepared: in mid-epoch, because batches are prepared two ahead.
  private func images(_ action: @escaping @Sendable () -> Void) -> TriggeringImages {
    TriggeringImages(SyntheticImages(split: .train, count: 20, seed: 0), afterReads: 11, action)
  }

  @Test func edgeIsInterruptedInMidEpoch() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 2)
    let interruption = Interruption()
    #expect(throws: InterruptedError()) {
      try runEdge(
        configuration(), cloud.endpoint, folder, interruption: interruption,
        train: images { interruption.request() })
    }
    // The cloud serves the next one.
    _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "next") }
    let (completed, error) = cloud.end()
    #expect(completed.map { "\($0.runId)" } == ["next"])
    #expect(error as? TrainingError == .peerInterrupted(peer: .edge))

    let edge = try folder.summary("edge")
    #expect(edge.outcome == .interrupted)
    #expect(edge.completedEpochs == 0)
    #expect((1..<10).contains(edge.completedSteps))
    let rows = try folder.metrics("edge")
    #expect(rows.events == ["started", "interrupted"])
    #expect(rows.steps.compactMap(\.step) == Array(1...edge.completedSteps))
    #expect(rows.last?.type == "event")
    #expect(!folder.exists("edge/edge.safetensors"))

    let summary = try folder.summary("cloud/edge")
    #expect(summary.outcome == .failed("the edge was interrupted by its user"))
    let cloudRows = try folder.metrics("cloud/edge")
    #expect(cloudRows.events == ["started", "failed"])
    #expect(cloudRows.last?.reason == "the edge was interrupted by its user")
    #expect(cloudRows.steps.count == summary.completedSteps)
    #expect(summary.completedSteps <= edge.completedSteps + 1)
  }

  @Test func cloudIsInterruptedInMidEpoch() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    let error = #expect(throws: TrainingError.self) {
      try runEdge(
        configuration(), cloud.endpoint, folder, train: images { cloud.interruption.request() })
    }
    #expect(error == .peerInterrupted(peer: .cloud))
    #expect(cloud.end().error as? InterruptedError == InterruptedError())

    let summary = try folder.summary("edge")
    #expect(summary.outcome == .failed("the cloud was interrupted by its user"))
    #expect(try folder.metrics("edge").steps.count == summary.completedSteps)
    #expect(try folder.summary("cloud/edge").outcome == .interrupted)
    #expect(try folder.metrics("cloud/edge").events == ["started", "interrupted"])
  }

  @Test func interruptionOfAnIdleCloud() throws {
    let cloud = try TestCloud(SessionFolder(), sessions: nil)
    #expect(cloud.stop().error as? InterruptedError == InterruptedError())
  }

  /// The goodbye is told once, and not answered.
  @Test func edgeSaysGoodbye() throws {
    let words = SessionList<Message>()
    let interruption = Interruption()
    let cloud = try FakeCloud { peer in
      try peer.welcome()
      _ = try peer.connection.receive()
      interruption.request()
      words.append(try peer.lastWord())
      #expect(throws: ConnectionError.endOfStream) { try peer.connection.receive() }
    }
    let folder = try SessionFolder()
    #expect(throws: InterruptedError()) {
      try runEdge(configuration(), cloud.endpoint, folder, interruption: interruption)
    }
    try cloud.end()
    #expect(words.all == [.goodbye(Goodbye(reason: .interrupted))])
  }

  /// A cloud that takes the connection, but never answers the hello.
  @Test func edgeIsInterruptedInTheHandshake() throws {
    let interruption = Interruption()
    let cloud = try FakeCloud { peer in
      interruption.request()
      // Until the edge has gone; it has no more to say.
      #expect(throws: ConnectionError.self) { try peer.connection.receive() }
    }
    let folder = try SessionFolder()
    #expect(throws: InterruptedError()) {
      try runEdge(configuration(), cloud.endpoint, folder, interruption: interruption)
    }
    try cloud.end()
  }

  @Test func edgeIsInterruptedBeforeItConnects() throws {
    let interruption = Interruption()
    interruption.request()
    let folder = try SessionFolder()
    // Nobody listens at this address; the wish to end comes first or second, but it ends at once.
    let cloud = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    #expect(throws: InterruptedError()) {
      try runEdge(configuration(), cloud.localEndpoint, folder, interruption: interruption)
    }
  }

  @Test func cloudSaysGoodbyeToAnEdgeThatWaits() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    let edge = try FakeEdge(cloud.endpoint, configuration(), run: "waiting")
    try edge.train(2)
    _ = try edge.connection.receive()
    cloud.interruption.request()
    #expect(try edge.lastWord() == .goodbye(Goodbye(reason: .interrupted)))
    edge.connection.abandon()
    #expect(cloud.end().error is InterruptedError)
    let summary = try folder.summary("cloud/waiting")
    #expect(summary.outcome == .interrupted)
    #expect(summary.completedSteps == 1)
  }
}
