import Compute
import Testing

@testable import NeuralNetwork

extension Architecture {
  /// Of CIFAR-10.
  static let imageShape = FeatureShape(height: 32, width: 32, channels: 3)
}

@Suite struct ArchitectureTests {
  struct Known: Sendable, CustomTestStringConvertible {
    var architecture: Architecture
    /// After each block.
    var shapes: [[Int]]
    /// Trained parameters of each block.
    var parameters: [Int]
    /// Of one image, each block.
    var multiplyAccumulates: [Int]
    /// The classifier's input.
    var features: Int
    /// Trained parameters, with the classifier.
    var totalParameters: Int
    var totalMultiplyAccumulates: Int
    var testDescription: String { architecture.rawValue }
  }

  /// Totals: resnet18-imagenet has the 11,689,512 parameters of torchvision's resnet18 less 990 classes of
  /// 513. resnet18 (11,173,962 parameters, 0.56 G) and vgg16 (0.31 G) are the well-known CIFAR-10 figures; vgg16 has
  ///      4,224 fewer parameters than usual (14,728,266), since a bias before batch normalization has no effect.
  static let known: [Known] = [
    Known(
      architecture: .vgg8, shapes: [[16, 16, 32], [8, 8, 64], [4, 4, 128]],
      parameters: [10_208, 55_552, 221_696],
      multiplyAccumulates: [10_321_920, 14_155_776, 14_155_776], features: 128, totalParameters: 288_746,
      totalMultiplyAccumulates: 38_634_752),
    Known(
      architecture: .vgg16, shapes: [[16, 16, 64], [8, 8, 128], [4, 4, 256], [2, 2, 512], [1, 1, 512]],
      parameters: [38_848, 221_696, 1_476_096, 5_901_312, 7_080_960],
      multiplyAccumulates: [39_518_208, 56_623_104, 94_371_840, 94_371_840, 28_311_552], features: 512,
      totalParameters: 14_724_042, totalMultiplyAccumulates: 313_201_664),
    Known(
      architecture: .resnet18,
      shapes: [
        [32, 32, 64], [32, 32, 64], [16, 16, 128], [16, 16, 128], [8, 8, 256], [8, 8, 256], [4, 4, 512],
        [4, 4, 512],
      ],
      parameters: [75_840, 73_984, 230_144, 295_424, 919_040, 1_180_672, 3_673_088, 4_720_640],
      multiplyAccumulates: [
        77_266_944, 75_497_472, 58_720_256, 75_497_472, 58_720_256, 75_497_472, 58_720_256, 75_497_472,
      ], features: 512, totalParameters: 11_173_962, totalMultiplyAccumulates: 555_422_720),
    Known(
      architecture: .resnet18ImageNet,
      shapes: [
        [8, 8, 64], [8, 8, 64], [4, 4, 128], [4, 4, 128], [2, 2, 256], [2, 2, 256], [1, 1, 512], [1, 1, 512],
      ],
      parameters: [83_520, 73_984, 230_144, 295_424, 919_040, 1_180_672, 3_673_088, 4_720_640],
      multiplyAccumulates: [
        7_127_040, 4_718_592, 3_670_016, 4_718_592, 3_670_016, 4_718_592, 3_670_016, 4_718_592,
      ], features: 512, totalParameters: 11_181_642, totalMultiplyAccumulates: 37_016_576),
  ]

  @Test(arguments: known) func hasTheKnownSizes(_ known: Known) throws {
    let blocks = known.architecture.blocks(channels: 3)
    #expect(known.architecture.blockCount == blocks.count)
    var shape = Architecture.imageShape
    var shapes: [[Int]] = []
    var multiplyAccumulates: [Int] = []
    for block in blocks.map(Sequential.init) {
      multiplyAccumulates.append(try block.multiplyAccumulates(for: shape))
      shape = try block.outputShape(for: shape)
      shapes.append([shape.height, shape.width, shape.channels])
    }
    let classifier = Sequential(known.architecture.classifier(inputs: shape.channels, classes: 10))
    #expect(shapes == known.shapes)
    #expect(shape.channels == known.features)
    #expect(multiplyAccumulates == known.multiplyAccumulates)
    #expect(try classifier.outputShape(for: shape) == FeatureShape(channels: 10))
    let ofClassifier = try classifier.multiplyAccumulates(for: shape)
    #expect(multiplyAccumulates.reduce(0, +) + ofClassifier == known.totalMultiplyAccumulates)
    #expect(blocks.map(count) == known.parameters)
    #expect(known.parameters.reduce(0, +) + count(classifier.layers) == known.totalParameters)
  }

