import TestSupport
import Testing

@testable import Training

@Suite struct TrainingClockTests {
  @Test func clockSplitsTheTime() {
    var clock = TrainingClock()
    #expect(!clock.isRunning)
    // Outside training nothing counts.
    #expect(clock.waiting { 5 } == 5)
    #expect(clock.idleSeconds == 0)
    clock.begin()
    #expect(clock.isRunning)
    clock.waiting { sleep(milliseconds: 2) }
    sleep(milliseconds: 1)
    clock.end()
    #expect(!clock.isRunning)
    #expect(clock.idleSeconds > 0)
    #expect(clock.trainingSeconds > clock.idleSeconds)
    #expect(clock.busySeconds == clock.trainingSeconds - clock.idleSeconds)
    let before = clock.trainingSeconds
    clock.end()
    #expect(clock.trainingSeconds == before)
  }

  @Test func clockCountsAWaitThatThrows() {
    var clock = TrainingClock()
    clock.begin()
    #expect(throws: CancellationError.self) {
      try clock.waiting {
        sleep(milliseconds: 1)
        throw CancellationError()
      }
    }
    #expect(clock.idleSeconds > 0)
  }
}
