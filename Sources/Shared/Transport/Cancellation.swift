import Platform
import Synchronization

/// A switch that can be thrown once, from any thread, and that wakes every thread that waits in a socket call with it;
/// those calls throw `ConnectionError.cancelled`.
package final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)
  private let wakeUp: WakeUp
  /// Becomes readable for good when `cancel()` is called: nobody clears the signal.
  var readDescriptor: Int32 { wakeUp.readDescriptor }

  /// - Throws: `SystemError` when the process has no more file descriptors.
  package init() throws(SystemError) { wakeUp = try WakeUp() }

  var isCancelled: Bool { flag.load(ordering: .acquiring) }

  /// Cancels; later calls do nothing.
  package func cancel() {
    guard !flag.exchange(true, ordering: .acquiringAndReleasing) else { return }
    wakeUp.signal()
  }

  /// Rests this thread, until it is cancelled at most.
  ///
  /// - Throws: `ConnectionError.cancelled`, `SystemError`.
  package func rest(seconds: Double) throws {
    let end = MonotonicClock.nanoseconds() + MonotonicClock.nanoseconds(seconds)
    // Poll ignores a negative descriptor.
    while MonotonicClock.nanoseconds() < end { _ = try Poll.wait(for: 0, on: -1, until: end, cancellation: self) }
  }
}
