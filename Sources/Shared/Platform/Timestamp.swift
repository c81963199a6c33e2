#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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
  package var iso8601: String {
    let parts = utc
    return "\(year(parts))-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
      + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }

  /// For names of files: "20261123-081502".
  package var compact: String {
    let parts = utc
    return "\(year(parts))\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
      + "-\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
  }

  /// The time of day in the zone of this machine: "08:15:02".
  package var localTimeOfDay: String {
    var seconds = time_t(secondsSince1970.rounded(.down))
    var parts = tm()
    localtime_r(&seconds, &parts)
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }

  private var utc: tm {
    var seconds = time_t(secondsSince1970.rounded(.down))
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return parts
  }

  private func year(_ parts: tm) -> String {
    let digits = String(Int(parts.tm_year) + 1900)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
