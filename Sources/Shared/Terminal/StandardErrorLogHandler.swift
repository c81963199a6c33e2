import Logging
import Platform

/// Writes log events to standard error, one line and one `write` each: "08:15:02 info connected peer=127.0.0.1:7070".
///
/// Warnings and errors stand out by capitals ("08:15:02 WARNING …"), and by colour where that is wanted. Metadata
/// follows in the order of the keys. Control characters are escaped, because peers' texts get here.
package struct StandardErrorLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let console: Console
  private let timeOfDay: @Sendable () -> String

  package init(
    level: Logger.Level = .info, console: Console = .standardError,
    timeOfDay: @escaping @Sendable () -> String = { Timestamp.now().localTimeOfDay }
  ) {
    logLevel = level
    self.console = console
    self.timeOfDay = timeOfDay
  }

  /// Makes this the handler of all loggers of the process. Only `main` calls this, once.
  package static func bootstrap(level: Logger.Level = .info) {
    LoggingSystem.bootstrap { _ in StandardErrorLogHandler(level: level) }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = timeOfDay() + " " + mark(event.level) + Formatting.singleLine(event.message.description)
    var all = metadata
    all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
    all.merge(event.metadata ?? [:]) { _, new in new }
    if let error = event.error { all["error"] = .string("\(error)") }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += " \(Formatting.singleLine(key))=\(Self.quoted(value.description))"
    }
    console.printLine(line)
  }

  private func mark(_ level: Logger.Level) -> String {
    guard level >= .warning else { return level.rawValue + " " }
    let name = level.rawValue.uppercased()
    return console.usesColor ? "\u{1b}[\(level >= .error ? 31 : 33)m\(name)\u{1b}[0m " : name + " "
  }

  /// A value that can be told from what follows.
  private static func quoted(_ text: String) -> String {
    let text = Formatting.singleLine(text)
    let isPlain = !text.isEmpty && !text.contains { $0 == " " || $0 == "=" || $0 == "\"" }
    if isPlain { return text }
    let pieces = text.split(separator: "\"", omittingEmptySubsequences: false)
    return "\"" + pieces.joined(separator: "\\\"") + "\""
  }
}
