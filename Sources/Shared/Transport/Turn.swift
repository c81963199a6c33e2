import Platform

/// What one thread at a time has to itself, for longer than a lock should be held: while it reads or writes.
package final class Turn<State>: Sendable {
  /// Nil while a thread has it.
  private let state: Guarded<State?>

  package init(_ state: State) { self.state = Guarded(state) }

  /// Waits for the turn.
  ///
  /// - Throws: what `body` throws.
  package func take<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try use(state.wait { $0.take() }, body)
  }

  /// Waits for the turn until a deadline at most.
  ///
  /// - Returns: nil if another thread has had it until then.
  /// - Throws: what `body` throws.
  func take<Result>(until deadline: Deadline, _ body: (inout State) throws -> Result) rethrows -> Result? {
    guard let own = state.wait(until: deadline, for: { $0.take() }) else { return nil }
    return try use(own, body)
  }

  private func use<Result>(_ own: State, _ body: (inout State) throws -> Result) rethrows -> Result {
    var own = own
    defer { state.change { $0 = own } }
    return try body(&own)
  }
}
