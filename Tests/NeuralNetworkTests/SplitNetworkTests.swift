import Compute
import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct SplitNetworkTests {
  static func network(
    _ architecture: Architecture, cut: Int, _ head: ExitHead = .pool, bottleneck: Int? = nil,
    input: FeatureShape = Architecture.imageShape, classes: Int = 10
  ) throws -> SplitNetwork {
    try SplitNetwork(
      SplitNetwork.Configuration(
        architecture: architecture, cut: cut, exitHead: head, bottleneck: bottleneck, input: input,
        classes: classes))
  }

  static func count(_ part: Sequential) -> Int { part.parameters.reduce(0) { $0 + $1.count } }

  @Test(arguments: ArchitectureTests.known) func everyCutDividesTheNetwork(_ known: ArchitectureTests.Known)
    throws
  {
    for cut in 1...known.shapes.count {
      let network = try Self.network(known.architecture, cut: cut)
      let shape = known.shapes[cut - 1]
      #expect(network.cutShape == FeatureShape(height: shape[0], width: shape[1], channels: shape[2]))
      #expect(Self.count(network.front) == known.parameters[..<cut].reduce(0, +))
      #expect(Self.count(network.front) + Self.count(network.rest) == known.totalParameters)
      #expect(try network.rest.outputShape(for: network.cutShape) == FeatureShape(channels: 10))
      #expect(try network.exit.outputShape(for: network.cutShape) == FeatureShape(channels: 10))
      #expect(
        try network.front.multiplyAccumulates(for: Architecture.imageShape)
          + network.rest.multiplyAccumulates(for: network.cutShape) == known.totalMultiplyAccumulates)
      let names = (network.front.parameters + network.exit.parameters + network.rest.parameters).map(\.name)
      #expect(Set(names).count == names.count, "names are unique")
    }
  }

  @Test(arguments: Architecture.allCases, ExitHead.allCases)
  func otherImagesAndClasses(_ architecture: Architecture, _ head: ExitHead) throws {
    let input = FeatureShape(height: 48, width: 40, channels: 2)
    let network = try Self.network(architecture, cut: 2, head, bottleneck: 5, input: input, classes: 7)
    #expect(try network.front.outputShape(for: input) == network.cutShape)
    for part in [network.exit, network.rest] {
      #expect(try part.outputShape(for: network.cutShape) == FeatureShape(channels: 7))
    }
  }

  @Test func imagesThatAreTooSmallAreRefused() throws {
    for head in ExitHead.allCases {
      let flat = FeatureShape(height: 2, width: 64, channels: 1)
      #expect(throws: ShapeError.self) { try Self.network(.vgg8, cut: 1, head, input: flat) }
    }
    // The head alone pools too often.
    let input = FeatureShape(height: 8, width: 64, channels: 1)
    _ = try Self.network(.vgg8, cut: 1, .pool, input: input)
    #expect(throws: ShapeError.self) { try Self.network(.vgg8, cut: 1, .pyramid, input: input) }
  }

  /// c = 64 channels of 8x8: pool 64·10 + 10; conv 9·64² + 2·64 more; deep 9·64·128 + 256 + 9·128² + 256 + 1290;
  /// pyramid 9·64·64 + 128 + 9·64·128 + 256 + 1290; residual 9·64·128 + 9·128² + 64·128 + 3·256 + 1290.
  @Test(arguments: [
    (ExitHead.pool, 650, 640), (.conv, 37_642, 2_359_936), (.deep, 222_986, 7_079_168),
    (.pyramid, 112_266, 3_540_224), (.residual, 231_434, 3_671_296),
  ])
  func exitHeadsHaveTheirSizes(head: ExitHead, parameters: Int, multiplyAccumulates: Int) throws {
    let network = try Self.network(.vgg8, cut: 2, head)
    #expect(Self.count(network.exit) == parameters)
    #expect(try network.exit.multiplyAccumulates(for: network.cutShape) == multiplyAccumulates)
    #expect(network.exit.parameters.allSatisfy { $0.name.hasPrefix("exit.") })
  }

  @Test func exitNames() throws {
    #expect(
      try Self.network(.vgg8, cut: 2, .deep).exit.parameters.map(\.name) == [
        "exit.features.0.weight", "exit.features.1.weight", "exit.features.1.bias", "exit.features.4.weight",
        "exit.features.5.weight", "exit.features.5.bias", "exit.classifier.weight", "exit.classifier.bias",
      ])
  }

  /// Twice the cut's channels at 4x4, half as many in front of each pooling, whatever the bottleneck.
  @Test(arguments: [
    (Architecture.resnet18, 2, 64, [16, 32, 64, 128]), (.resnet18, 3, 128, [64, 128, 256]),
    (.resnet18, 6, 256, [256, 512]), (.resnet18, 8, 512, [1024]), (.vgg16, 5, 512, [1024]),
    (.vgg8, 1, 32, [16, 32, 64]),
  ])
  func thePyramidIgnoresTheBottleneck(architecture: Architecture, cut: Int, channels: Int, widths: [Int])
    throws
  {
    for bottleneck in [nil, 12] {
      let network = try Self.network(architecture, cut: cut, .pyramid, bottleneck: bottleneck)
      let inputs = [bottleneck ?? channels] + widths
      let weights = network.exit.parameters.filter {
        if case .convolution = $0.layout { true } else { false }
      }
      #expect(weights.map(\.count) == zip(inputs, widths).map { 9 * $0 * $1 })
      #expect(weights.map(\.name) == widths.indices.map { "exit.features.\(4 * $0).weight" })
    }
  }

  /// Twice the cut's channels in the first block, whatever the bottleneck, and so on down to 4x4.
  @Test(arguments: [
    (Architecture.resnet18, 2, [128, 256, 512]), (.resnet18, 3, [256, 512]), (.resnet18, 6, [512]),
    (.resnet18, 8, [1024]), (.vgg16, 3, [512]), (.vgg16, 5, [1024]),
  ])
  func theResidualExitIgnoresTheBottleneck(architecture: Architecture, cut: Int, widths: [Int]) throws {
    for bottleneck in [nil, 12] {
      let network = try Self.network(architecture, cut: cut, .residual, bottleneck: bottleneck)
      var inputs = network.cutShape.channels
      var expected: [String: Int] = [:]
      for (index, width) in widths.enumerated() {
        let block = "exit.blocks.\(index)"
        expected[block + ".conv1.weight"] = 9 * inputs * width
        expected[block + ".conv2.weight"] = 9 * width * width
        expected[block + ".downsample.0.weight"] = inputs * width
        inputs = width
      }
      let weights = network.exit.parameters.filter {
        if case .convolution = $0.layout { true } else { false }
      }
      #expect(Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.count) }) == expected)
      #expect(try network.exit.outputShape(for: network.cutShape) == FeatureShape(channels: 10))
    }
  }

  @Test(arguments: Architecture.allCases) func cutsOutOfRangeAreRefused(_ architecture: Architecture) {
    for cut in [-1, 0, architecture.blockCount + 1, Int.max] {
      #expect(
        throws: ShapeError(
          "cut \(cut) is out of range: \(architecture.rawValue) can be cut after block 1 to "
            + "\(architecture.blockCount)"
        )
      ) { try Self.network(architecture, cut: cut) }
    }
  }

  @Test(arguments: [(Architecture.vgg16, 5), (.resnet18ImageNet, 7)])
  func theDeepHeadNeedsRoomToPool(architecture: Architecture, cut: Int) throws {
    #expect(
      throws: ShapeError(
        "the exit head deep pools 2x2, but the features at this cut are 1x1x512: "
          + "take an earlier cut or --exit-head conv"
      )
    ) { try Self.network(architecture, cut: cut, .deep) }
    _ = try Self.network(architecture, cut: cut, .conv)
  }

  @Test(arguments: [
    (Architecture.vgg8, 1), (.vgg8, 2), (.vgg8, 3), (.resnet18ImageNet, 4), (.resnet18ImageNet, 8),
  ])
  func bottleneckNarrowsTheCut(architecture: Architecture, cut: Int) throws {
    let plain = try Self.network(architecture, cut: cut)
    let narrow = try Self.network(architecture, cut: cut, .conv, bottleneck: 5)
    let channels = plain.cutShape.channels
    #expect(
      narrow.cutShape
        == FeatureShape(height: plain.cutShape.height, width: plain.cutShape.width, channels: 5))
    #expect(Self.count(narrow.front) == Self.count(plain.front) + 5 * channels + 2 * 5)
    #expect(
      narrow.front.parameters.suffix(3).map(\.name) == [
        "bottleneck.0.weight", "bottleneck.1.weight", "bottleneck.1.bias",
      ])
    #expect(Self.count(narrow.exit) == 9 * 5 * 5 + 2 * 5 + 5 * 10 + 10)
    #expect(narrow.rest.parameters.map(\.name) == plain.rest.parameters.map(\.name))
    #expect(try narrow.rest.outputShape(for: narrow.cutShape) == FeatureShape(channels: 10))
    // Only what reads the cut shrinks, by its inputs.
    let changed = zip(plain.rest.parameters, narrow.rest.parameters).filter { $0.count != $1.count }
    #expect(!changed.isEmpty && changed.allSatisfy { $0.count * 5 == $1.count * channels })
  }

  /// Within a stage the block behind the bottleneck has another number of channels coming in than going out, so that
  /// its shortcut is a convolution.
  @Test func aBottleneckWithinAStageAddsAShortcut() throws {
    let plain = try Self.network(.resnet18ImageNet, cut: 3)
    let narrow = try Self.network(.resnet18ImageNet, cut: 3, bottleneck: 5)
    let names = narrow.rest.parameters.map(\.name)
    let added = ["0.weight", "1.weight", "1.bias"].map { "layer2.1.downsample.\($0)" }
    #expect(names.filter { !added.contains($0) } == plain.rest.parameters.map(\.name))
    #expect(names.filter(added.contains) == added)
    // 3x3 from 5 instead of 128 channels, and 1x1 with batch normalization.
    #expect(Self.count(narrow.rest) == Self.count(plain.rest) - 9 * 123 * 128 + 5 * 128 + 2 * 128)
    #expect(try narrow.rest.outputShape(for: narrow.cutShape) == FeatureShape(channels: 10))
  }

  @Test(arguments: [-1, 0, 65, Int.max]) func bottlenecksOutOfRangeAreRefused(channels: Int) {
    let text = "a bottleneck of \(channels) channels is out of range: 1 to the 64 of the features at cut 2"
    #expect(throws: ShapeError(text)) {
      try Self.network(.vgg8, cut: 2, bottleneck: channels)
    }
  }

  /// Every cut and head begins with the same weights; another seed with others.
  @Test func initialWeightsDependOnSeedAndNameAlone() throws {
    var known: [String: [Float]] = [:]
    for cut in 1...3 {
      for head in ExitHead.allCases {
        let network = try Self.network(.vgg8, cut: cut, head)
        network.initialize(seed: 7)
        for part in [network.front, network.rest] {
          for parameter in part.parameters + part.statistics {
            let values = Array(parameter.value)
            expectSame(
              values, known[parameter.name, default: values], "\(parameter.name), cut \(cut), \(head)")
            known[parameter.name] = values
          }
        }
      }
    }
    #expect(known.count == 20 + 18)
    let other = try Self.network(.vgg8, cut: 2, .deep)
    other.initialize(seed: 8)
    for parameter in other.front.parameters + other.exit.parameters + other.rest.parameters {
      if case .constant = parameter.initialization { continue }
      let values = Array(parameter.value)
      other.initialize(seed: 7)
      #expect(
        zip(values, parameter.value).filter { $0 == $1 }.count * 100 <= values.count, "\(parameter.name)")
      other.initialize(seed: 8)
    }
  }

  @Test func exitWeightsDependOnSeedAndNameAlone() throws {
    let one = try Self.network(.vgg8, cut: 2, .pool)
    let other = try Self.network(.vgg8, cut: 2, .conv)
    one.initialize(seed: 7)
    other.initialize(seed: 7)
    expectSame(try #require(one.exit.parameters.last).value, try #require(other.exit.parameters.last).value)
    expectSame(
      one.exit.parameters.flatMap { Array($0.value) },
      other.exit.parameters.suffix(2).flatMap { Array($0.value) })
  }

  /// The stream of random numbers is the name's, whatever the shape.
  @Test func initialWeightsByDefinition() {
    let parameters = [
      Parameter("a.weight", .vector(3), .uniform(0.5)),
      Parameter("a.weight", .linear(inputs: 2, outputs: 3), .uniform(0.5)),
    ]
    for parameter in parameters {
      parameter.initialize(seed: 9)
      var generator = SeededGenerator(seed: 9, stream: "a.weight")
      expectSame(parameter.value, (0..<parameter.count).map { _ in 0.5 * (2 * generator.uniform() - 1) })
    }
  }

  /// PyTorch's uniform by fan-in for convolutions and linear layers, 1 and 0 for batch normalization.
  @Test func initialWeightsHaveTheirDistribution() throws {
    let network = try Self.network(.vgg8, cut: 2, .deep)
    network.initialize(seed: 3)
    for parameter in network.front.parameters + network.exit.parameters + network.rest.parameters {
      let values = parameter.value.map(Double.init)
      let square = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
      switch parameter.layout {
      case .convolution, .linear:
        let outputs =
          switch parameter.layout {
          case .convolution(_, _, let outputs), .linear(_, let outputs): outputs
          case .vector, .scalar: 1
          }
        let bound = 1 / Double(values.count / outputs).squareRoot()
        #expect(values.allSatisfy { abs($0) <= bound * (1 + 1e-6) }, "\(parameter.name)")
        #expect(abs(square / bound - 1 / 3.0.squareRoot()) <= 0.05, "\(parameter.name)")
      case .vector where parameter.name.hasSuffix("classifier.bias"):
        #expect(square > 0 && square < 0.2, "\(parameter.name)")
      case .vector, .scalar:
        let expected = parameter.name.hasSuffix(".weight") ? 1.0 : 0
        #expect(values.allSatisfy { $0 == expected }, "\(parameter.name)")
      }
    }
    for statistic in network.front.statistics {
      let expected: Float = statistic.name.hasSuffix(".running_var") ? 1 : 0
      #expect(statistic.value.allSatisfy { $0 == expected }, "\(statistic.name)")
    }
  }
}