  func count(_ layers: [any Layer]) -> Int { layers.flatMap(\.parameters).reduce(0) { $0 + $1.count } }

  func names(_ architecture: Architecture) -> (parameters: [String], statistics: [String]) {
    let layers =
      Array(architecture.blocks(channels: 3).joined()) + architecture.classifier(inputs: 512, classes: 10)
    return (layers.flatMap(\.parameters).map(\.name), layers.flatMap(\.statistics).map(\.name))
  }

  @Test(arguments: [Architecture.resnet18, .resnet18ImageNet]) func resNetNamesAreTorchvisions(
    _ architecture: Architecture
  ) {
    let (parameters, statistics) = names(architecture)
    // 20 convolutions, 20 batch normalizations with weight and bias, fc: as torchvision's state_dict, 122 entries.
    #expect(parameters.count == 62 && statistics.count == 60)
    #expect(Set(parameters + statistics).count == 122)
    #expect(
      parameters.prefix(15) == [
        "conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.bn1.weight",
        "layer1.0.bn1.bias",
        "layer1.0.conv2.weight", "layer1.0.bn2.weight", "layer1.0.bn2.bias", "layer1.1.conv1.weight",
        "layer1.1.bn1.weight", "layer1.1.bn1.bias", "layer1.1.conv2.weight", "layer1.1.bn2.weight",
        "layer1.1.bn2.bias",
      ])
    #expect(parameters.suffix(3) == ["layer4.1.bn2.bias", "fc.weight", "fc.bias"])
    #expect(
      parameters.filter { $0.contains("downsample") } == [
        "layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight", "layer2.0.downsample.1.bias",
        "layer3.0.downsample.0.weight", "layer3.0.downsample.1.weight", "layer3.0.downsample.1.bias",
        "layer4.0.downsample.0.weight", "layer4.0.downsample.1.weight", "layer4.0.downsample.1.bias",
      ])
    #expect(statistics.prefix(3) == ["bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"])
  }

  /// torchvision's vgg16_bn, up to its classifier of three layers.
  @Test func vgg16NamesAreTorchvisions() {
    let (parameters, statistics) = names(.vgg16)
    #expect(
      parameters.filter { $0.hasSuffix(".weight") } == [
        0, 1, 3, 4, 7, 8, 10, 11, 14, 15, 17, 18, 20, 21, 24, 25, 27, 28, 30, 31, 34, 35, 37, 38, 40, 41,
      ].map { "features.\($0).weight" } + ["classifier.weight"])
    #expect(parameters.prefix(3) == ["features.0.weight", "features.1.weight", "features.1.bias"])
    #expect(statistics.first == "features.1.running_mean" && statistics.count == 3 * 13)
    #expect(parameters.count == 13 * 3 + 2)
    #expect(Set(parameters + statistics).count == parameters.count + statistics.count)
  }

  @Test func vgg8Names() {
    #expect(
      names(.vgg8).parameters.filter { $0.hasSuffix(".weight") } == [
        0, 1, 3, 4, 7, 8, 10, 11, 14, 15, 17, 18,
      ].map { "features.\($0).weight" } + ["classifier.weight"])
  }

  @Test func namesAreThoseOfTheCommandLine() {
    #expect(Architecture.allCases.map(\.rawValue) == ["vgg8", "vgg16", "resnet18", "resnet18-imagenet"])
    #expect(ExitHead.allCases.map(\.rawValue) == ["pool", "conv", "deep", "pyramid", "residual"])
  }
}
