import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import Training
@testable import Transport
@testable import Trust

/// The edge's session against a cloud that breaks off, lies, or holds back.
@Suite(.serialized) struct SessionsFakeCloudTests {
  /// Runs an edge against a script and checks its files.
  ///
  /// - Returns: what ended the run.
  private func failure(
    _ configuration: RunConfiguration? = nil, timeout: Double = 60,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ script: @escaping @Sendable (FakeCloud.Peer) throws -> Void
  ) throws -> any Error {
    let folder = try SessionFolder()
    let cloud = try FakeCloud(script)
    do {
      _ = try runEdge(configuration ?? quickConfiguration(), cloud.endpoint, folder, timeout: timeout)
    } catch {
      try cloud.end()
      let summary = try folder.summary("edge")
      let reason = Role.edge.text(of: error)
      #expect(summary.outcome == .failed(reason), sourceLocation: sourceLocation)
      let rows = try folder.metrics("edge")
      #expect(rows.events == ["started", "failed"], sourceLocation: sourceLocation)
      #expect(rows.last?.reason == reason, sourceLocation: sourceLocation)
      #expect(rows.steps.count == summary.completedSteps, sourceLocation: sourceLocation)
      return error
    }
    Issue.record("the run was completed", sourceLocation: sourceLocation)
    try cloud.end()
    throw CancellationError()
  }

  /// Expects that the edge tells of a failure of its own with this code.
  private static func expectTold(_ code: String, _ peer: FakeCloud.Peer) throws {
    guard case .failure(let failure) = try peer.lastWord() else { throw CancellationError() }
    #expect(failure.code == code)
    #expect(!failure.reason.isEmpty)
  }

  // MARK: A cloud that goes

  @Test func cloudVanishesAfterTheWelcome() throws {
    let error = try failure { peer in
      try peer.welcome()
      peer.connection.abandon()
    }
    #expect(ErrorKind(error) == .link)
    #expect(error is ConnectionError)
  }

  @Test func cloudVanishesInsideAFrame() throws {
    let error = try failure { peer in
      try peer.welcome()
      _ = try peer.connection.receive()
      let frame = try FakeCloud.Peer.acknowledgement(1).encodedFrame()
      try peer.socket.writeAll(Array(frame.dropLast(3)))
      peer.connection.close()
    }
    guard case ConnectionError.endOfStreamInsideFrame(let received, let expected) = error else {
      throw error
    }
    #expect(expected - received == 3)
    #expect(ErrorKind(error) == .link)
  }

  @Test func cloudFallsSilent() throws {
    let error = try failure(timeout: 1) { peer in
      try peer.welcome()
      // The edge's last word comes although its batches were never acknowledged.
      try Self.expectTold("link", peer)
    }
    #expect(error as? ConnectionError == .timedOut(seconds: 1))
    #expect("\(error)".contains("--timeout"))
  }

  @Test func cloudFails() throws {
    let error = try failure { peer in
      try peer.welcome()
      _ = try peer.connection.receive()
      try peer.connection.send(.failure(Failure(code: "diverged", reason: "the loss of step 1 is nan")))
      // A failure is not answered.
      while true {
        do {
          let message = try peer.connection.receive().message
          if case .trainBatch = message { continue }
          Issue.record("answered with \(message.type)")
        } catch ConnectionError.endOfStream { break }
      }
    }
    #expect(error as? Failure == Failure(code: "diverged", reason: "the loss of step 1 is nan"))
    #expect(ErrorKind(error) == .diverged)
  }

