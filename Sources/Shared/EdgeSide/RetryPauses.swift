import Transport
import Trust

/// The pauses between attempts to reach a cloud: from one second on twice as long each time, up to a minute, and each
/// shortened at random by up to a half, so that edges that lost the same cloud do not all come back at once.
package struct RetryPauses: Sendable {
  static let first = 1.0
  static let longest = 60.0

  private var limit: Double

  /// - Parameter first: seconds, about, of the first pause.
  init(first: Double = Self.first) { limit = first }

  /// Seconds until the next attempt.
  ///
  /// - Parameter shortening: 0 to 1, random.
  mutating func next(shortening: Double = .random(in: 0...1)) -> Double {
    defer { limit = min(2 * limit, Self.longest) }
    return limit - shortening * limit / 2
  }

  /// Whether a cloud that was not reached for this reason may be there later.
  static func isPassing(_ error: any Error) -> Bool {
    switch error {
    case let error as RefusedError: error.code == .busy || error.code == .shuttingDown
    case ConnectionError.cancelled, ConnectionError.closed: false
    default: error is ConnectionError || error is TLSError
    }
  }
}
