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
    try withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 3) { entries in
      entries.initializeElement(at: 0, to: pollfd(fd: descriptor, events: events, revents: 0))
      // A negative descriptor is ignored by poll.
      for (index, other) in [cancellation?.readDescriptor, wakeUp?.readDescriptor].enumerated() {
        entries.initializeElement(at: index + 1, to: pollfd(fd: other ?? -1, events: Int16(POLLIN), revents: 0))
      }
      guard try wait(entries, until: moment) else { return false }
      if cancellation?.isCancelled == true { throw ConnectionError.cancelled }
      if entries[2].revents != 0 { wakeUp?.clear() }
      return entries[0].revents != 0
    }
  }

  /// Waits until one of several descriptors is ready.
  ///
  /// - Returns: the place of the first one that is ready or has an error; nil when the time is over.
  /// - Throws: as the other one.
  static func wait(
    for events: Int16, onAnyOf descriptors: [Int32], until moment: UInt64, cancellation: Cancellation?
  ) throws -> Int? {
    var entries = descriptors.map { pollfd(fd: $0, events: events, revents: 0) }
    entries.append(pollfd(fd: cancellation?.readDescriptor ?? -1, events: Int16(POLLIN), revents: 0))
    guard try entries.withUnsafeMutableBufferPointer({ try wait($0, until: moment) }) else { return nil }
    if cancellation?.isCancelled == true { throw ConnectionError.cancelled }
    return entries[..<descriptors.count].firstIndex { $0.revents != 0 }
  }

  /// - Returns: false after a signal: the caller works out anew how long to wait.
  private static func wait(_ entries: UnsafeMutableBufferPointer<pollfd>, until moment: UInt64) throws(SystemError)
    -> Bool
  {
    let now = MonotonicClock.nanoseconds()
    let milliseconds = moment > now ? Int32(clamping: (moment - now) / 1_000_000 + 1) : 0
    // Not through SystemCall, which would wait as long once more.
    if poll(entries.baseAddress, nfds_t(entries.count), milliseconds) >= 0 { return true }
    let errnoCode = errno
    if errnoCode == EINTR { return false }
    throw SystemError(operation: "poll", errnoCode: errnoCode)
  }
}
