import Platform

@testable import Terminal

/// Collects what a ``Console`` writes.
final class Output: Sendable {
  private let pieces = Guarded<[String]>([])

  var all: [String] { pieces.withLock { $0 } }

  func console(isTerminal: Bool, usesColor: Bool = false, width: Int = 100) -> Console {
    console(isTerminal: isTerminal, usesColor: usesColor, width: { width })
  }

  func console(isTerminal: Bool, usesColor: Bool = false, width: @escaping @Sendable () -> Int) -> Console {
    Console(isTerminal: isTerminal, usesColor: usesColor, width: width) { text in
      self.pieces.withLock { $0.append(text) }
    }
  }
}

/// A clock that stands still until it is told otherwise.
final class ManualClock: Sendable {
  private let time = Guarded(0.0)

  var now: @Sendable () -> Double { { self.time.withLock { $0 } } }

  func advance(_ seconds: Double) { time.withLock { $0 += seconds } }
}
