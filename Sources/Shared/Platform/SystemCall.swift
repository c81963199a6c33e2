import SystemPackage

/// A call to the operating system that failed.
package struct SystemError: Error, Equatable, CustomStringConvertible {
  /// What was tried, such as `"bind"`.
  package let operation: String
  /// The value of `errno` directly after the call.
  package let errnoCode: Int32

  package init(operation: String, errnoCode: Int32) {
    self.operation = operation
    self.errnoCode = errnoCode
  }

  package var description: String { "\(operation) failed: \(Self.text(of: errnoCode)) (errno \(errnoCode))" }

  /// Whether the system has too few descriptors or too little memory just now.
  package var isShortage: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errnoCode) }

  /// The system's words for an `errno` value, "No space left on device".
  package static func text(of errnoCode: Int32) -> String { "\(Errno(rawValue: errnoCode))" }
}

/// The one way in which calls of libc that may be interrupted are made.
package enum SystemCall {
  /// Runs `call` until it is not interrupted by a signal (`EINTR`), and reads `errno` at once when it fails.
  ///
  /// - Parameters:
  ///   - operation: the name of the call, for the error.
  ///   - call: returns a negative number to say that it failed and that `errno` says why.
  /// - Returns: what `call` returned, never negative.
  /// - Throws: `SystemError`.
  @inline(__always) @discardableResult package static func run<Result: SignedInteger>(
    _ operation: String, _ call: () -> Result
  ) throws(SystemError) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      let errnoCode = errno
      if errnoCode == EINTR { continue }
      throw SystemError(operation: operation, errnoCode: errnoCode)
    }
  }

  /// Makes sure that so many descriptors, about, are left.
  ///
  /// - Throws: `SystemError` (`EMFILE`, or what else keeps a descriptor from being made).
  package static func requireDescriptors(_ count: Int32) throws(SystemError) {
    // The system gives the lowest number that is free.
    let lowest = try run("fcntl(F_DUPFD)") { fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) }
    close(lowest)
    let limit = sysconf(Int32(_SC_OPEN_MAX))
    if limit > 0, Int(lowest) + Int(count) > limit { throw SystemError(operation: "accept", errnoCode: EMFILE) }
  }

  /// Closes a descriptor. Never retried: after `EINTR` Linux has already closed it, and the number may belong to
  /// another thread's new file.
  package static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }
}
