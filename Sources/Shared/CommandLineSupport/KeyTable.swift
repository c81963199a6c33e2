import ArgumentParser
import Platform
import Trust

/// Keys that are trusted, as the programs list and remove them.
package enum KeyTable {
  /// Prints a line for each key, or a sentence if there is none; the log is told of this side's own key.
  ///
  /// - Throws: `ExitCode`, as `Program.run`.
  package static func list(
    _ role: Role, _ keys: (StateDirectory) -> KnownKeys, _ state: StateOption, none: String
  ) throws {
    try Program.run(role, computes: false) { _, logger in
      try state.requireDirectory()
      if let own = try state.state.storedFingerprint() { logger.info("the key of this \(role): \(own)") }
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
    try Program.run(role, computes: false) { _, logger in
      try state.requireDirectory()
      let removed = try keys(state.state).remove(key.fingerprint)
      try Program.printLine("removed \(removed.fingerprint)  \(removed.address ?? removed.name)")
      logger.info("from the next connection on; one that there is now goes on until it ends")
    }
  }
}

/// A key that is to be trusted no more.
package struct KeyArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The key's fingerprint, or as much of its beginning as no other has; or its name in the list.",
      valueName: "fingerprint"))
  package var fingerprint: String

  package init() {}

  package func validate() throws {
    if fingerprint.isEmpty { throw ValidationError("the fingerprint is empty") }
  }
}