  @Test func cloudRefuses() throws {
    let folder = try SessionFolder()
    for code in Refusal.Code.allCases {
      let cloud = try FakeCloud { peer in
        Handshake.refuse(peer.connection, Refusal(code: code, reason: "it is late"))
      }
      let error = #expect(throws: RefusedError.self) {
        // Without this it would come again, and encrypt.
        var trust = TrustSettings()
        trust.encryption = .never
        _ = try runEdge(quickConfiguration(), cloud.endpoint, folder, trust: trust)
      }
      try cloud.end()
      #expect(error == RefusedError(code: code, reason: "it is late"))
      #expect(error.map(ErrorKind.init) == (code == .encryptionRequired ? .untrusted : .refused))
    }
    // Nothing of a run that did not begin: the directory can be used again.
    #expect(!folder.exists("edge/metrics.jsonl"))
  }

  @Test func nobodyListens() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = listener.localEndpoint
    listener.close()
    let error = #expect(throws: ConnectionError.self) {
      try runEdge(quickConfiguration(), endpoint, SessionFolder(), timeout: 5)
    }
    #expect(error.map { "\($0)" }?.contains("\(endpoint)") == true)
    #expect(error.map(ErrorKind.init) == .link)
  }

  // MARK: A cloud that lies

  @Test(arguments: ["received", "sent"])
  func ledgersDiffer(direction: String) throws {
    let error = try failure { peer in
      try peer.welcome()
      let honest = try peer.report(on: peer.acknowledgeBatches())
      let wrong = ByteCounts(framing: 1)
      try peer.connection.send(
        .epochReport(
          EpochReport(
            epoch: honest.epoch, meanTrainingLoss: nil, finalLoss: nil, finalCorrect: 0,
            finalCount: honest.finalCount, busySeconds: 0, idleSeconds: 0,
            received: direction == "received" ? honest.received + wrong : honest.received,
            sent: direction == "sent" ? honest.sent + wrong : honest.sent)))
      try Self.expectTold("protocol", peer)
    }
    let mismatch = try #require(error as? LedgerMismatchError)
    #expect(mismatch.there.framing == mismatch.here.framing + 1)
    #expect(ErrorKind(error) == .protocolError)
  }

  @Test func reportOnOtherClasses() throws {
    let error = try failure { peer in
      try peer.welcome()
      var byClass = ClassCounts(classes: 11)
      byClass?.add(labels: [0, 1, 2, 3, 4, 10], hits: [])
      let ended = try peer.acknowledgeBatches()
      try peer.connection.send(.epochReport(peer.report(on: ended, finalByClass: byClass)))
      try Self.expectTold("protocol", peer)
    }
    #expect(
      error as? WireError
        == .payload(type: .epochReport, field: "final_by_class", expected: "10 classes", actual: "11"))
  }

  @Test func reportOnOtherImages() throws {
    let error = try failure { peer in
      try peer.welcome()
      let ended = try peer.acknowledgeBatches()
      try peer.connection.send(.epochReport(peer.report(on: ended, finalCount: 7)))
      try Self.expectTold("protocol", peer)
    }
    #expect(
      error as? WireError
        == .payload(type: .epochReport, field: "final_count", expected: "6", actual: "7"))
    #expect(ErrorKind(error) == .protocolError)
  }

  @Test(arguments: [[2], [1, 1], [2, 1]] as [[UInt64]])
  func acknowledgementsOutOfOrder(sequences: [UInt64]) throws {
    var configuration = try quickConfiguration()
    configuration.window = sequences.count == 1 ? 1 : 2
    let error = try failure(configuration) { peer in
      try peer.welcome()
      for _ in 0..<peer.configuration.window { _ = try peer.connection.receive() }
      for sequence in sequences { try peer.sendLawlessly(FakeCloud.Peer.acknowledgement(sequence)) }
      // The edge goes; what it says is beyond what this side's state machine can follow.
      peer.socket.drain(
        maximumBytes: 1 << 24, patience: Patience(deadline: Deadline(secondsFromNow: 30)))
    }
    guard case WireError.order = error else { throw error }
    #expect(ErrorKind(error) == .protocolError)
  }

  @Test func welcomeOfSmallFrames() throws {
    let error = try failure { peer in
      try peer.welcome(maximumFrameBytes: 1000)
      try Self.expectTold("protocol", peer)
    }
    guard case WireError.length(limit: 1000, _) = error else { throw error }
    #expect("\(error)".contains("--max-frame-bytes"))
  }

  // MARK: Divergence

  /// Weight decay of 1 at a learning rate of 1000 multiplies every weight by a thousand a step.
  @Test func edgeDiverges() throws {
    var configuration = try quickConfiguration()
    configuration.trainImages = 60
    configuration.batchSize = 2
    configuration.learningRate = 1000
    configuration.weightDecay = 1
    configuration.schedule = .constant
    let error = try failure(configuration) { peer in
      try peer.welcome()
      while true {
        switch try peer.connection.receive().message {
        case .trainBatch(let batch): try peer.acknowledge(batch.sequence)
        case .failure(let failure):
          #expect(failure.code == "diverged")
          #expect(failure.reason.contains("diverged"))
          return
        case let other: throw UnexpectedMessage(other)
        }
      }
    }
    #expect(error is TrainingError)
    #expect(ErrorKind(error) == .diverged)
    #expect("\(error)".contains("--learning-rate"))
  }
}
