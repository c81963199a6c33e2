import DequeModule
import Platform

/// Bytes on their way over a link with a delay: each piece is written to the stream, by a thread of the line, a fixed
/// time after it was appended.
final class DelayLine: Sendable {
  private struct State {
    var pieces = Deque<(bytes: [UInt8], due: UInt64)>()
    var byteCount = 0
    /// Whether the thread is writing a piece that it has taken out.
    var isWriting = false
    /// Whether the sender waits for room.
    var isAwaited = false
    var isReleased = false
    /// Why nothing is written any more.
    var failure: (any Error)?
  }

  private let stream: any ByteStream
  private let delay: UInt64
  /// Bytes that have room; beyond them the line is full, and the sender waits.
  private let capacity: Int
  private let wakeUp: WakeUp
  private let state = Guarded(State())
  private let thread = Guarded<Thread?>(nil)

  /// Starts the thread; `stop` ends it.
  ///
  /// - Parameter wakeUp: of the sender: signalled when `append` may succeed, or fail, after there was no room.
  /// - Throws: `ThreadError`.
  init(_ shaping: LinkShaping, _ stream: any ByteStream, _ wakeUp: WakeUp) throws(ThreadError) {
    self.stream = stream
    self.wakeUp = wakeUp
    delay = MonotonicClock.nanoseconds(shaping.delay)
    // What a link of this rate holds while each byte takes the delay, twice.
    capacity = shaping.rate.map { max(Int(2 * $0 / 8 * shaping.delay), 1 << 20) } ?? 1 << 26
    let started = try Thread { [self] in run() }
    thread.withLock { $0 = started }
  }

  /// Takes a piece if there is room.
  ///
  /// - Returns: whether it was taken.
  /// - Throws: what made writing fail; `ConnectionError.closed` after `stop`.
  func append(_ piece: [UInt8]) throws -> Bool {
    try state.change { state in
      if let failure = state.failure { throw failure }
      state.isAwaited = state.byteCount > 0 && state.byteCount + piece.count > capacity
      if state.isAwaited { return false }
      state.pieces.append((piece, MonotonicClock.nanoseconds() + delay))
      state.byteCount += piece.count
      return true
    }
  }

  /// Waits until everything is written, or will never be, or until a moment of the monotonic clock.
  func awaitDelivery(untilNanoseconds moment: UInt64) {
    _ = state.wait(untilNanoseconds: moment) { state in
      state.failure != nil || (state.pieces.isEmpty && !state.isWriting) ? true : nil
    }
  }

  /// Ends the delay: everything goes at once.
  func release() { state.change { $0.isReleased = true } }

  /// Gives up what is on its way, and waits for the thread. The stream must be closed, or the thread may wait for its
  /// peer.
  func stop() {
    state.change { $0.failure = $0.failure ?? ConnectionError.closed }
    thread.withLock { $0.take() }?.join()
  }

  private func run() {
    while let piece = next() {
      do {
        try stream.writeAll(piece)
        state.change { $0.isWriting = false }
      } catch {
        state.change { $0.failure = $0.failure ?? error }
        wakeUp.signal()
      }
    }
  }

  /// Takes out the next piece when it is due; waits for it.
  ///
  /// - Returns: nil when nothing is written any more.
  private func next() -> [UInt8]? {
    // The piece in front stays in front meanwhile: only this thread takes any out.
    let due = state.wait { $0.failure != nil ? 0 : $0.pieces.first?.due }
    _ = state.wait(untilNanoseconds: due) { $0.isReleased || $0.failure != nil ? true : nil }
    return state.withLock { state in
      guard state.failure == nil, let piece = state.pieces.popFirst()?.bytes else { return nil }
      state.byteCount -= piece.count
      state.isWriting = true
      if state.isAwaited { wakeUp.signal() }
      return piece
    }
  }
}
