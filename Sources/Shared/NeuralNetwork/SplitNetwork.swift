import Compute

/// A network cut in two: `front` and `exit` belong to the edge, `rest` to the cloud.
package struct SplitNetwork {
  /// What decides the layers.
  package struct Configuration: Hashable, Sendable {
    /// The shape of an image.
    package let input: FeatureShape
    /// How many are told apart.
    package let classes: Int
    package var architecture: Architecture
    /// The cut is after this block, counted from 1; at most all blocks, so that the classifier stays in the cloud.
    package var cut: Int
    package var exitHead: ExitHead
    /// Channels of the bottleneck at the cut; nil for none.
    package var bottleneck: Int?

    package init(
      architecture: Architecture, cut: Int, exitHead: ExitHead, bottleneck: Int? = nil, input: FeatureShape,
      classes: Int
    ) {
      self.input = input
      self.classes = classes
      self.architecture = architecture
      self.cut = cut
      self.exitHead = exitHead
      self.bottleneck = bottleneck
    }
  }

  package let configuration: Configuration
  package let front: Sequential
  package let exit: Sequential
  package let rest: Sequential
  /// The shape of one image's features at the cut.
  package let cutShape: FeatureShape

  /// Builds the layers without memory for features; the weights are zero until `initialize`.
  ///
  /// - Throws: `ShapeError` for a cut or a bottleneck out of range, or an exit head that does not fit.
  package init(_ configuration: Configuration) throws {
    self.configuration = configuration
    let (architecture, cut) = (configuration.architecture, configuration.cut)
    let (input, classes) = (configuration.input, configuration.classes)
    guard (1...architecture.blockCount).contains(cut) else {
      throw ShapeError(
        "cut \(cut) is out of range: \(architecture.rawValue) can be cut after block 1 to \(architecture.blockCount)")
    }
    var blocks = architecture.blocks(channels: input.channels)
    var frontLayers = Array(blocks[..<cut].joined())
    let channels = try Sequential(frontLayers).outputShape(for: input).channels
    if let bottleneck = configuration.bottleneck {
      guard (1...channels).contains(bottleneck) else {
        throw ShapeError(
          "a bottleneck of \(bottleneck) channels is out of range: 1 to the \(channels) of the features at cut \(cut)")
      }
      frontLayers.append(
        NormalizedConvolution(
          Convolution(name: "bottleneck.0", inputChannels: channels, outputChannels: bottleneck, kernelSize: 1),
          BatchNormalization(name: "bottleneck.1", channels: bottleneck, relu: true)))
      blocks = architecture.blocks(channels: input.channels, bottleneckBefore: cut, bottleneckChannels: bottleneck)
    }
    front = Sequential(frontLayers)
    cutShape = try front.outputShape(for: input)
    exit = Sequential(try configuration.exitHead.layers(for: cutShape, cutChannels: channels, classes: classes))
    _ = try exit.outputShape(for: cutShape)
    let restBlocks = Array(blocks[cut...].joined())
    let last = try Sequential(restBlocks).outputShape(for: cutShape)
    rest = Sequential(restBlocks + architecture.classifier(inputs: last.channels, classes: classes))
  }

  /// Writes the initial weights of all parts.
  package func initialize(seed: UInt64) {
    for part in [front, exit, rest] {
      for parameter in part.parameters + part.statistics { parameter.initialize(seed: seed) }
    }
  }
}
