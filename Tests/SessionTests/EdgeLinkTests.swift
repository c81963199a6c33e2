import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import EdgeSide
@testable import Platform
@testable import Training
@testable import Transport

/// The edge never has more batches under way than its window.
@Suite(.serialized) struct EdgeLinkTests {
  /// The whole session against a cloud that withholds acknowledgements.
  @Test(arguments: [1, 3])
  func batchesUnderWay(window: Int) throws {
    var configuration = try quickConfiguration()
    configuration.trainImages = 16
    configuration.batchSize = 2
    configuration.window = window
    let folder = try SessionFolder()
    let cloud = try FakeCloud { peer in
      try peer.welcome()
      var last: UInt64 = 0
      func receiveBatch() throws {
        guard case .trainBatch(let batch) = try peer.connection.receive().message else {
          throw CancellationError()
        }
        last += 1
        #expect(batch.sequence == last)
      }
      for _ in 0..<window { try receiveBatch() }
      for acknowledged in 1...3 as ClosedRange<UInt64> {
        // The edge is through with all that it could send, and about to come with the next.
        while try folder.metrics("edge").steps.count < last { sleep(milliseconds: 10) }
        // But nothing comes, however long one waits.
        #expect(throws: ConnectionError.timedOut(seconds: 0.2)) {
          try peer.connection.receive(deadline: Deadline(secondsFromNow: 0.2))
        }
        try peer.acknowledge(acknowledged)
        try receiveBatch()
      }
      try peer.acknowledge(last)
      let ended = try peer.acknowledgeBatches()
      try peer.connection.send(.epochReport(peer.report(on: ended)))
      #expect(try peer.lastWord() == .goodbye(Goodbye(reason: .completed)))
    }
    let summary = try runEdge(configuration, cloud.endpoint, folder)
    try cloud.end()
    #expect(summary.outcome == .completed)
    #expect(summary.completedSteps == 8)
  }

  /// A link after its handshake, and the cloud's end of it.
  private func link(window: Int) throws -> (EdgeLink, FramedConnection) {
    let (edge, cloud, welcome) = try connections(window: window)
    let link = EdgeLink(MemoryRecords(window: window), window: window, keepsAcknowledgements: true)
    try link.attach(edge, welcome)
    return (link, cloud)
  }

  /// Both ends of a connection after the handshake.
  private func connections(
    window: Int, offer: ResumeOffer? = nil, resume: ResumePosition? = nil
  ) throws -> (edge: FramedConnection, cloud: FramedConnection, Welcome) {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    defer { listener.close() }
    let near = try Socket.connect(to: listener.localEndpoint, timeout: 60)
    let far = try listener.accept(timeout: 60)
    let edge = FramedConnection(near, role: .edge)
    let cloud = FramedConnection(far, role: .cloud)
    try edge.send(.hello(Hello(runID: "r", window: window, resume: offer, configuration: quickConfiguration())))
    _ = try cloud.receive()
    let welcome = Welcome(maximumFrameBytes: 1 << 20, resume: resume, softwareVersion: "0.0.0")
    try cloud.send(.welcome(welcome))
    _ = try edge.receive()
    return (edge, cloud, welcome)
  }

  private func batch(_ sequence: UInt64) -> Message {
    .trainBatch(EncodedBatch(sequence: sequence, labels: [1], activations: [7]))
  }

  private func acknowledgement(_ sequence: UInt64) -> Message {
    .acknowledgement(Acknowledgement(sequence: sequence, loss: 0.5, correct: 1))
  }

  @Test(arguments: [1, 4])
  func appendWaitsForAnAnswer(window: Int) throws {
    let (link, cloud) = try link(window: window)
    let count = UInt64(window)
    for sequence in 1...count {
      try link.append(batch(sequence))
      #expect(try cloud.receive().message == batch(sequence))
    }
    let appended = SessionList<Bool>()
    let next = Background {
      try link.append(batch(count + 1))
      appended.append(true)
    }
    sleep(milliseconds: 50)
    #expect(appended.all.isEmpty)
    #expect(link.latestLoss == nil)
    try cloud.send(acknowledgement(count))
    try next.value()
    #expect(link.latestLoss == 0.5)
    #expect(try link.awaitAnswers().through == count)
    #expect(try cloud.receive().message == batch(count + 1))
    // An answer is to all records up to its own: all places but the one just taken are free.
    for sequence in count + 2..<2 * count + 1 { try link.append(batch(sequence)) }
    cloud.abandon()
    link.detach(sending: nil)
  }

  @Test func failureEndsEveryWait() throws {
    let (link, cloud) = try link(window: 1)
    try link.append(batch(1))
    let waits = [
      Background { try link.append(batch(2)) }, Background { _ = try link.awaitAnswers() },
      Background { _ = try link.awaitGradient(of: 1) },
    ]
    link.fail(InterruptedError())
    link.fail(ConnectionError.closed)
    for wait in waits { #expect(throws: InterruptedError()) { try wait.value() } }
    #expect(throws: InterruptedError()) { try link.append(batch(2)) }
    let goodbye = Background {
      while true {
        if case .goodbye(let goodbye) = try cloud.receive().message {
          cloud.close()
          return goodbye.reason
        }
      }
    }
    link.detach(sending: Message(lastWordFor: InterruptedError(), of: .edge))
    #expect(try goodbye.value() == .interrupted)
  }

  /// A connection goes on after the record that its welcome names; what the one before had carried too far is sent
  /// again, and is counted as such. What is answered twice is taken once.
  @Test func connectionCanBeReplaced() throws {
    let (link, first) = try link(window: 4)
    link.keepsConnecting(true)
    for sequence in 1...3 as ClosedRange<UInt64> { try link.append(batch(sequence)) }
    for sequence in 1...3 as ClosedRange<UInt64> { #expect(try first.receive().message == batch(sequence)) }
    try first.send(acknowledgement(1))
    #expect(try link.awaitAnswers().through == 1)
    first.abandon()
    #expect(link.awaitLoss() is ConnectionError)
    link.detach(sending: nil)
    let before = link.traffic
    #expect(before.resentBytes == 0)
    #expect(link.offer == ResumeOffer(first: 2, answered: 1, initialWeights: ResumeOffer.seededWeights))
    #expect(!link.isConnected)

    // The cloud has applied the second one, but its acknowledgement was lost.
    try link.append(batch(4))
    let (edge, second, welcome) = try connections(
      window: 4, offer: link.offer, resume: ResumePosition(applied: 2, epoch: 1, steps: 2, testBatches: 0))
    try link.attach(edge, welcome)
    try second.send(.replay(Replay(first: 2, losses: [0.75], correct: [1])))
    let answers = try link.awaitAnswers()
    #expect(answers.through == 2)
    guard case .acknowledgement(let replayed) = answers.list.first else { throw CancellationError() }
    #expect(replayed == Acknowledgement(sequence: 2, loss: 0.75, correct: 1))
    for sequence in 3...4 as ClosedRange<UInt64> { #expect(try second.receive().message == batch(sequence)) }
    try second.send(acknowledgement(4))
    #expect(try link.awaitAnswers().through == 4)
    #expect(link.traffic.ledger == before.ledger + edge.ledger)
    #expect(link.traffic.resentBytes == FrameHeader.byteCount + 7)
    second.abandon()
    link.detach(sending: nil)
  }

  /// A side that has nothing to say says so, before the other one's patience ends.
  @Test func signOfLife() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    defer { listener.close() }
    let near = try Socket.connect(to: listener.localEndpoint, timeout: 60)
    let far = try listener.accept(timeout: 60)
    let (edge, cloud) = (FramedConnection(near, role: .edge), FramedConnection(far, role: .cloud))
    try edge.send(.hello(Hello(runID: "r", configuration: quickConfiguration())))
    _ = try cloud.receive()
    let welcome = Welcome(maximumFrameBytes: 1 << 20, timeoutSeconds: 0.3, softwareVersion: "0.0.0")
    try cloud.send(.welcome(welcome))
    _ = try edge.receive()
    let link = EdgeLink(MemoryRecords(window: 1), window: 1, keepsAcknowledgements: true)
    try link.attach(edge, welcome)
    for _ in 0..<3 { #expect(try cloud.receive().message == .alive(Alive())) }
    cloud.abandon()
    link.detach(sending: nil)
  }
}
