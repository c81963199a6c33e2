import ArgumentParser
import Terminal
import Training
import Trust

/// Keys that are trusted, as the programs list them.
package enum KeyTable {
  /// One line a key; a sentence if there is none.
  package static func rendered(_ keys: [KnownKey], none: String) -> String {
    guard !keys.isEmpty else { return none }
    return keys.map { key in
      "\(key.fingerprint)  \(key.since)  \(key.address ?? key.name)"
    }.joined(separator: "\n")
  }
}

/// The fingerprint of a key that is to be trusted no more.
package struct KeyArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The key's fingerprint, or as much of its beginning as no other has.", valueName: "fingerprint"))
  package var fingerprint: String

  package init() {}
}
