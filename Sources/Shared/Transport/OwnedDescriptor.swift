import Platform

/// A file descriptor that is closed exactly once, and never while a thread is inside a call that uses it, so that no
/// thread can act on a number that meanwhile belongs to another file.
final class OwnedDescriptor: Sendable {
  private struct State {
    var users = 0
    var isClosing = false
  }

  private let descriptor: Int32
  private let state = Guarded(State())

  /// Takes over `descriptor`.
  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { if !state.withLock({ $0.isClosing }) { SystemCall.close(descriptor) } }

  var isClosing: Bool { state.withLock { $0.isClosing } }

  /// Lends the descriptor to `body`.
  ///
  /// - Throws: `ConnectionError.closed` after `close`; what `body` throws.
  func use<Result>(_ body: (Int32) throws -> Result) throws -> Result {
    try state.withLock { state in
      if state.isClosing { throw ConnectionError.closed }
      state.users += 1
    }
    defer {
      let isLast = state.withLock { state in
        state.users -= 1
        return state.isClosing && state.users == 0
      }
      if isLast { SystemCall.close(descriptor) }
    }
    return try body(descriptor)
  }

  /// Closes the descriptor as soon as nobody uses it; the second call does nothing.
  ///
  /// - Parameter wake: run first, to wake threads that wait for the descriptor.
  func close(_ wake: (Int32) -> Void = { _ in }) {
    let isFirst = state.withLock { state in
      if state.isClosing { return false }
      state.isClosing = true
      state.users += 1  // while `wake` runs, so that nobody closes the descriptor meanwhile
      return true
    }
    guard isFirst else { return }
    wake(descriptor)
    let isLast = state.withLock { state in
      state.users -= 1
      return state.users == 0
    }
    if isLast { SystemCall.close(descriptor) }
  }
}
