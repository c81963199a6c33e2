/// A clock that goes on evenly, from an arbitrary start, whatever is done to the time of day.
package enum MonotonicClock {
  package static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// To the nanosecond for more than a hundred days.
  @Sendable package static func seconds() -> Double { Double(nanoseconds()) * 1e-9 }

  /// Seconds as nanoseconds, held between 0 and 10⁹ seconds, so that no value can overflow a sum.
  package static func nanoseconds(_ seconds: Double) -> UInt64 { seconds > 0 ? UInt64(min(seconds, 1e9) * 1e9) : 0 }
}

/// A moment on the monotonic clock.
package struct Deadline: Sendable {
  /// How far away it was when it was made, for error texts.
  package let seconds: Double
  package let nanoseconds: UInt64

  /// The moment `seconds` from now.
  package init(secondsFromNow seconds: Double) {
    self.seconds = seconds
    nanoseconds = MonotonicClock.nanoseconds() + MonotonicClock.nanoseconds(seconds)
  }

  /// Negative when it is over.
  package var secondsLeft: Double { (Double(nanoseconds) - Double(MonotonicClock.nanoseconds())) * 1e-9 }

  package var isOver: Bool { MonotonicClock.nanoseconds() >= nanoseconds }
}
