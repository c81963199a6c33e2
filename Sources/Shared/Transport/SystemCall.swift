#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A call to the operating system that failed.
package struct SocketError: Error, Equatable, CustomStringConvertible {
  /// What was tried, such as `"bind"`.
  package let operation: String
  /// The value of `errno` directly after the call.
  package let errnoCode: Int32

  package init(operation: String, errnoCode: Int32) {
    self.operation = operation
    self.errnoCode = errnoCode
  }

  package var description: String {
    "\(operation) failed: \(Self.text(of: errnoCode)) (errno \(errnoCode))"
  }

  /// The system's words for an `errno` value.
  static func text(of errnoCode: Int32) -> String {
    String(cString: strerror(errnoCode))
  }
}

/// The one way in which this module calls libc.
enum SystemCall {
  /// Runs `call` until it is not interrupted by a signal (`EINTR`), and reads `errno` at once when it fails.
  ///
  /// - Parameters:
  ///   - operation: the name of the call, for the error.
  ///   - call: returns a negative number to say that it failed and that `errno` says why.
  /// - Returns: what `call` returned, never negative.
  /// - Throws: `SocketError`.
  @inline(__always)
  @discardableResult
  static func run<Result: SignedInteger>(
    _ operation: String, _ call: () -> Result
  ) throws(SocketError) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      let errnoCode = errno
      if errnoCode == EINTR { continue }
      throw SocketError(operation: operation, errnoCode: errnoCode)
    }
  }

  /// Closes a descriptor. Never retried: after `EINTR` Linux has already closed it, and the number may belong
  /// to another thread's new file.
  static func close(_ descriptor: Int32) {
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #elseif canImport(Darwin)
      _ = Darwin.close(descriptor)
    #endif
  }

  /// Lets this thread rest.
  static func sleep(milliseconds: Int32) {
    _ = poll(nil, 0, milliseconds)
  }

  /// Nanoseconds of the monotonic clock.
  static func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// Seconds as nanoseconds, held between 0 and 10⁹ seconds, so that no value can overflow a sum.
  static func nanoseconds(_ seconds: Double) -> UInt64 {
    seconds > 0 ? UInt64(min(seconds, 1e9) * 1e9) : 0
  }
}
