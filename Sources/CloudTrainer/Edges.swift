import ArgumentParser
import CommandLineSupport
import Trust

struct Edges: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the edges that may come in.",
    discussion: "One line each: the fingerprint of its key, when it joined, and what it calls itself.",
    subcommands: [Remove.self])

  @OptionGroup var state: StateOption

  func run() throws {
    try KeyTable.list(.cloud, KnownKeys.edges, state, none: "no edge has joined; see 'cloud-trainer invite'")
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let an edge come in no more.",
      discussion: "A connection that it has goes on until it ends.")

    @OptionGroup var key: KeyArgument
    @OptionGroup var state: StateOption

    func run() throws { try KeyTable.remove(key, .cloud, KnownKeys.edges, state) }
  }
}
