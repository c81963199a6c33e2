import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Platform
@testable import Training
@testable import Transport

/// The cloud's session against an edge that breaks off, lies, or holds back. Each time the cloud tells it, writes down
/// why, and serves the next edge.
@Suite(.serialized) struct SessionsFakeEdgeTests {
  /// Lets an edge misbehave by a script, then a good one train. Gives what ended the bad session, what the bad edge was
  /// told (nil if nothing), and the steps that were applied.
  @discardableResult
  private func failure(
    _ configuration: RunConfiguration? = nil, timeout: Double = 60,
    sourceLocation: SourceLocation = #_sourceLocation, _ script: (FakeEdge) throws -> Void
  ) throws -> (error: any Error, told: Message?, steps: Int) {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 2, timeout: timeout)
    var told: Message?
    do {
      let edge = try FakeEdge(cloud.endpoint, configuration ?? quickConfiguration(), run: "bad")
      try script(edge)
      // An edge that broke the order of messages does not follow its own state machine any more.
      told = try? edge.lastWord()
      edge.connection.abandon()
      _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "good") }
    } catch {
      cloud.stop()
      throw error
    }
    let (completed, error) = cloud.end()
    #expect(completed.map { "\($0.runId)" } == ["good"], sourceLocation: sourceLocation)
    let failure = try #require(error, sourceLocation: sourceLocation)
    let summary = try folder.summary("cloud/bad")
    let reason = Role.cloud.text(of: failure)
    #expect(summary.outcome == .failed(reason), sourceLocation: sourceLocation)
    let rows = try folder.metrics("cloud/bad")
    #expect(rows.events == ["started", "failed"], sourceLocation: sourceLocation)
    #expect(rows.last?.reason == reason, sourceLocation: sourceLocation)
    #expect(rows.steps.count == summary.completedSteps, sourceLocation: sourceLocation)
    return (failure, told, summary.completedSteps)
  }

  /// What is wrong with an edge's messages, although their order may be right.
  enum Lie: String, CaseIterable, Sendable {
    case label10, moreThanTheBatchSize, fewerThanTheBatchSize, otherChannels, garbage, oneStepMore
    case evaluationFirst, evaluationInMidEpoch, noEvaluation, tooFewTestImages, tooManyTestImages
    case wrongLedger, wrongExitCount, goodbyeTooEarly

    func tell(_ edge: FakeEdge) throws {
      let connection = edge.connection
      switch self {
      case .label10: try connection.send(.trainBatch(edge.batch([1, 2, 10, 3])))
      case .moreThanTheBatchSize: try edge.train(5)
      case .fewerThanTheBatchSize: try edge.train(3)
      case .otherChannels: try connection.send(.trainBatch(edge.batch([1, 2, 3, 4], channels: 1)))
      case .garbage: try connection.send(.trainBatch(edge.garbage([1, 2, 3, 4])))
      case .oneStepMore:
        try edge.trainEpoch()
        try edge.awaitPlace()
        try edge.train(2)
      case .evaluationFirst: try edge.evaluate(4)
      case .evaluationInMidEpoch:
        try edge.train(4)
        try edge.evaluate(4)
      case .noEvaluation:
        try edge.trainEpoch()
        try edge.endEpoch()
      case .tooFewTestImages:
        try edge.trainEpoch()
        try edge.awaitPlace()
        try edge.evaluate(4)
        try edge.endEpoch()
      case .tooManyTestImages:
        try edge.trainEpoch()
        try edge.awaitPlace()
        try edge.evaluate(4)
        try edge.awaitPlace()
        try edge.evaluate(4)
      case .wrongLedger, .wrongExitCount:
        try edge.trainEpoch()
        for count in [4, 2] {
          try edge.awaitPlace()
          try edge.evaluate(count)
        }
        if self == .wrongLedger {
          try edge.endEpoch(sent: connection.ledger.sent + ByteCounts(payload: 1))
        } else {
          try edge.endEpoch(exitCount: 5)
        }
      case .goodbyeTooEarly: try connection.send(.goodbye(Goodbye(reason: .completed)))
      }
    }
  }

  @Test(arguments: Lie.allCases)
  func edgeLies(_ lie: Lie) throws {
    let (error, told, _) = try failure { try lie.tell($0) }
    #expect(ErrorKind(error) == .protocolError)
    if lie != .goodbyeTooEarly {
      guard case .failure(let failure) = told else { throw CancellationError() }
      #expect(failure == Failure(code: "protocol", reason: Role.cloud.text(of: error)))
    }
    switch lie {
    case .label10:
      #expect(
        error as? WireError == .payload(type: .trainBatch, field: "labels", expected: "0 to 9", actual: "10"))
    case .moreThanTheBatchSize:
      #expect(
        error as? WireError == .payload(type: .trainBatch, field: "count", expected: "at most 4", actual: "5")
      )
    case .fewerThanTheBatchSize:
      #expect(error as? WireError == .payload(type: .trainBatch, field: "count", expected: "4", actual: "3"))
    case .otherChannels:
      #expect(error as? CodecError == .unexpected(field: "channels", expected: "128", actual: "129"))
    case .garbage: #expect(error is CodecError)
    case .wrongLedger: #expect(error is LedgerMismatchError)
    case .oneStepMore, .evaluationFirst, .evaluationInMidEpoch, .goodbyeTooEarly:
      guard case WireError.order = error else { throw error }
    default:
      guard case WireError.payload = error else { throw error }
    }
  }

  @Test func batchesOutOfSequence() throws {
    let (error, _, _) = try failure { edge in
      let batch = try edge.batch([1, 2, 3, 4])
      let later = EncodedBatch(sequence: 5, labels: batch.labels, activations: batch.activations)
      try edge.socket.writeAll(Message.trainBatch(later).encodedFrame())
    }
    guard case WireError.order = error else { throw error }
  }

  @Test func bytesThatAreNoFrame() throws {
    let (error, told, steps) = try failure { edge in
      try edge.train(4)
      _ = try edge.connection.receive()
      try edge.socket.writeAll([UInt8](repeating: 0x2a, count: 5000))
    }
    guard case WireError.magic = error else { throw error }
    guard case .failure(let failure) = told else { throw CancellationError() }
    #expect(failure.code == "protocol")
    #expect(steps == 1)
  }

  // MARK: An edge that goes

  @Test func edgeVanishesAfterTheWelcome() throws {
    let (error, _, steps) = try failure { $0.connection.abandon() }
    #expect(error as? ConnectionError == .endOfStream)
    #expect(ErrorKind(error) == .link)
    #expect(steps == 0)
  }

  @Test func edgeVanishesInsideAFrame() throws {
    let (error, _, steps) = try failure { edge in
      try edge.train(4)
      _ = try edge.connection.receive()
      let frame = try Message.trainBatch(edge.batch([1, 2, 3, 4])).encodedFrame()
      try edge.socket.writeAll(Array(frame.dropLast(10)))
      edge.connection.abandon()
    }
    guard case ConnectionError.endOfStreamInsideFrame(let received, let expected) = error else { throw error }
    #expect(expected - received == 10)
    #expect(steps == 1)
  }

  @Test func edgeFallsSilent() throws {
    let (error, told, steps) = try failure(timeout: 1) { edge in
      try edge.train(4)
      _ = try edge.connection.receive()
    }
    #expect(error as? ConnectionError == .timedOut(seconds: 1))
    guard case .failure(let failure) = told else { throw CancellationError() }
    #expect(failure.code == "link")
    #expect(steps == 1)
  }

  /// The reason counts, although the acknowledgements cannot be sent any more.
  @Test func edgeFailsAndGoes() throws {
    let (error, _, _) = try failure { edge in
      for count in [4, 4, 2] { try edge.train(count) }
      try edge.connection.send(.failure(Failure(code: "diverged", reason: "the loss of step 3 is nan")))
      edge.connection.abandon()
    }
    #expect(error as? Failure == Failure(code: "diverged", reason: "the loss of step 3 is nan"))
    #expect(ErrorKind(error) == .diverged)
  }

  // MARK: Divergence

  /// Features near the largest float32 make infinite logits.
  @Test func cloudDivergesInTraining() throws {
    let (error, told, steps) = try failure(quickConfiguration(bits: 32)) { edge in
      try edge.train(4)
      try edge.connection.send(.trainBatch(edge.batch([1, 2, 3, 4], scale: 3e38)))
    }
    guard case TrainingError.diverged(step: 2, let loss) = error else { throw error }
    #expect(!loss.isFinite)
    #expect(ErrorKind(error) == .diverged)
    guard case .failure(let failure) = told else { throw CancellationError() }
    #expect(failure == Failure(code: "diverged", reason: Role.cloud.text(of: error)))
    #expect(steps == 1)
  }

  @Test func cloudDivergesInEvaluation() throws {
    let (error, told, _) = try failure(quickConfiguration(bits: 32)) { edge in
      try edge.trainEpoch()
      try edge.awaitPlace()
      try edge.connection.send(.evaluationBatch(edge.batch([1, 2, 3, 4], scale: 3e38)))
    }
    guard case TrainingError.divergedInEvaluation(step: 3, _) = error else { throw error }
    #expect(ErrorKind(error) == .diverged)
    guard case .failure(let failure) = told else { throw CancellationError() }
    #expect(failure.code == "diverged")
  }
}
