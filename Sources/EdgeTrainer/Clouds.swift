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
    try KeyTable.list(.edge, KnownKeys.clouds, state, none: "no cloud was joined; see 'edge-trainer join'")
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Trust a cloud no more.")

    @OptionGroup var key: KeyArgument
    @OptionGroup var state: StateOption

    func run() throws { try KeyTable.remove(key, .edge, KnownKeys.clouds, state) }
  }
}
