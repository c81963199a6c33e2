import Platform
import Testing

/// Work on a thread of its own: what blocks must not take one of those that run Swift's tasks.
package final class Background<Value: Sendable>: Sendable {
  private let outcome = Guarded<Result<Value, any Error>?>(nil)

  package init(_ body: @escaping @Sendable () throws -> Value) {
    do {
      _ = try Platform.Thread { [outcome] in
        let result = Result { try body() }
        outcome.change { $0 = result }
      }
    } catch {
      outcome.change { $0 = .failure(error) }
    }
  }

  /// How the work ended. Waits for it.
  package func result() -> Result<Value, any Error> { outcome.wait { $0 } }

  /// How the work ended; nil if it has not.
  package func poll() -> Result<Value, any Error>? { outcome.withLock { $0 } }

  /// What the work gave, or threw.
  package func value() throws -> Value { try result().get() }

  /// What the work threw.
  package func error(sourceLocation: SourceLocation = #_sourceLocation) throws -> any Error {
    switch result() {
    case .success(let value):
      Issue.record("expected an error, got \(value)", sourceLocation: sourceLocation)
      throw UnexpectedSuccess()
    case .failure(let error): return error
    }
  }
}

/// A test has gone another way than it should; the issue is recorded.
package struct UnexpectedSuccess: Error {
  package init() {}
}

/// A list that several threads add to.
package final class SessionList<Element: Sendable>: Sendable {
  private let elements = Guarded<[Element]>([])

  package init() {}

  package var all: [Element] { elements.withLock { $0 } }
  package func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

/// Rests this thread.
package func sleep(milliseconds: UInt64) {
  Guarded(()).wait(untilNanoseconds: MonotonicClock.nanoseconds() + milliseconds * 1_000_000) { _ in
    nil as Void?
  }
}
