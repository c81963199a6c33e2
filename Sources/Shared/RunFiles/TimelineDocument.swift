import Platform
import Transport

/// The text of a timeline: one JSON object, an event a line.
struct TimelineDocument {
  /// One moment on both clocks, in nanoseconds: since 1970, and of the monotonic clock.
  struct ClockStart {
    let wall: UInt64
    let monotonic: UInt64
  }

  let role: Role
  let run: RunIdentifier?
  let clockOffset: Timeline.ClockOffset?
  let clockStart: ClockStart

  /// The program's number in the trace.
  private var process: Int { role == .edge ? 1 : 2 }

  /// The beginning, up to the names of the threads.
  var head: String {
    var data = #""role":"\#(role.rawValue)""#
    if let run { data += #","run_id":"\#(run)""# }
    // A clock that was set back during the handshake makes it negative: then the offset says nothing.
    if let clockOffset, clockOffset.seconds.isFinite, (0..<Double.infinity).contains(clockOffset.uncertaintySeconds) {
      data += #","cloud_clock_offset_seconds":\#(clockOffset.seconds)"#
      data += #","cloud_clock_uncertainty_seconds":\#(clockOffset.uncertaintySeconds)"#
    }
    let names =
      [#"{"name":"process_name","ph":"M","pid":\#(process),"tid":0,"args":{"name":"\#(role.rawValue)"}}"#]
      + Timeline.Track.allCases.map { track in
        #"{"name":"thread_name","ph":"M","pid":\#(process),"tid":\#(track.rawValue),"args":{"name":"\#(track)"}}"#
      }
    return #"{"displayTimeUnit":"ms","otherData":{\#(data)},"traceEvents":["# + "\n" + names.joined(separator: ",\n")
  }

  /// One span, with the comma before it.
  func event(_ span: Timeline.Span) -> String {
    // What began before the timeline did lies before the clocks' common moment.
    let start = clockStart.wall &+ (span.start &- clockStart.monotonic)
    return #",\#n{"name":"\#(span.phase.rawValue)","cat":"\#(role.rawValue)","ph":"X","pid":\#(process),"#
      + #""tid":\#(span.track.rawValue),"ts":\#(microseconds(start)),"dur":\#(microseconds(span.end - span.start))}"#
  }

  /// The end.
  var tail: String { "\n]}\n" }

  /// Nanoseconds in microseconds, exactly: a Double would round times since 1970.
  private func microseconds(_ nanoseconds: UInt64) -> String {
    let rest = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }
}
