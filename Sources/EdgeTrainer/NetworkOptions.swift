import ArgumentParser
import Datasets
import NeuralNetwork
import Training
import Transport

extension Architecture: ExpressibleByArgument {}
extension ExitHead: ExpressibleByArgument {}

/// What the network is: shared by `train` and `describe`.
struct NetworkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Network to cut in two.", valueName: "name"))
  var architecture = Defaults.architecture

  @Option(
    help: ArgumentHelp(
      """
      Early exit that trains the front: pool (pooling and a linear layer), conv or deep (after one or two \
      convolutions), pyramid (after as many as lead down to 4x4) or residual (after residual blocks down to 4x4). \
      (default: \(Defaults.exitHead.rawValue))
      """, valueName: "head"))
  var exitHead: ExitHead?

  @Option(
    help: ArgumentHelp("Reduce the features at the cut to <n> channels by a 1x1 convolution.", valueName: "n")
  )
  var bottleneck: Int?

  func configuration(cut: Int, for task: ImageTask) -> SplitNetwork.Configuration {
    SplitNetwork.Configuration(
      architecture: architecture, cut: cut, exitHead: exitHead ?? Defaults.exitHead, bottleneck: bottleneck,
      input: task.shape, classes: task.classes)
  }
}

/// How precisely features travel: shared by `train` and `describe`.
struct BitsOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Bits of a feature value on the wire: 1 to 8 (quantized), 16 or 32 (float). (default: \(Defaults.bits))",
      valueName: "n"))
  var bits: Int?

  var value: Int { bits ?? Defaults.bits }

  /// The format that options ask for.
  ///
  /// - Throws: `ValidationError`, which names the option, for bits or a full scale that there are not.
  static func format(
    bits: Int, scale: ScaleGranularity = .tensor, compression: ActivationCompression = .none,
    fullScale: Double? = nil
  ) throws -> ActivationFormat {
    do {
      return try ActivationFormat(bits: bits, scale: scale, compression: compression, fullScale: fullScale)
    } catch CodecError.unsupportedFullScale(let value) {
      throw ValidationError("--full-scale: \(CodecError.unsupportedFullScale(value))")
    } catch let error as CodecError {
      throw ValidationError("--bits: \(error)")
    }
  }
}

/// Where the network is cut.
struct CutOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("Cut the network after block <k>; see describe. (default: \(Defaults.cut))", valueName: "k"))
  var cut: Int?

  var value: Int { cut ?? Defaults.cut }
}
