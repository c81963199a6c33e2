import ArgumentParser
import Platform
import Trust

/// Keys that are trusted, as the programs list and remove them.
package enum KeyTable {
  /// Prints a line for each key, or a sentence if there is none.
  ///
  /// - Throws: `ExitCode`, as `Program.run`.
  package static func list(
    _ role: Role, _ keys: (StateDirectory) -> KnownKeys, _ state: StateOption, none: String
  ) throws {
    try Program.run(role, computes: false) { _, _ in
      let lines = try keys(state.state).all().map { "\($0.fingerprint)  \($0.since)  \($0.address ?? $0.name)" }
      try Program.printLine(lines.isEmpty ? none : lines.joined(separator: "\n"))
    }
  }

  /// Trusts a key no more, and prints which.
  ///
  /// - Throws: `ExitCode`, as `Program.run`.
  package static func remove(
    _ key: KeyArgument, _ role: Role, _ keys: (StateDirectory) -> KnownKeys, _ state: StateOption
  ) throws {
    try Program.run(role, computes: false) { _, _ in
      let removed = try keys(state.state).remove(key.fingerprint)
      try Program.printLine("removed \(removed.fingerprint)  \(removed.address ?? removed.name)")
    }
  }
}

/// The fingerprint of a key that is to be trusted no more.
package struct KeyArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The key's fingerprint, or as much of its beginning as no other has.", valueName: "fingerprint"))
  package var fingerprint: String

  package init() {}
}
