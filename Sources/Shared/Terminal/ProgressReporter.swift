import Platform

/// Shows on standard error how far a run is: a bar on a terminal, redrawn at most ten times a second; elsewhere a line
/// now and then, and one at the end of each epoch.
///
/// May be used from several threads; an update that is not due costs a clock reading.
package final class ProgressReporter: Sendable {
  private let console: Console
  private let lineInterval: Double
  private let now: @Sendable () -> Double
  private let state: Guarded<State>

  private struct State {
    /// Where this process began to train.
    var run: (seconds: Double, fraction: Double)?
    /// Where it began with the epoch under way.
    var epoch: (seconds: Double, images: Int)
    /// When something was shown last; `nil` before the first time.
    var shown: Double?
  }

  /// Seconds between two bars.
  static let barInterval = 0.1
  /// Seconds between two lines, if nothing else is said.
  static let lineInterval = 10.0

  /// - Parameters:
  ///   - console: where progress is shown.
  ///   - lineInterval: seconds between two lines where there is no terminal.
  ///   - now: a clock in seconds that never goes back.
  package init(
    console: Console = .standardError, lineInterval: Double = ProgressReporter.lineInterval,
    now: @escaping @Sendable () -> Double = MonotonicClock.seconds
  ) {
    self.console = console
    self.lineInterval = lineInterval
    self.now = now
    let start = now()
    state = Guarded(State(epoch: (start, 0), shown: console.isTerminal ? nil : start))
  }

  /// Starts the clock of an epoch, from which its images per second are counted; with the first one, that of the run.
  ///
  /// - Parameter progress: where the epoch begins, or goes on.
  package func beginEpoch(_ progress: Progress) {
    let time = now()
    state.withLock { state in
      state.run = state.run ?? (time, progress.runFraction)
      state.epoch = (time, progress.images)
    }
  }

  /// Reports progress; shown only if it is time to.
  package func update(_ progress: Progress) {
    show { time, state in
      let line = Self.line(progress, at: time, state)
      return (line.bar, line.plain())
    }
  }

  /// Reports the end of an epoch with a line that stays, on a terminal too.
  ///
  /// - Parameters:
  ///   - progress: with all images of the epoch, its mean losses and its accuracies.
  ///   - imagesPerSecond: of the epoch; nil for those since it was begun.
  package func endEpoch(_ progress: Progress, imagesPerSecond: Double? = nil) {
    let time = now()
    state.withLock { state in
      state.shown = time
      var line = Self.line(progress, at: time, state)
      line.isEnded = true
      if let imagesPerSecond { line.imagesPerSecond = imagesPerSecond }
      console.setStatus(nil)
      console.printLine(console.isTerminal ? line.result(width: console.width) : line.plain())
    }
  }

  /// Reports that training is done, and what is left to be delivered; shown only if it is time to.
  ///
  /// - Parameters:
  ///   - done: batches, and ends of epochs, that were delivered since training was done.
  ///   - left: those that are not delivered.
  ///   - bytes: of them, about.
  ///   - seconds: since training was done.
  package func deliver(done: Int, left: Int, bytes: Int, seconds: Double) {
    show { _, _ in
      var line = FittedLine()
      line.add(.what, ["delivering"])
      line.addBar(Double(done) / Double(max(1, done + left)))
      line.add(.count, ["\(Formatting.count(left, "record")) (\(Formatting.bytes(bytes)))", "\(left)"])
      if done > 0 {
        line.add(.timeLeft, [Formatting.duration(seconds: seconds / Double(done) * Double(left)) + " left", ""])
      }
      return ({ [line] in line.text(width: $0, givingWay: [.count, .bar, .bar, .timeLeft]) }, line.plain)
    }
  }

  /// Reports work before the training; shown only if it is time to.
  ///
  /// - Parameters:
  ///   - what: is done.
  ///   - noun: what is counted.
  package func count(_ what: String, _ noun: String, done: Int, all: Int) {
    show { time, state in
      var line = FittedLine()
      line.add(.what, [what])
      line.addBar(Double(done) / Double(max(1, all)))
      line.add(.count, ["\(done) of \(Formatting.count(all, noun))", "\(done)/\(all)"])
      let seconds = time - state.epoch.seconds
      if seconds > 0, done > 0 {
        line.add(.speed, ["\(Formatting.fixed(Double(done) / seconds, decimals: 0)) \(noun)s/s", ""])
        line.add(.timeLeft, [Formatting.duration(seconds: seconds * Double(all - done) / Double(done)) + " left", ""])
      }
      return ({ [line] in line.text(width: $0, givingWay: [.count, .speed, .bar, .bar, .timeLeft]) }, line.plain)
    }
  }

  /// Removes the bar; the last thing to do, or what to do before results are printed.
  package func finish() { console.setStatus(nil) }

  /// Shows a bar, or a line, if it is time to.
  private func show(_ make: (_ time: Double, State) -> (bar: @Sendable (_ width: Int) -> String, plain: String)) {
    let time = now()
    state.withLock { state in
      if let shown = state.shown, time - shown < (console.isTerminal ? Self.barInterval : lineInterval) { return }
      state.shown = time
      let (bar, plain) = make(time, state)
      if console.isTerminal { console.setStatus(bar) } else { console.printLine(plain) }
    }
  }

  private static func line(_ progress: Progress, at time: Double, _ state: State) -> ProgressLine {
    var line = ProgressLine(progress: progress)
    let (seconds, images) = (time - state.epoch.seconds, progress.images - state.epoch.images)
    if seconds > 0, images > 0 { line.imagesPerSecond = Double(images) / seconds }
    if let run = state.run {
      let (seconds, done) = (time - run.seconds, progress.runFraction - run.fraction)
      if seconds > 0, done > 0 { line.secondsLeft = seconds * (1 - progress.runFraction) / done }
    }
    return line
  }
}
