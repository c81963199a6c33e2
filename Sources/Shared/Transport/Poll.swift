import Platform

/// Waiting for one descriptor and what else wakes a thread, at the same time.
enum Poll {
  /// Waits until the descriptor is ready.
  ///
  /// - Parameters:
  ///   - events: `POLLIN` or `POLLOUT`.
  ///   - descriptor: what to wait for.
  ///   - moment: of the monotonic clock, in nanoseconds: the end of the wait. A signal may shorten it.
  ///   - cancellation: what else wakes the thread.
  ///   - wakeUp: likewise; it is cleared then.
  /// - Returns: whether the descriptor is ready or has an error; `false` when the time is over.
  /// - Throws: `ConnectionError.cancelled`, `SystemError`.
  static func wait(
    for events: Int16, on descriptor: Int32, until moment: UInt64, cancellation: Cancellation?, wakeUp: WakeUp? = nil
  ) throws -> Bool {
    let now = MonotonicClock.nanoseconds()
    let milliseconds = moment > now ? Int32(clamping: (moment - now) / 1_000_000 + 1) : 0
    return try withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 3) { entries in
      entries.initializeElement(at: 0, to: pollfd(fd: descriptor, events: events, revents: 0))
      // A negative descriptor is ignored by poll.
      for (index, other) in [cancellation?.readDescriptor, wakeUp?.readDescriptor].enumerated() {
        entries.initializeElement(at: index + 1, to: pollfd(fd: other ?? -1, events: Int16(POLLIN), revents: 0))
      }
      do throws(SystemError) {
        let count = poll(entries.baseAddress, 3, milliseconds)
        if count < 0 { throw SystemError(operation: "poll", errnoCode: errno) }
      } catch {
        // Not through SystemCall: after a signal the caller works out anew how long to wait.
        if error.errnoCode == EINTR { return false }
        throw error
      }
      if cancellation?.isCancelled == true { throw ConnectionError.cancelled }
      if entries[2].revents != 0 { wakeUp?.clear() }
      return entries[0].revents != 0
    }
  }
}
