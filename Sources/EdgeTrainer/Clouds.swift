import ArgumentParser
import CommandLineSupport
import Trust

struct Clouds: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the clouds that this edge has joined.",
    discussion: "One line each: the fingerprint of its key, when it was joined, and where.",
    subcommands: [Remove.self])

  @OptionGroup var state: StateOption

  func run() throws {
    try Program.run(.edge, computes: false) { _, _ in
      try Program.printLine(
        KeyTable.rendered(KnownKeys.clouds(state.state).all(), none: "no cloud was joined; see 'edge-trainer join'"))
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Trust a cloud no more.")

    @OptionGroup var key: KeyArgument
    @OptionGroup var state: StateOption

    func run() throws {
      try Program.run(.edge, computes: false) { _, _ in
        let removed = try KnownKeys.clouds(state.state).remove(key.fingerprint)
        try Program.printLine("removed \(removed.fingerprint)  \(removed.address ?? removed.name)")
      }
    }
  }
}
