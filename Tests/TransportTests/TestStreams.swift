import Platform

@testable import Transport

/// One end of a connection without the kernel. It takes 7 bytes at a time.
final class MemoryStream: ByteStream {
  struct Direction {
    var bytes: [UInt8] = []
    var isEnded = false
  }

  let timeout = 20.0
  let remoteEndpoint: Endpoint? = Endpoint(host: "memory", port: 1)
  private let incoming: Guarded<Direction>
  private let outgoing: Guarded<Direction>
  /// Bytes that have room on their way.
  private let capacity: Int

  private init(_ incoming: Guarded<Direction>, _ outgoing: Guarded<Direction>, _ capacity: Int) {
    (self.incoming, self.outgoing, self.capacity) = (incoming, outgoing, capacity)
  }

  static func pair(capacity: Int = .max) -> (MemoryStream, MemoryStream) {
    let (there, back) = (Guarded(Direction()), Guarded(Direction()))
    return (MemoryStream(there, back, capacity), MemoryStream(back, there, capacity))
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int
  {
    let bytes = incoming.wait(untilNanoseconds: patience.deadline?.nanoseconds ?? .max) {
      $0.bytes.isEmpty && !$0.isEnded ? nil : $0.bytes.prefix(buffer.count)
    }
    guard let bytes else { throw ConnectionError.timedOut(seconds: patience.deadline?.seconds ?? 0) }
    incoming.change { $0.bytes.removeFirst(bytes.count) }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    while !bytes.isComplete {
      let piece = bytes.next(7)
      _ = outgoing.wait { $0.isEnded || $0.bytes.count < capacity ? true : nil }
      try outgoing.change { direction in
        if direction.isEnded { throw ConnectionError.closed }
        direction.bytes += piece
      }
      bytes.advance(by: piece.count)
    }
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

/// A stream that tells what is read from it.
final class WatchedStream: ByteStream {
  struct Events {
    var bytesRead = 0
    /// How often the reader was asked whether its peer may be given up.
    var timeoutQuestions = 0
  }

  let events = Guarded(Events())
  private let base: any ByteStream

  init(_ base: any ByteStream) { self.base = base }

  var timeout: Double { base.timeout }
  var remoteEndpoint: Endpoint? { base.remoteEndpoint }

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int
  {
    let count = try base.read(into: buffer, patience: patience) {
      events.change { $0.timeoutQuestions += 1 }
      return expecting()
    }
    events.change { $0.bytesRead += count }
    return count
  }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    try base.write(&bytes, patience: patience)
  }
  func shutdownWriting(patience: Patience) { base.shutdownWriting(patience: patience) }
  func close() { base.close() }
  func release() { base.release() }
  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool {
    try base.rest(until: moment, wakeUp: wakeUp, patience: patience)
  }
  func allowSilence(seconds: Double) { base.allowSilence(seconds: seconds) }
}
