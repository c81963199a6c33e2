import Synchronization

/// The user's wish to end: Ctrl-C (SIGINT), SIGTERM or SIGHUP. The first one asks; a second one kills as usual.
package final class Interruption: Sendable {
  private let state = Guarded((isRequested: false, actions: [Int: @Sendable () -> Void](), next: 0))

  package init() {}

  package var isRequested: Bool { state.withLock { $0.isRequested } }

  /// Calls `action` when the user asks, at once if the user has asked before.
  ///
  /// - Returns: a number for `remove`.
  package func add(_ action: @escaping @Sendable () -> Void) -> Int {
    let (number, isRequested) = state.withLock { state in
      state.next += 1
      state.actions[state.next] = action
      return (state.next, state.isRequested)
    }
    if isRequested { action() }
    return number
  }

  package func remove(_ number: Int) { state.withLock { _ = $0.actions.removeValue(forKey: number) } }

  /// What a signal does.
  package func request() {
    let actions = state.change { state in
      state.isRequested = true
      return Array(state.actions.values)
    }
    actions.forEach { $0() }
  }

  /// Rests this thread, until the user asks at most.
  ///
  /// - Throws: `InterruptedError`.
  package func rest(seconds: Double) throws {
    let isRequested = state.wait(until: Deadline(secondsFromNow: seconds)) { $0.isRequested ? () : nil } != nil
    if isRequested { throw InterruptedError() }
  }

  /// Lets SIGINT, SIGTERM and SIGHUP ask. (SIGHUP only if it is not ignored, as under nohup.) Ignores SIGPIPE and
  /// SIGXFSZ, so that a peer that has gone and a file that may not grow are errors of `write`. Call once, from main.
  ///
  /// - Throws: `SystemError`, `ThreadError`.
  package func installSignalHandlers() throws {
    var ends: [Int32] = [-1, -1]
    try SystemCall.run("pipe") { pipe(&ends) }
    let readEnd = ends[0]
    signalPipe.store(ends[1], ordering: .releasing)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = signal(number) { number in
        signal(number, SIG_DFL)
        let savedError = errno
        var byte: UInt8 = 1
        _ = write(signalPipe.load(ordering: .acquiring), &byte, 1)
        errno = savedError
      }
      let wasIgnored = unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
      if number == SIGHUP && wasIgnored { signal(number, SIG_IGN) }
    }
    // Not joined: it sleeps until the program ends.
    _ = try Thread { [self] in
      var byte: UInt8 = 0
      while true { if read(readEnd, &byte, 1) == 1 { request() } else if errno != EINTR { return } }
    }
  }
}

/// Where the signal handler writes, since it may not do more.
private let signalPipe = Atomic<Int32>(-1)

/// The user ended the run.
package struct InterruptedError: Error, Equatable, CustomStringConvertible {
  package init() {}

  package var description: String { "interrupted" }
}
