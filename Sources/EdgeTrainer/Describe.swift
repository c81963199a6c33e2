import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import RunFiles

struct Describe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what each cut of a network costs: bytes on the wire, parameters, arithmetic.",
    discussion: """
      Bytes are those of one image's packed features, against those of a raw image.
      A MAC is one multiplication and addition of one image's forward pass.
      """)

  @OptionGroup var network: NetworkOptions

  @OptionGroup var size: ImageSizeOption

  @OptionGroup var classes: ClassesOption

  @OptionGroup var bits: BitsOption

  @Option(
    help: ArgumentHelp(
      "Also list all convolutions, and how each is computed with this choice: im2col or winograd.",
      valueName: "name"))
  var convolution: ConvolutionMethod?

  @Flag(help: "Print one JSON object instead of the table.")
  var json = false

  func validate() throws { _ = try Program.checkingUsage { try description() } }

  func run() throws {
    let description = try description()
    try Program.printLine(
      json
        ? String(decoding: RunJSON.encode(description, pretty: true), as: UTF8.self)
        : description.rendered())
  }

  private var task: ImageTask {
    SyntheticImages.task(
      size: size.imageSize ?? ImageSize.standard, classes: classes.classes ?? ImageTask.synthetic.classes)
  }

  private func description() throws -> NetworkDescription {
    try NetworkDescription(
      network: network.configuration(cut: 1, for: task), format: BitsOption.format(bits: bits.value),
      convolution: convolution)
  }
}
