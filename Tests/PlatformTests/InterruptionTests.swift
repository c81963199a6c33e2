import TestSupport
import Testing

@testable import Platform

@Suite struct InterruptionTests {
  @Test func requestCallsEveryActionOnce() {
    let interruption = Interruption()
    let called = SessionList<Int>()
    _ = interruption.add { called.append(1) }
    let second = interruption.add { called.append(2) }
    _ = interruption.add { called.append(3) }
    interruption.remove(second)
    #expect(!interruption.isRequested)
    #expect(called.all.isEmpty)
    interruption.request()
    #expect(interruption.isRequested)
    #expect(called.all.sorted() == [1, 3])
  }

  @Test func requestBeforeAdd() {
    let interruption = Interruption()
    interruption.request()
    let called = SessionList<Int>()
    let number = interruption.add { called.append(1) }
    #expect(called.all == [1])
    interruption.remove(number)
    interruption.remove(number)
    interruption.request()
    #expect(called.all == [1])
  }

  /// An action may take the lock again.
  @Test func actionMayAskAndRemove() {
    let interruption = Interruption()
    let seen = SessionList<Bool>()
    let number = interruption.add { seen.append(interruption.isRequested) }
    _ = interruption.add { interruption.remove(number) }
    interruption.request()
    #expect(seen.all.allSatisfy { $0 })
  }

  @Test func requestFromAnotherThreadIsSeenByOneOfBoth() throws {
    for _ in 0..<200 {
      let interruption = Interruption()
      let called = SessionList<Int>()
      let thread = Background { interruption.request() }
      _ = interruption.add { called.append(1) }
      try thread.value()
      #expect(called.all == [1])
    }
  }
}
