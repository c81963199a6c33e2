import ArgumentParser
import CommandLineSupport
import HierarchicalTraining
import NeuralNetwork

struct Describe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what each cut of a network costs: bytes on the wire, parameters, arithmetic.",
    discussion: "Bytes are per image, without compression, against the 3072 bytes of a raw image.")

  @OptionGroup var network: NetworkOptions

  func validate() throws { _ = try network.format() }

  func run() throws {
    Program.printLine(
      try NetworkDescription(network: network.network(cut: 1), format: network.format()).rendered())
  }
}
