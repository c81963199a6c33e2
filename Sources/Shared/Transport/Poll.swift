import Platform

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Waiting for one descriptor and a cancellation at the same time.
enum Poll {
  /// Waits until the descriptor is ready.
  ///
  /// - Parameters:
  ///   - events: `POLLIN` or `POLLOUT`.
  ///   - descriptor: what to wait for.
  ///   - cancellation: what else wakes the thread.
  ///   - milliseconds: the longest wait; a signal may shorten it.
  /// - Returns: whether the descriptor is ready or has an error; `false` when the time is over.
  /// - Throws: `ConnectionError.cancelled`, `SystemError`.
  static func wait(
    for events: Int16, on descriptor: Int32, cancellation: Cancellation?, milliseconds: Int32
  ) throws -> Bool {
    try withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { entries in
      entries.initializeElement(at: 0, to: pollfd(fd: descriptor, events: events, revents: 0))
      // A negative descriptor is ignored by poll.
      let wakeUp = cancellation?.readDescriptor ?? -1
      entries.initializeElement(at: 1, to: pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0))
      do throws(SystemError) {
        let count = poll(entries.baseAddress, 2, milliseconds)
        if count < 0 { throw SystemError(operation: "poll", errnoCode: errno) }
      } catch {
        // Not through SystemCall: after a signal the caller works out anew how long to wait.
        if error.errnoCode == EINTR { return false }
        throw error
      }
      if cancellation?.isCancelled == true { throw ConnectionError.cancelled }
      return entries[0].revents != 0
    }
  }
}
