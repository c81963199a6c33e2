import ArgumentParser
import Platform
import RunFiles

/// Whether a timeline is written, and where.
package struct TraceOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write a timeline of the run (trace-event JSON, for ui.perfetto.dev; a later run replaces it) to <file>.",
      valueName: "file"), completion: .file())
  package var trace: String?

  package init() {}

  package func validate() throws {
    if trace == "" { throw ValidationError("--trace is empty: expected a file") }
  }

  /// Creates the file.
  ///
  /// - Throws: `RunDirectoryError`.
  package func timeline(_ role: Role) throws -> Timeline? {
    try trace.map { try Timeline(path: $0, role: role) }
  }
}
