import ArgumentParser
import HierarchicalTraining
import NeuralNetwork
import Transport

extension Architecture: ExpressibleByArgument {}
extension ExitHead: ExpressibleByArgument {}
extension LearningRateSchedule: ExpressibleByArgument {}
extension ScaleGranularity: ExpressibleByArgument {}
extension ActivationCompression: ExpressibleByArgument {}

/// What the network is and how its features travel: shared by `train` and `describe`.
struct NetworkOptions: ParsableArguments {
  @Option(help: "Network to train.")
  var architecture = Architecture.vgg8

  @Option(help: "Early exit that trains the front: global average pooling and a linear layer, with no, one or two convolutions before.")
  var exitHead = ExitHead.deep

  @Option(help: ArgumentHelp("Reduce the features at the cut to <n> channels by a 1x1 convolution.", valueName: "n"))
  var bottleneck: Int?

  @Option(help: ArgumentHelp("Bits of a feature value on the wire: 1 to 8, 16 or 32.", valueName: "n"))
  var bits = 4

  @Option(help: "Values that share a quantization scale.")
  var scale = ScaleGranularity.tensor

  @Option(help: "Entropy coding of the packed features.")
  var compression = ActivationCompression.none

  func network(cut: Int) -> SplitNetwork.Configuration {
    SplitNetwork.Configuration(
      architecture: architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck)
  }

  func format() throws -> ActivationFormat {
    do { return try ActivationFormat(bits: bits, scale: scale, compression: compression) } catch {
      throw ValidationError("--bits: \(error)")
    }
  }
}
