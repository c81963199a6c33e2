import Platform

/// How long one socket call may take, beside the socket's own limit on the time without progress.
package struct Patience: Sendable {
  /// Wakes the call and makes it throw.
  package let cancellation: Cancellation?
  /// The moment at which the call fails even if there was progress.
  package let deadline: Deadline?

  package init(cancellation: Cancellation? = nil, deadline: Deadline? = nil) {
    self.cancellation = cancellation
    self.deadline = deadline
  }
}

/// When a connection last moved a byte in either direction, and how much its send queue held when last looked at.
struct ProgressClock {
  private(set) var lastProgress: UInt64 = 0
  private(set) var lastReceived: UInt64 = 0
  private var queuedBytes = 0

  mutating func received(at now: UInt64) {
    lastProgress = max(lastProgress, now)
    lastReceived = max(lastReceived, now)
  }

  mutating func sent(_ count: Int, at now: UInt64) {
    lastProgress = max(lastProgress, now)
    queuedBytes += count
  }

  /// A send queue shorter than last time means that the peer's kernel has taken bytes: that is progress.
  mutating func observe(queuedBytes count: Int, at now: UInt64) {
    if count < queuedBytes { lastProgress = max(lastProgress, now) }
    queuedBytes = count
  }
}
