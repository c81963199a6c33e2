/// Splits a thread's time in training into busy and idle.
package struct TrainingClock {
  /// Seconds in training so far.
  package private(set) var trainingSeconds = 0.0
  /// The part of it spent waiting: for data, for the link, for the peer.
  package private(set) var idleSeconds = 0.0
  private var start: Double?
  /// Where waiting is recorded, in training and outside.
  private let timeline: Timeline?

  package init(timeline: Timeline? = nil) { self.timeline = timeline }

  package var busySeconds: Double { trainingSeconds - idleSeconds }
  package var isRunning: Bool { start != nil }

  package mutating func begin() { start = MonotonicClock.seconds() }

  package mutating func end() {
    if let start { trainingSeconds += MonotonicClock.seconds() - start }
    start = nil
  }

  /// Runs `body` and counts its time as idle, if training is under way.
  package mutating func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    try timeline.measure(.wait) {
      guard isRunning else { return try body() }
      let before = MonotonicClock.seconds()
      defer { idleSeconds += MonotonicClock.seconds() - before }
      return try body()
    }
  }

  package static func + (left: Self, right: Self) -> Self {
    var sum = Self()
    sum.trainingSeconds = left.trainingSeconds + right.trainingSeconds
    sum.idleSeconds = left.idleSeconds + right.idleSeconds
    return sum
  }
}
