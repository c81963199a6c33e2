import Platform
import Synchronization

/// Holds back what is written to one socket, to the rate and the delay of a slower link.
///
/// Bytes are written piece by piece, each when a link of that rate would be through with it. A delay is added by a line
/// in which several pieces are on their way at the same time, so it does not lower the rate. One thread at a time writes.
final class LinkShaper: Sendable {
  private let socket: Socket
  private let pacing: Mutex<LinkPacing?>
  private let line: DelayLine?
  private let pieceByteCount: Int
  private let isReleased = Atomic<Bool>(false)

  /// - Throws: `SystemError` when the process has no more descriptors or threads.
  init(_ shaping: LinkShaping, _ socket: Socket) throws(SystemError) {
    self.socket = socket
    let pacing = shaping.rate.map(LinkPacing.init)
    pieceByteCount = pacing?.pieceByteCount ?? 1 << 16
    line = shaping.delay > 0 ? try DelayLine(shaping, socket) : nil
    // The longest silence of a link that works: a piece that crawls, there and back.
    socket.allowSilence(seconds: 2 * (shaping.delay + (pacing?.secondsPerPiece ?? 0)))
    self.pacing = Mutex(pacing)
  }

  deinit { line?.stop() }

  /// Writes what is left of `bytes`, and returns when the link has taken all of it, which with a delay is before it
  /// has arrived. After an error `bytes` knows how far it got.
  ///
  /// - Throws: `ConnectionError`, `SystemError`.
  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    pacing.withLock { $0?.begin(at: MonotonicClock.nanoseconds()) }
    while !bytes.isComplete {
      let piece = bytes.next(pieceByteCount)
      if let due = pacing.withLock({ $0?.carry(piece.count) }), due > MonotonicClock.nanoseconds() {
        try socket.rest(until: due, patience) { isReleased.load(ordering: .acquiring) }
        pacing.withLock { $0?.woke(at: MonotonicClock.nanoseconds()) }
      }
      if let line {
        while try !line.append(piece) {
          try socket.rest(until: MonotonicClock.nanoseconds() + 5_000_000, patience) { false }
        }
        bytes.advance(by: piece.count)
      } else {
        var outgoing = OutgoingBytes(head: piece, body: [])
        defer { bytes.advance(by: outgoing.written) }
        try socket.write(&outgoing, patience: patience)
      }
    }
  }

  /// Ends pacing and delay: what waits, in this thread or another, goes at once.
  func release() {
    isReleased.store(true, ordering: .releasing)
    line?.release()
  }

  /// Waits, until the deadline at most, for what is on its way to be written.
  func awaitDelivery(_ deadline: Deadline) {
    while let line, !line.isEmpty, deadline.pause() {}
  }

  /// Gives up what is on its way. The socket must be closed.
  func stop() { line?.stop() }
}

extension Socket {
  /// Rests until a moment of the monotonic clock, or until the socket has an error for the next call to report.
  ///
  /// - Parameters:
  ///   - moment: nanoseconds.
  ///   - patience: what else ends the rest.
  ///   - isOver: asked every 50 ms at least; `true` ends the rest.
  /// - Throws: `ConnectionError` (`cancelled`, `timedOut` at the deadline, `closed`), `SystemError`.
  func rest(until moment: UInt64, _ patience: Patience, isOver: () -> Bool) throws {
    try descriptor.use { descriptor in
      while !isOver() {
        if patience.cancellation?.isCancelled == true { throw ConnectionError.cancelled }
        let now = MonotonicClock.nanoseconds()
        if now >= moment { return }
        if let deadline = patience.deadline, now >= deadline.nanoseconds {
          throw ConnectionError.timedOut(seconds: deadline.seconds)
        }
        let wakeUp = min(moment, patience.deadline?.nanoseconds ?? .max, now + 50_000_000)
        let milliseconds = Int32((wakeUp - now + 999_999) / 1_000_000)
        if try Poll.wait(
          for: 0, on: descriptor, cancellation: patience.cancellation, milliseconds: milliseconds)
        {
          return
        }
      }
    }
  }
}
