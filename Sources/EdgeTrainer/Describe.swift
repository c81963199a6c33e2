import ArgumentParser
import CommandLineSupport
import Compute

struct Describe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what each cut of a network costs: bytes on the wire, parameters, arithmetic.",
    discussion: """
      Bytes are those of one image's packed features, against the 3072 bytes of a raw
      image. A MAC is one multiplication and addition of one image's forward pass.
      """)

  @OptionGroup var network: NetworkOptions

  @OptionGroup var bits: BitsOption

  @Option(
    help: ArgumentHelp(
      "Also list all convolutions, and how each is computed with this choice: im2col or winograd.",
      valueName: "name"))
  var convolution: ConvolutionMethod?

  func validate() throws { _ = try Program.checkingUsage { try table() } }

  func run() throws { try Program.printLine(try table()) }

  private func table() throws -> String {
    try NetworkDescription(
      network: network.configuration(cut: 1), format: BitsOption.format(bits: bits.value)
    ).rendered(convolution)
  }
}
