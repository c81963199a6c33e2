import Platform

/// Standard error as one place for lines and for a status line at its end (the progress bar), so that a log message
/// does not run into the bar: the bar is erased, the message written, the bar drawn again, all in one `write`.
///
/// The cursor rests at the beginning of the bar. When the window becomes narrower, many terminals break the bar into
/// several lines, and the cursor is then on the first of them, so that all are erased; and the ^C that a terminal
/// writes where the cursor is begins no new line.
///
/// May be used from several threads, none of which ever waits for a reader. Failures are ignored: nobody is left to be
/// told.
package final class Console: Sendable {
  /// Whether there is a terminal that understands control sequences; without one there is no status line.
  let isTerminal: Bool
  /// Whether colours are wanted: on a terminal, unless `NO_COLOR` is set.
  let usesColor: Bool
  private let terminalWidth: @Sendable () -> Int
  private let output: @Sendable (String) -> Void
  private let finish: @Sendable (Double) -> Void
  private let status = Guarded(Status())

  private struct Status {
    /// Of the status line, for a width; nil if there is none.
    var text: (@Sendable (Int) -> String)?
    var isEnded = false
  }

  /// The columns of the terminal that standard output goes to; nil if it goes to none.
  package static var outputWidth: Int? { isatty(STDOUT_FILENO) == 1 ? windowColumns(STDOUT_FILENO) : nil }

  /// The width of the terminal in columns, now: its window may have changed.
  var width: Int { terminalWidth() }

  /// A console that writes elsewhere, for tests.
  init(
    isTerminal: Bool, usesColor: Bool, width: @escaping @Sendable () -> Int,
    finish: @escaping @Sendable (Double) -> Void = { _ in }, output: @escaping @Sendable (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.usesColor = usesColor
    terminalWidth = width
    self.finish = finish
    self.output = output
  }

  /// How many lines wait for a reader at most.
  private static let waitingLines = 1000

  /// The process's standard error.
  package static let standardError: Console = {
    let isTerminal = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb"
    let writer = OutputWriter(STDERR_FILENO, path: "standard error", limit: waitingLines) { droppedLines in
      notice(droppedLines, isTerminal: isTerminal)
    }
    return Console(
      isTerminal: isTerminal, usesColor: isTerminal && (environment("NO_COLOR") ?? "").isEmpty,
      width: { windowColumns(STDERR_FILENO) ?? columns(environment("COLUMNS")) ?? 80 },
      finish: { seconds in _ = try? writer.finish(within: seconds) }, output: writer.write)
  }()

  /// Writes a line above the status line.
  package func printLine(_ line: String) {
    status.withLock { status in
      let (before, after) = status.text.map { (Self.eraseLine, $0(width) + "\r") } ?? ("", "")
      output(before + line + "\n" + after)
    }
  }

  /// Replaces the status line. Does nothing without a terminal.
  ///
  /// - Parameter text: of fewer columns than there are, without line feeds; nil removes the line.
  func setStatus(_ text: (@Sendable (_ width: Int) -> String)?) {
    guard isTerminal else { return }
    status.withLock { status in
      if status.isEnded { return }
      let isThere = status.text != nil
      status.text = text
      // Written over what was there, and then what is left of it erased: erased at first, it would flicker.
      if let text { output("\r" + text(width) + Self.eraseRest + "\r") } else if isThere { output(Self.eraseLine) }
    }
  }

  /// Removes the status line, and shows none any more: whoever ends this program, now or at once, finds nothing of it.
  package func endStatus() {
    status.withLock { status in
      if status.text != nil { output(Self.eraseLine) }
      status = Status(isEnded: true)
    }
  }

  /// Waits until everything is written, so many seconds at most.
  package func finish(within seconds: Double) { finish(seconds) }

  /// What stands for lines that were dropped, and the bar that they might have erased.
  static func notice(_ droppedLines: Int, isTerminal: Bool) -> String {
    let (were, what) = droppedLines == 1 ? ("was", "it") : ("were", "them")
    return (isTerminal ? eraseLine : "")
      + "\(Formatting.count(droppedLines, "line")) \(were) dropped, since nobody read \(what)\n"
  }

  /// Erases from the cursor to the end of the window, where there is nothing but the bar.
  static let eraseRest = "\u{1b}[J"
  static let eraseLine = "\r" + eraseRest

  /// The value of `COLUMNS`, if it is a sensible number.
  static func columns(_ text: String?) -> Int? {
    guard let text, let columns = Int(text), (1...10_000).contains(columns) else { return nil }
    return columns
  }

  private static func windowColumns(_ descriptor: Int32) -> Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
