/// When the bytes given to a link of a fixed rate are through: arithmetic on the moments that it is told, without a
/// clock of its own.
///
/// It is a token bucket that is empty at first and refills only while frames follow each other: a frame that comes at
/// most `burst` after the one before, plus what the thread that waited for the link was late, loses no time. A longer
/// rest earns nothing. So frames back to back get exactly the rate, however late threads wake, and over any time that
/// begins with the link idle it carries at most rate × (time + burst).
struct LinkPacing {
  /// Seconds by which a frame may come late and still count as following the one before.
  static let burst = 0.02

  /// Bytes that go out at once: what takes 10 ms, within limits.
  let pieceByteCount: Int
  private let nanosecondsPerByte: Double
  /// The moment 0 of `free`; the first that it was told.
  private var origin: UInt64?
  /// When the link has carried all that it was given, in nanoseconds.
  private var free = 0.0
  /// By how much the thread was late when it last had to wait, in nanoseconds.
  private var lateness = 0.0

  /// - Parameter rate: bits per second.
  init(rate: Double) {
    precondition(LinkShaping.rates.contains(rate), "\(rate) bits per second")
    nanosecondsPerByte = 8e9 / rate
    pieceByteCount = min(max(Int(0.01 * rate / 8), 256), 1 << 18)
  }

  /// The longest time, in seconds, that one piece takes.
  var secondsPerPiece: Double { Double(pieceByteCount) * nanosecondsPerByte * 1e-9 }

  /// A frame comes to the link.
  ///
  /// - Parameter now: nanoseconds of a clock that never goes back.
  mutating func begin(at now: UInt64) {
    let origin = origin ?? now
    self.origin = origin
    let moment = Double(now - origin)
    if moment > free + lateness + Self.burst * 1e9 {
      free = moment
      lateness = 0
    }
  }

  /// The link carries the next bytes of the frame.
  ///
  /// - Returns: the moment at which they are through, and not before which they may reach the other end.
  mutating func carry(_ byteCount: Int) -> UInt64 {
    guard let origin else { preconditionFailure("bytes without a frame") }
    free += Double(byteCount) * nanosecondsPerByte
    return origin + UInt64(free.rounded(.up))
  }

  /// The thread that waited for the last `carry` goes on.
  mutating func woke(at now: UInt64) { lateness = max(0, Double(now - (origin ?? now)) - free) }
}
