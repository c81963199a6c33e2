import Platform
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes on their way over a link with a delay: each piece is written to the stream, by a thread of the line, a fixed
/// time after it was appended.
final class DelayLine: Sendable {
  private struct State {
    var pieces: [(bytes: [UInt8], due: UInt64)] = []
    var byteCount = 0
    /// Whether the thread is writing a piece that it has taken out.
    var isWriting = false
    var isReleased = false
    var isStopping = false
    var failure: (any Error)?
    var thread: pthread_t?
  }

  private enum Step {
    case write([UInt8])
    /// At most so many milliseconds; negative for until woken.
    case rest(Int32)
    case end
  }

  private let stream: any ByteStream
  private let delay: UInt64
  /// Bytes that have room; beyond them the line is full, and the sender waits.
  private let capacity: Int
  private let state = Mutex(State())
  private let wakeUp: WakeUp

  /// Starts the thread; `stop` ends it.
  ///
  /// - Throws: `SystemError` when the process has no more descriptors or threads.
  init(_ shaping: LinkShaping, _ stream: any ByteStream) throws(SystemError) {
    self.stream = stream
    delay = MonotonicClock.nanoseconds(shaping.delay)
    // What a link of this rate holds while each byte takes the delay, twice.
    capacity = shaping.rate.map { max(Int(2 * $0 / 8 * shaping.delay), 1 << 20) } ?? 1 << 26
    wakeUp = try WakeUp()
    let context = Unmanaged.passRetained(self).toOpaque()
    #if canImport(Darwin)
      var handle: pthread_t?
    #else
      var handle = pthread_t()
    #endif
    let code = pthread_create(&handle, nil, delayLineThread, context)
    guard code == 0 else {
      Unmanaged<DelayLine>.fromOpaque(context).release()
      throw SystemError(operation: "pthread_create", errnoCode: code)
    }
    let thread = handle
    state.withLock { $0.thread = thread }
  }

  /// Takes a piece if there is room.
  ///
  /// - Returns: whether it was taken.
  /// - Throws: what made writing fail.
  func append(_ piece: [UInt8]) throws -> Bool {
    let isTaken = try state.withLock { state in
      if let failure = state.failure { throw failure }
      guard state.byteCount == 0 || state.byteCount + piece.count <= capacity else { return false }
      state.pieces.append((piece, MonotonicClock.nanoseconds() + delay))
      state.byteCount += piece.count
      return true
    }
    if isTaken { wakeUp.signal() }
    return isTaken
  }

  /// Whether everything is written, or will never be.
  var isEmpty: Bool {
    state.withLock { $0.failure != nil || ($0.pieces.isEmpty && !$0.isWriting) }
  }

  /// Ends the delay: everything goes at once.
  func release() {
    state.withLock { $0.isReleased = true }
    wakeUp.signal()
  }

  /// Ends the thread and waits for it. The stream must be closed, or the thread may wait for its peer.
  func stop() {
    let thread = state.withLock { state in
      state.isStopping = true
      defer { state.thread = nil }
      return state.thread
    }
    wakeUp.signal()
    if let thread { pthread_join(thread, nil) }
  }

  fileprivate func run() {
    while true {
      switch state.withLock({ next(&$0) }) {
      case .write(let piece):
        do {
          try stream.writeAll(piece)
        } catch {
          state.withLock { state in
            state.failure = error
            state.pieces = []
          }
        }
      case .rest(let milliseconds): wakeUp.wait(milliseconds: milliseconds)
      case .end: return
      }
    }
  }

  private func next(_ state: inout State) -> Step {
    state.isWriting = false
    if state.isStopping { return .end }
    guard let first = state.pieces.first else { return .rest(-1) }
    let now = MonotonicClock.nanoseconds()
    guard state.isReleased || first.due <= now else {
      return .rest(Int32((first.due - now + 999_999) / 1_000_000))
    }
    state.pieces.removeFirst()
    state.byteCount -= first.bytes.count
    state.isWriting = true
    return .write(first.bytes)
  }
}

#if canImport(Darwin)
  private func delayLineThread(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<DelayLine>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }
#else
  private func delayLineThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<DelayLine>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }
#endif
