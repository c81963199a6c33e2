import Platform

/// Standard error as one place for lines and for a status line at its end (the progress bar), so that a log message
/// does not run into the bar: the bar is erased, the message written, the bar drawn again, all in one `write`.
///
/// May be used from several threads. Failures are ignored: nobody is left to be told.
package final class Console: Sendable {
  /// Whether there is a terminal that understands control sequences; without one there is no status line.
  let isTerminal: Bool
  /// Whether colours are wanted: on a terminal, unless `NO_COLOR` is set.
  let usesColor: Bool
  private let terminalWidth: @Sendable () -> Int
  private let output: @Sendable (String) -> Void
  private let status = Guarded("")

  /// The width of the terminal in columns, now.
  package var width: Int { terminalWidth() }

  /// A console that writes elsewhere, for tests.
  init(
    isTerminal: Bool, usesColor: Bool, width: @escaping @Sendable () -> Int,
    output: @escaping @Sendable (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.usesColor = usesColor
    terminalWidth = width
    self.output = output
  }

  /// The process's standard error.
  package static let standardError: Console = {
    let isTerminal = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb"
    return Console(
      isTerminal: isTerminal, usesColor: isTerminal && (environment("NO_COLOR") ?? "").isEmpty,
      width: { windowColumns(STDERR_FILENO) ?? columns(environment("COLUMNS")) ?? 80 },
      output: { text in
        var text = text
        text.withUTF8 {
          try? FileOperations.live.writeAll(UnsafeRawBufferPointer($0), to: STDERR_FILENO, path: "standard error")
        }
      })
  }()

  /// Writes a line above the status line.
  package func printLine(_ line: String) {
    status.withLock { status in output(status.isEmpty ? line + "\n" : Self.eraseLine + line + "\n" + status) }
  }

  /// Replaces the status line; an empty one removes it. Does nothing without a terminal.
  ///
  /// - Parameter text: shorter than ``width``, without line feeds.
  func setStatus(_ text: String) {
    guard isTerminal else { return }
    status.withLock { status in
      if status.isEmpty && text.isEmpty { return }
      output(Self.eraseLine + text)
      status = text
    }
  }

  /// To the first column, then erase to the end of the line.
  static let eraseLine = "\r\u{1b}[K"

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
