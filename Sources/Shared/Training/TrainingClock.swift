import Platform
import RunFiles

/// Splits a thread's time in training into busy and idle.
package struct TrainingClock {
  /// The part of `trainingSeconds` spent waiting: for data, for the link, for the peer.
  package private(set) var idleSeconds = 0.0
  private var seconds = 0.0
  private var start: Double?
  /// Where waiting is recorded, in training and outside.
  private let timeline: Timeline?

  /// Begins with what an earlier clock of the same epoch read, if there was one.
  package init(timeline: Timeline? = nil, after reading: Reading = Reading()) {
    self.timeline = timeline
    seconds = reading.trainingSeconds
    idleSeconds = reading.idleSeconds
  }

  /// What a clock shows.
  package struct Reading: Codable, Equatable, Sendable {
    var trainingSeconds = 0.0
    var idleSeconds = 0.0

    package init() {}
  }

  /// What it shows now.
  package var reading: Reading {
    var reading = Reading()
    (reading.trainingSeconds, reading.idleSeconds) = (trainingSeconds, idleSeconds)
    return reading
  }

  /// Seconds in training until now.
  package var trainingSeconds: Double { seconds + (start.map { MonotonicClock.seconds() - $0 } ?? 0) }
  package var busySeconds: Double { trainingSeconds - idleSeconds }
  package var isRunning: Bool { start != nil }

  package mutating func begin() { start = MonotonicClock.seconds() }

  /// Stands still. May be called again.
  package mutating func end() {
    seconds = trainingSeconds
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
}
