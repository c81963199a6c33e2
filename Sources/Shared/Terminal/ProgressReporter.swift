import Platform

/// Shows on standard error how far a run is: a bar on a terminal, redrawn at most ten times a second; elsewhere a line
/// about every ten seconds and one at the end of each epoch.
///
/// May be used from several threads; an update that is not due costs a clock reading.
package final class ProgressReporter: Sendable {
  private let console: Console
  private let now: @Sendable () -> Double
  private let state: Guarded<State>

  private struct State {
    var runStart: Double
    var epoch = 0
    var epochStart: Double
    /// When something was shown last; `nil` before the first time.
    var shown: Double?
  }

  /// Seconds between two bars.
  static let barInterval = 0.1
  /// Seconds between two lines.
  static let lineInterval = 10.0

  /// Starts the clock of the run.
  ///
  /// - Parameters:
  ///   - console: where progress is shown.
  ///   - now: a clock in seconds that never goes back.
  package init(console: Console = .standardError, now: @escaping @Sendable () -> Double = MonotonicClock.seconds) {
    self.console = console
    self.now = now
    let start = now()
    state = Guarded(State(runStart: start, epochStart: start, shown: console.isTerminal ? nil : start))
  }

  /// Starts the clock of an epoch, from which its images per second are counted.
  package func beginEpoch(_ epoch: Int) {
    let time = now()
    state.withLock { state in
      state.epoch = epoch
      state.epochStart = time
    }
  }

  /// Reports progress; shown only if it is time to.
  package func update(_ progress: Progress) {
    let time = now()
    state.withLock { state in
      let interval = console.isTerminal ? Self.barInterval : Self.lineInterval
      if let shown = state.shown, time - shown < interval { return }
      state.shown = time
      let line = Self.line(progress, at: time, state)
      if console.isTerminal {
        console.setStatus(line.bar(width: console.width))
      } else {
        console.printLine(line.plain())
      }
    }
  }

  /// Reports the end of an epoch with a line that stays, on a terminal too.
  ///
  /// - Parameters:
  ///   - progress: with all images of the epoch, and its mean losses.
  ///   - imagesPerSecond: of the epoch; nil for those since it was begun.
  ///   - note: added to the line, accuracies for example.
  package func endEpoch(_ progress: Progress, imagesPerSecond: Double? = nil, note: String? = nil) {
    let time = now()
    var progress = progress
    progress.isMean = true
    state.withLock { [progress] state in
      state.shown = time
      var line = Self.line(progress, at: time, state)
      if let imagesPerSecond { line.imagesPerSecond = imagesPerSecond }
      var text = line.plain()
      if let note { text += "  " + note }
      console.setStatus("")
      console.printLine(text)
    }
  }

  /// Reports that training is done, and what is left to be delivered; shown only if it is time to.
  ///
  /// - Parameters:
  ///   - records: batches, and ends of epochs.
  ///   - bytes: of them, about.
  ///   - secondsLeft: until they are, if it is known.
  package func deliver(records: Int, bytes: Int, secondsLeft: Double?) {
    let time = now()
    state.withLock { state in
      let interval = console.isTerminal ? Self.barInterval : Self.lineInterval
      if let shown = state.shown, time - shown < interval { return }
      state.shown = time
      let left = secondsLeft.map { ", \(Formatting.duration(seconds: $0)) left" } ?? ""
      let text = "delivering  \(Formatting.count(records, "record")) (\(Formatting.bytes(bytes)))\(left)"
      if console.isTerminal { console.setStatus(text) } else { console.printLine(text) }
    }
  }

  /// Reports work before the training; shown only if it is time to.
  ///
  /// - Parameters:
  ///   - what: is done.
  ///   - noun: what is counted.
  package func count(_ what: String, _ noun: String, done: Int, all: Int) {
    let time = now()
    state.withLock { state in
      let interval = console.isTerminal ? Self.barInterval : Self.lineInterval
      if let shown = state.shown, time - shown < interval { return }
      state.shown = time
      let seconds = time - state.runStart
      var text = "\(what)  \(done) of \(Formatting.count(all, noun))"
      if seconds > 0, done > 0 {
        text += "  \(Formatting.fixed(Double(done) / seconds, decimals: 0)) \(noun)s/s"
        text += "  \(Formatting.duration(seconds: seconds * Double(all - done) / Double(done))) left"
      }
      if console.isTerminal {
        console.setStatus(String(text.prefix(console.width - 1)))
      } else {
        console.printLine(text)
      }
    }
  }

  /// Removes the bar; the last thing to do, or what to do before results are printed.
  package func finish() { console.setStatus("") }

  private static func line(_ progress: Progress, at time: Double, _ state: State) -> ProgressLine {
    let epochSeconds = time - state.epochStart
    let runSeconds = time - state.runStart
    let fraction = progress.runFraction
    return ProgressLine(
      progress: progress,
      imagesPerSecond: epochSeconds > 0 && progress.images > 0 ? Double(progress.images) / epochSeconds : nil,
      secondsLeft: runSeconds > 0 && fraction > 0 ? runSeconds * (1 - fraction) / fraction : nil)
  }
}
