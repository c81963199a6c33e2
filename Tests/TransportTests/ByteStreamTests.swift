import TestSupport
import Testing

@testable import Transport

@Suite struct ByteStreamTests {
  @Test(arguments: [LinkShaping.none, LinkShaping(rate: 1e6, delay: 0.01)])
  func framesNeedNoSocket(shaping: LinkShaping) throws {
    let (left, right) = MemoryStream.pair()
    let edge = FramedConnection(left, role: .edge)
    let cloud = FramedConnection(right, role: .cloud)
    #expect(edge.remoteEndpoint == Endpoint(host: "memory", port: 1))
    let server = Background {
      _ = try Handshake.accept(cloud)
      try cloud.send(.welcome(HandshakeTests.welcome))
      try cloud.shape(shaping)
      while true {
        switch try cloud.receive().message {
        case .trainBatch(let batch): try cloud.send(acknowledgement(batch.sequence))
        case let last:
          cloud.close()
          return last
        }
      }
    }
    #expect(try Handshake.connect(edge, hello: hello()) == HandshakeTests.welcome)
    try edge.shape(shaping)
    for sequence in UInt64(1)...20 {
      try edge.send(.trainBatch(batch(sequence, activations: [UInt8](repeating: 7, count: 1000))))
      #expect(try edge.receive().message == acknowledgement(sequence))
    }
    #expect(edge.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 20))
    #expect(try server.value() == .goodbye(Goodbye(reason: .interrupted)))
    #expect(edge.ledger.sent == cloud.ledger.received)
    #expect(edge.ledger.received == cloud.ledger.sent)
  }

  @Test func abandoningWakesTheReader() throws {
    let (left, right) = MemoryStream.pair()
    let edge = FramedConnection(left, role: .edge)
    let reader = Background { try FramedConnection(right, role: .cloud).receive() }
    edge.abandon()
    #expect(throws: ConnectionError.endOfStream) { try reader.value() }
    #expect(throws: ConnectionError.closed) { try edge.send(.hello(hello())) }
  }
}
