/// A point in time, rendered in UTC.
package struct Timestamp: Equatable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
  package let secondsSince1970: Double

  package init(secondsSince1970: Double) {
    precondition(secondsSince1970.isFinite && abs(secondsSince1970) < 1e11, "time out of range")
    self.secondsSince1970 = secondsSince1970
  }

  /// The time of the system clock.
  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(secondsSince1970: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
  }

  /// ISO 8601 to the second: "2026-11-23T08:15:02Z".
  package var iso8601: String { text("%Y-%m-%dT%H:%M:%SZ", gmtime_r) }

  /// For names of files, in UTC: "20261123-081502".
  package var compact: String { text("%Y%m%d-%H%M%S", gmtime_r) }

  /// The time of day in the zone of this machine: "08:15:02".
  package var localTimeOfDay: String { text("%H:%M:%S", localtime_r) }

  private func text(
    _ format: String, _ convert: (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?
  ) -> String {
    var seconds = time_t(secondsSince1970.rounded(.down))
    var parts = tm()
    _ = convert(&seconds, &parts)
    let longest = 64
    var characters = [CChar](repeating: 0, count: longest)
    let count = strftime(&characters, longest, format, &parts)
    return String(decoding: characters.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
