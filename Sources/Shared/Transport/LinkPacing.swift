/// When the bytes given to a link of a fixed rate are through: arithmetic on the moments that it is told, without a
/// clock of its own.
///
/// It is a token bucket that is empty at first and refills only while frames follow each other. Within a frame, and to a
/// frame that comes within `burst` of the one before, no time is lost: what a sleeping thread was late is made up for.
/// A longer rest earns nothing. So, from any moment at which the link is idle, it carries at most
/// rate × time + rate × burst, and back to back exactly the rate.
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
    if moment > free + Self.burst * 1e9 { free = moment }
  }

  /// The link carries the next bytes of the frame.
  ///
  /// - Returns: the moment at which they are through, and not before which they may reach the other end.
  mutating func carry(_ byteCount: Int) -> UInt64 {
    guard let origin else { preconditionFailure("bytes without a frame") }
    free += Double(byteCount) * nanosecondsPerByte
    return origin + UInt64(free.rounded(.up))
  }
}
