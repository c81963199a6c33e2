import Platform
import Testing

@testable import Transport

/// One end of a connection without the kernel. It takes 7 bytes at a time.
private final class MemoryStream: ByteStream {
  struct Direction {
    var bytes: [UInt8] = []
    var isEnded = false
  }

  let timeout = 20.0
  let remoteEndpoint: Endpoint? = Endpoint(host: "memory", port: 1)
  private let incoming: Guarded<Direction>
  private let outgoing: Guarded<Direction>

  private init(_ incoming: Guarded<Direction>, _ outgoing: Guarded<Direction>) {
    (self.incoming, self.outgoing) = (incoming, outgoing)
  }

  static func pair() -> (MemoryStream, MemoryStream) {
    let (there, back) = (Guarded(Direction()), Guarded(Direction()))
    return (MemoryStream(there, back), MemoryStream(back, there))
  }

  func readExactly(
    into buffer: UnsafeMutableRawBufferPointer, patience: Patience, mayTimeOut: () -> Bool
  ) throws {
    let isFull = incoming.wait { direction -> Bool? in
      guard direction.bytes.count >= buffer.count else { return direction.isEnded ? false : nil }
      buffer.copyBytes(from: direction.bytes.prefix(buffer.count))
      direction.bytes.removeFirst(buffer.count)
      return true
    }
    if !isFull { throw ConnectionError.endOfStream }
  }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    while !bytes.isComplete {
      let piece = bytes.next(7)
      try outgoing.change { direction in
        if direction.isEnded { throw ConnectionError.closed }
        direction.bytes += piece
      }
      bytes.advance(by: piece.count)
    }
  }

  func drain(maximumBytes: Int, patience: Patience) {
    _ = incoming.wait(untilNanoseconds: patience.deadline?.nanoseconds ?? .max) { $0.isEnded ? true : nil }
  }

  func shutdownWriting(patience: Patience) { outgoing.change { $0.isEnded = true } }

  func close() {
    outgoing.change { $0.isEnded = true }
    incoming.change { $0.isEnded = true }
  }

  func release() {}

  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool {
    // No descriptor is poll's word for none.
    try Poll.wait(for: 0, on: -1, until: moment, cancellation: patience.cancellation, wakeUp: wakeUp)
  }

  func allowSilence(seconds: Double) {}
}

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
