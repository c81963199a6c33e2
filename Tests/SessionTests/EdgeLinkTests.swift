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
    let (edge, cloud) = try connections(window: window)
    let link = EdgeLink(window: window)
    try link.attach(edge)
    return (link, cloud)
  }

  /// Both ends of a connection after its handshake.
  private func connections(window: Int) throws -> (edge: FramedConnection, cloud: FramedConnection) {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let near = try Socket.connect(to: listener.localEndpoint, timeout: 60)
    let far = try listener.accept(timeout: 60)
    let edge = FramedConnection(near, role: .edge)
    let cloud = FramedConnection(far, role: .cloud)
    try edge.send(.hello(Hello(runID: "r", window: window, configuration: quickConfiguration())))
    _ = try cloud.receive()
    try cloud.send(.welcome(Welcome(maximumFrameBytes: 1 << 20, softwareVersion: "0.0.0")))
    _ = try edge.receive()
    return (edge, cloud)
  }

  private func batch(_ sequence: UInt64) -> Message {
    .trainBatch(EncodedBatch(sequence: sequence, labels: [1], activations: [7]))
  }

  @Test(arguments: [1, 4])
  func reserveWaitsForAnAcknowledgement(window: Int) throws {
    let (link, cloud) = try link(window: window)
    for expected in 1...UInt64(window) {
      #expect(try link.reserve() == expected)
      link.post(batch(expected))
      #expect(try cloud.receive().message == batch(expected))
    }
    let reserved = SessionList<UInt64>()
    let next = Background { reserved.append(try link.reserve()) }
    sleep(milliseconds: 50)
    #expect(reserved.all.isEmpty)
    #expect(link.latestLoss == nil)
    try cloud.send(.acknowledgement(Acknowledgement(sequence: UInt64(window), loss: 0.5, correct: 1)))
    try next.value()
    #expect(reserved.all == [UInt64(window) + 1])
    #expect(link.latestLoss == 0.5)
    // Acknowledgements are cumulative: all places but the one just taken are free.
    for _ in 1..<window { _ = try link.reserve() }
    cloud.abandon()
    link.detach(sending: nil)
  }

  @Test func failureEndsEveryWait() throws {
    let (link, cloud) = try link(window: 1)
    link.post(batch(try link.reserve()))
    let waits = [
      Background { _ = try link.reserve() }, Background { _ = try link.awaitAcknowledgements() },
      Background { _ = try link.awaitReport() },
    ]
    link.fail(InterruptedError())
    link.fail(ConnectionError.closed)
    for wait in waits { #expect(throws: InterruptedError()) { try wait.value() } }
    #expect(throws: InterruptedError()) { try link.reserve() }
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

  /// What is posted while there is no connection goes over the next one; the ledger has the bytes of both.
  @Test func connectionCanBeReplaced() throws {
    let (link, first) = try link(window: 4)
    link.post(batch(try link.reserve()))
    #expect(try first.receive().message == batch(1))
    first.abandon()
    link.detach(sending: nil)
    let before = link.ledger
    #expect(before.sent.payload > 0)
    #expect(link.connectionLedger == ByteLedger())

    let (edge, second) = try connections(window: 4)
    // Numbered from 1 on each connection.
    link.post(batch(1))
    try link.attach(edge)
    #expect(try second.receive().message == batch(1))
    try second.send(.acknowledgement(Acknowledgement(sequence: 1, loss: 0.25, correct: 1)))
    #expect(try link.awaitAcknowledgements().map(\.sequence) == [1])
    #expect(link.ledger == before + edge.ledger)
    second.abandon()
    link.detach(sending: nil)
  }
}
