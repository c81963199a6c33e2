/// A state that several threads share, each in turn, and on whose changes they can wait.
///
/// Sendable without a check: the state is only reached with the mutex held. What a closure hands out of it is the
/// caller's care.
package final class Guarded<State>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state: State

  package init(_ state: State) {
    self.state = state
    mutex.initialize(to: pthread_mutex_t())
    changed.initialize(to: pthread_cond_t())
    Self.check(pthread_mutex_init(mutex, nil), "pthread_mutex_init")
    // Deadlines are moments of the monotonic clock.
    var attributes = pthread_condattr_t()
    Self.check(pthread_condattr_init(&attributes), "pthread_condattr_init")
    Self.check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "pthread_condattr_setclock")
    Self.check(pthread_cond_init(changed, &attributes), "pthread_cond_init")
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Looks at the state, or changes something of it that nobody waits for.
  package func withLock<Result, Failure>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body(&state)
  }

  /// Changes the state, and wakes all that wait for a change.
  @discardableResult package func change<Result, Failure>(_ body: (inout State) throws(Failure) -> Result)
    throws(Failure) -> Result
  {
    lock()
    defer {
      Self.check(pthread_cond_broadcast(changed), "pthread_cond_broadcast")
      unlock()
    }
    return try body(&state)
  }

  /// Waits until there is what it waits for.
  ///
  /// - Parameter body: asked at once, and again after each change; nil means to go on waiting. What else it changes
  ///   wakes nobody.
  /// - Throws: what `body` throws.
  package func wait<Result, Failure>(for body: (inout State) throws(Failure) -> Result?) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    while true {
      if let result = try body(&state) { return result }
      Self.check(pthread_cond_wait(changed, mutex), "pthread_cond_wait")
    }
  }

  /// Waits until a deadline at most.
  ///
  /// - Returns: nil if `body` gave nothing until then; it is asked once more at the end.
  package func wait<Result, Failure>(until deadline: Deadline, for body: (inout State) throws(Failure) -> Result?)
    throws(Failure) -> Result?
  { try wait(untilNanoseconds: deadline.nanoseconds, for: body) }

  /// The same with the deadline as a moment of the monotonic clock.
  package func wait<Result, Failure>(
    untilNanoseconds moment: UInt64, for body: (inout State) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    lock()
    defer { unlock() }
    while true {
      if let result = try body(&state) { return result }
      let now = MonotonicClock.nanoseconds()
      if now >= moment { return nil }
      var end = Self.time(moment)
      let code = pthread_cond_timedwait(changed, mutex, &end)
      if code != ETIMEDOUT { Self.check(code, "pthread_cond_timedwait") }
    }
  }

  private func lock() { Self.check(pthread_mutex_lock(mutex), "pthread_mutex_lock") }
  private func unlock() { Self.check(pthread_mutex_unlock(mutex), "pthread_mutex_unlock") }

  private static func time(_ nanoseconds: UInt64) -> timespec {
    timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }

  private static func check(_ code: Int32, _ call: String) {
    precondition(code == 0, "\(call) failed: \(SystemError.text(of: code))")
  }
}
