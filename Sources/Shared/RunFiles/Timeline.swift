import Platform
import Transport

/// What one side of a run did when, written to a file that Perfetto and chrome://tracing show (trace-event JSON).
///
/// Times are those of the system clock at the timeline's start, advanced by the monotonic clock, so that a clock that
/// is set meanwhile does no harm. Any thread may record. Where no timeline is wanted there is none (`Timeline?`), and
/// `measure` only calls its body.
package final class Timeline: Sendable {
  /// What time is spent on.
  package enum Phase: String, CaseIterable, Sendable {
    case load, forward, exit, backward, update, encode, send, receive, decode, wait

    /// The line of the picture on which it is drawn, unless said otherwise. A side has one thread for each, but for
    /// what the computing thread does of it: all that the cloud sends, and loading where the edge sends images as they
    /// are.
    var track: Track {
      switch self {
      case .forward, .exit, .backward, .update, .encode, .wait: .compute
      case .send: .send
      case .receive, .decode: .receive
      case .load: .load
      }
    }
  }

  /// A line of the picture.
  package enum Track: Int, CaseIterable, Sendable {
    case compute = 1
    case send, receive, load
  }

  /// The cloud's clock as the handshake showed it.
  package struct ClockOffset: Equatable, Sendable {
    /// The cloud's clock minus the edge's.
    package let seconds: Double
    /// How far off that may be: half of the time that the two messages were on their way.
    package let uncertaintySeconds: Double

    /// From four readings, in seconds of the clock of the side that took them.
    package init(helloSent: Double, helloReceived: Double, welcomeSent: Double, welcomeReceived: Double) {
      seconds = ((helloReceived - helloSent) + (welcomeSent - welcomeReceived)) / 2
      uncertaintySeconds = ((welcomeReceived - helloSent) - (welcomeSent - helloReceived)) / 2
    }
  }

  struct Span {
    let phase: Phase
    let track: Track
    /// Nanoseconds of the monotonic clock.
    let start: UInt64
    let end: UInt64
  }

  private struct State {
    /// Nil when closed.
    var descriptor: Int32?
    var run: RunIdentifier?
    var clockOffset: ClockOffset?
    var spans: [Span] = []
  }

  private let path: String
  private let role: Role
  private let operations: FileOperations
  private let clockStart: TimelineDocument.ClockStart
  private let state: Guarded<State>

  /// Creates or empties the file, and writes a timeline without spans.
  ///
  /// - Throws: `FileError`.
  package init(path: String, role: Role, operations: FileOperations = .live) throws {
    self.path = path
    self.role = role
    self.operations = operations
    clockStart = TimelineDocument.ClockStart(
      wall: UInt64(max(0, Timestamp.now().secondsSince1970) * 1e9), monotonic: MonotonicClock.nanoseconds())
    let descriptor = try operations.openOutput(path, flags: O_CREAT | O_TRUNC | O_APPEND)
    state = Guarded(State(descriptor: descriptor))
    try write()
  }

  deinit { if let descriptor = state.withLock({ $0.descriptor }) { _ = operations.close(descriptor) } }

  /// Begins the timeline of a run, and forgets the one before.
  package func begin(_ run: RunIdentifier) {
    state.withLock { state in
      state.run = run
      state.clockOffset = nil
      state.spans = []
    }
  }

  /// Notes, on the edge, how the cloud's clock goes.
  package func note(_ offset: ClockOffset) { state.withLock { $0.clockOffset = offset } }

  /// Records that a phase has taken from `start` to `end`, in nanoseconds of the monotonic clock.
  package func record(
    _ phase: Phase, on track: Track? = nil, from start: UInt64, to end: UInt64 = MonotonicClock.nanoseconds()
  ) {
    let span = Span(phase: phase, track: track ?? phase.track, start: start, end: max(start, end))
    state.withLock { $0.spans.append(span) }
  }

  /// Writes the whole file anew.
  ///
  /// - Throws: `FileError`; the file then holds a timeline without spans, if there is room for one.
  package func write() throws {
    try state.withLock { state in
      guard let descriptor = state.descriptor else { throw RunDirectoryError.finished(path: path) }
      let document = TimelineDocument(
        role: role, run: state.run, clockOffset: state.clockOffset, clockStart: clockStart)
      do { try write(document, state.spans, descriptor) } catch {
        if !state.spans.isEmpty { try? write(document, [], descriptor) }
        throw error
      }
    }
  }

  private func write(_ document: TimelineDocument, _ spans: [Span], _ descriptor: Int32) throws {
    // A device or a pipe cannot be cut; it gets one document after the other.
    _ = operations.truncate(descriptor, 0)
    var text = document.head
    func flush() throws {
      defer { text = "" }
      try text.withUTF8 { try operations.writeAll(UnsafeRawBufferPointer($0), to: descriptor, path: path) }
    }
    for span in spans {
      text += document.event(span)
      if text.utf8.count > 1 << 16 { try flush() }
    }
    text += document.tail
    try flush()
  }
}

extension Timeline? {
  /// Runs `body`, and records it if there is a timeline.
  ///
  /// - Parameter track: the line on which it is drawn, if not the phase's own.
  @inline(__always) package func measure<Result>(
    _ phase: Timeline.Phase, on track: Timeline.Track? = nil, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let self else { return try body() }
    let start = MonotonicClock.nanoseconds()
    defer { self.record(phase, on: track, from: start) }
    return try body()
  }
}
