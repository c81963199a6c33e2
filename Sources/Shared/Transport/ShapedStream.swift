import Platform
import Synchronization

/// Holds back what is written to a stream, to the rate and the delay of a slower link.
///
/// Bytes are written piece by piece, each when a link of that rate would be through with it. A delay is added by a line
/// in which several pieces are on their way at the same time, so it does not lower the rate. What is read is not held
/// back: the peer does that.
final class ShapedStream: ByteStream {
  private let base: any ByteStream
  private let pacing: Guarded<LinkPacing?>
  private let line: DelayLine?
  private let pieceByteCount: Int
  private let isReleased = Atomic<Bool>(false)
  /// For the writer that is held back: there is room in the line, or the holding back has ended.
  private let wakeUp: WakeUp

  /// Takes over `base`.
  ///
  /// - Throws: `SystemError`, `ThreadError` when the process has no more descriptors or threads.
  init(_ shaping: LinkShaping, around base: any ByteStream) throws {
    self.base = base
    wakeUp = try WakeUp()
    let pacing = shaping.rate.map(LinkPacing.init)
    pieceByteCount = pacing?.pieceByteCount ?? 1 << 16
    line = shaping.delay > 0 ? try DelayLine(shaping, base, wakeUp) : nil
    // The longest silence of a link that works: a piece that crawls, there and back.
    base.allowSilence(seconds: 2 * (shaping.delay + (pacing?.secondsPerPiece ?? 0)))
    self.pacing = Guarded(pacing)
  }

  deinit { close() }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    pacing.withLock { $0?.begin(at: MonotonicClock.nanoseconds()) }
    while !bytes.isComplete {
      let piece = bytes.next(pieceByteCount)
      if let due = pacing.withLock({ $0?.carry(piece.count) }), due > MonotonicClock.nanoseconds() {
        try hold(until: due, patience) { isReleased.load(ordering: .acquiring) }
        pacing.withLock { $0?.woke(at: MonotonicClock.nanoseconds()) }
      }
      if let line {
        try hold(until: .max, patience) { try line.append(piece) }
        bytes.advance(by: piece.count)
      } else {
        var outgoing = OutgoingBytes(head: piece, body: [])
        defer { bytes.advance(by: outgoing.written) }
        try base.write(&outgoing, patience: patience)
      }
    }
  }

  /// Holds the writer back until `isOver`, or until the moment.
  private func hold(until moment: UInt64, _ patience: Patience, isOver: () throws -> Bool) throws {
    while try !isOver(), MonotonicClock.nanoseconds() < moment {
      let isBroken = try base.rest(until: moment, wakeUp: wakeUp, patience: patience)
      // What is held back could not arrive any more; writing it says why.
      if isBroken { release() }
    }
  }

  func release() {
    isReleased.store(true, ordering: .releasing)
    line?.release()
    wakeUp.signal()
    base.release()
  }

  func shutdownWriting(patience: Patience) {
    line?.awaitDelivery(untilNanoseconds: patience.deadline?.nanoseconds ?? .max)
    base.shutdownWriting(patience: patience)
  }

  /// Gives up what is on its way.
  func close() {
    base.close()
    line?.stop()
  }

  // MARK: What is not held back

  var timeout: Double { base.timeout }
  var remoteEndpoint: Endpoint? { base.remoteEndpoint }
  var bytesInFlight: Int { base.bytesInFlight }

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int
  {
    try base.read(into: buffer, patience: patience, expecting: expecting)
  }

  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool {
    try base.rest(until: moment, wakeUp: wakeUp, patience: patience)
  }

  func allowSilence(seconds: Double) { base.allowSilence(seconds: seconds) }
}
