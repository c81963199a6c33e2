import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import WeightFiles

/// Files of weights: what was written is read back, and nothing else is accepted.
@Suite struct WeightsFileTests {
  static func configuration(
    _ architecture: Architecture = .vgg8, cut: Int = 1, exitHead: ExitHead = .pool, bottleneck: Int? = nil,
    task: ImageTask = .cifar10
  ) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: task,
      network: SplitNetwork.Configuration(
        architecture: architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck, for: task),
      activations: try ActivationFormat(bits: 4), data: "cifar10", trainImages: 8, testImages: 6)
    configuration.seed = .max
    return configuration
  }

  /// A network with an own bit pattern in every parameter and running statistic of the parts, subnormal and negative
  /// ones included; what is not filled stays without memory.
  static func filledNetwork(
    _ configuration: RunConfiguration,
    _ parts: (SplitNetwork) -> [Sequential] = { [$0.front, $0.exit, $0.rest] }
  ) throws -> SplitNetwork {
    let network = try SplitNetwork(configuration.network)
    var number: UInt32 = 1
    for parameter in tensors(parts(network)) {
      let values = parameter.value
      for index in 0..<values.count {
        number = number &* 1_664_525 &+ 1_013_904_223
        values[index] = Float(bitPattern: number & 0xBFFF_FFFF)  // below 2, finite
      }
      if parameter.layout == .scalar { values[0] = Float(number >> 8) }
    }
    return network
  }

  static func tensors(_ parts: [Sequential]) -> [Parameter] {
    parts.flatMap { $0.parameters + $0.statistics }
  }

  private static func bits(_ parameter: Parameter) -> [UInt32] { parameter.value.map(\.bitPattern) }

  @Test(
    arguments: [
      (.vgg8, 2, .deep, nil), (.vgg8, 1, .conv, 5), (.vgg16, 1, .conv, nil), (.vgg16, 2, .pool, 3),
      (.resnet18, 3, .pool, nil), (.resnet18, 2, .deep, 7), (.resnet18ImageNet, 2, .deep, nil),
      (.vgg8, 1, .pyramid, 6), (.vgg8, 1, .residual, 6),
    ] as [(Architecture, Int, ExitHead, Int?)])
  func edgeRoundTripIsBitIdentical(
    architecture: Architecture, cut: Int, exitHead: ExitHead, bottleneck: Int?
  ) throws {
    let configuration = try Self.configuration(
      architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck)
    try expectRoundTrip(configuration, role: .edge) { [$0.front, $0.exit] }
  }

  @Test(
    arguments: [
      (.vgg8, 1, nil), (.vgg8, 2, 5), (.vgg8, 3, nil), (.vgg16, 5, 3), (.resnet18, 8, nil),
      (.resnet18ImageNet, 3, 7), (.resnet18ImageNet, 8, 7),
    ] as [(Architecture, Int, Int?)])
  func cloudRoundTripIsBitIdentical(architecture: Architecture, cut: Int, bottleneck: Int?) throws {
    let configuration = try Self.configuration(architecture, cut: cut, bottleneck: bottleneck)
    try expectRoundTrip(configuration, role: .cloud) { [$0.rest] }
  }

  private func expectRoundTrip(
    _ configuration: RunConfiguration, role: Role, _ parts: (SplitNetwork) -> [Sequential]
  ) throws {
    try withTemporaryDirectory { base in
      let path = base + "/weights.safetensors"
      let network = try Self.filledNetwork(configuration, parts)
      try WeightsFile.write(parts(network), configuration, role: role, epoch: 3, step: 48, to: path)
      let loaded = try SplitNetwork(configuration.network)
      let metadata = try WeightsFile.load(parts(loaded), configuration, role: role, from: path)
      #expect(
        metadata == WeightsFile.Metadata(role: role, configuration: configuration, epoch: 3, step: 48))
      let (expected, actual) = (Self.tensors(parts(network)), Self.tensors(parts(loaded)))
      #expect(!expected.isEmpty)
      #expect(expected.map(\.name) == actual.map(\.name))
      for (expected, actual) in zip(expected, actual) {
        #expect(Self.bits(expected) == Self.bits(actual), "\(expected.name)")
      }
    }
  }

  /// Writes the parts of a network under a configuration (its own, or not) and loads them into others.
  private func load(
    written: (SplitNetwork) -> [Sequential] = { [$0.front, $0.exit] }, of network: SplitNetwork? = nil,
    _ configuration: RunConfiguration, into target: SplitNetwork, as expected: RunConfiguration? = nil
  ) throws {
    try withTemporaryDirectory { base in
      try WeightsFile.write(
        written(network ?? Self.filledNetwork(configuration)), configuration, role: .edge, epoch: 1, step: 2,
        to: base + "/edge")
      do {
        _ = try WeightsFile.load(
          [target.front, target.exit], expected ?? configuration, role: .edge, from: base + "/edge")
      } catch let error as SafetensorsError { throw error.relative(to: base) } catch let error
        as WeightsFileError
      {
        throw error.relative(to: base)
      }
    }
  }

  private func expectUntouched(_ network: SplitNetwork) {
    for parameter in Self.tensors([network.front, network.exit]) {
      #expect(parameter.value.allSatisfy { $0.bitPattern == 0 }, "\(parameter.name)")
    }
  }

  @Test func missingTensorIsNamed() throws {
    let configuration = try Self.configuration()
    let target = try SplitNetwork(configuration.network)
    #expect(throws: SafetensorsError.missingTensor(path: "edge", name: "exit.classifier.weight")) {
      try load(written: { [$0.front] }, configuration, into: target)
    }
    expectUntouched(target)
  }

  @Test func extraTensorIsNamed() throws {
    let configuration = try Self.configuration()
    let target = try SplitNetwork(configuration.network)
    #expect(throws: WeightsFileError.unexpectedTensor(path: "edge", name: "classifier.bias")) {
      try load(
        written: { [$0.front, $0.exit, Sequential([$0.rest.layers.last].compactMap(\.self))] }, configuration,
        into: target)
    }
    expectUntouched(target)
  }

  @Test func wrongShapeNamesBoth() throws {
    let configuration = try Self.configuration(bottleneck: 5)
    let target = try SplitNetwork(configuration.network)
    let other = try Self.filledNetwork(Self.configuration(bottleneck: 6))
    #expect(
      throws: SafetensorsError.wrongTensor(
        path: "edge", name: "bottleneck.0.weight", expected: "F32 [5, 32, 1, 1]", actual: "F32 [6, 32, 1, 1]")
    ) {
      try load(of: other, configuration, into: target)
    }
    expectUntouched(target)
  }

  @Test func otherConfigurationNamesTheSetting() throws {
    let written = try Self.configuration()
    let target = try SplitNetwork(written.network)
    func expect(
      _ setting: String, _ expected: String, _ actual: String = "none",
      _ change: (inout RunConfiguration) throws -> Void
    ) throws {
      var other = written
      try change(&other)
      #expect(
        throws: WeightsFileError.otherConfiguration(
          path: "edge", setting: setting, expected: expected, actual: actual)
      ) { try load(written, into: target, as: other) }
    }
    try expect("cut", "2", "1") { $0.network.cut = 2 }
    try expect("architecture", "vgg16", "vgg8") { $0.network.architecture = .vgg16 }
    try expect("bottleneck", "4") { $0.network.bottleneck = 4 }
    try expect("bits", "3", "4") { $0.activations = try ActivationFormat(bits: 3) }
    try expect("seed", "0", "18446744073709551615") { $0.seed = 0 }
    try expect("learning_rate", "0.05", "0.1") { $0.learningRate = 0.05 }
    try expect("task", "\(ImageTask.small)") { $0 = try Self.configuration(task: .small) }
    expectUntouched(target)
  }

  @Test func truncatedFileIsRefusedAtEveryLength() throws {
    let configuration = try Self.configuration()
    try withTemporaryDirectory { base in
      let path = base + "/edge"
      let network = try Self.filledNetwork(configuration)
      try WeightsFile.write(
        [network.front, network.exit], configuration, role: .edge, epoch: 1, step: 2, to: path)
      let whole = try contents(path)
      let target = try SplitNetwork(configuration.network)
      for length in [0, 1, 7, 8, 9, 1000, 4096, whole.count / 2, whole.count - 1] {
        try Data(whole[..<length]).write(to: URL(fileURLWithPath: path))
        #expect(throws: SafetensorsError.self, "\(length) bytes") {
          try WeightsFile.load([target.front, target.exit], configuration, role: .edge, from: path)
        }
      }
      expectUntouched(target)
      try Data(whole[..<(whole.count - 1)]).write(to: URL(fileURLWithPath: path))
      #expect(
        throws: SafetensorsError.wrongLength(path: path, expected: whole.count, actual: whole.count - 1)
      ) { try WeightsFile.Reader(path: path, role: .edge) }
    }
  }

  @Test func numbersThatNoTrainingWritesAreRefused() throws {
    let configuration = try Self.configuration()
    let target = try SplitNetwork(configuration.network)
    for (value, text) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
      let network = try Self.filledNetwork(configuration)
      network.front.parameters[0].value[17] = value
      #expect(
        throws: WeightsFileError.value(
          path: "edge", tensor: "features.0.weight", expected: "finite numbers", actual: text)
      ) { try load(of: network, configuration, into: target) }
    }
    for (count, accepted) in [(Float(1 << 24), true), (0, true), (-1, false), (Float(1 << 25), false)] {
      let network = try Self.filledNetwork(configuration)
      network.front.statistics[2].value[0] = count
      #expect(network.front.statistics[2].name == "features.1.num_batches_tracked")
      if accepted {
        try load(of: network, configuration, into: target)
        #expect(target.front.statistics[2].value[0] == count)
      } else {
        #expect(
          throws: WeightsFileError.value(
            path: "edge", tensor: "features.1.num_batches_tracked", expected: "a count of 0 to 16777216",
            actual: "\(Int(count))")
        ) { try load(of: network, configuration, into: target) }
      }
    }
  }

  @Test func metadataAreChecked() throws {
    let configuration = String(
      decoding: try RunJSON.encode(Self.configuration(), pretty: false), as: UTF8.self)
    let complete = ["role": "edge", "configuration": configuration, "epoch": "1", "step": "2"]
    func expect(_ field: String, _ value: String?, _ expected: String, _ actual: String) throws {
      try withTemporaryDirectory { base in
        var metadata = complete
        metadata[field] = value
        let path = base + "/edge"
        try SafetensorsWriter.write([.scalar(name: "x", 1)], metadata: metadata, to: path)
        #expect(
          throws: WeightsFileError.metadata(path: path, field: field, expected: expected, actual: actual)
        ) { try WeightsFile.Reader(path: path, role: .edge) }
      }
    }
    try expect("role", nil, "edge", "missing")
    try expect("role", "cloud", "edge", "cloud")
    try expect("epoch", nil, "a count", "missing")
    try expect("epoch", "-1", "a count", "-1")
    try expect("step", "2.5", "a count", "2.5")
    try expect("configuration", nil, "the run's configuration", "missing")
    func unusable(_ change: (String) -> String, _ reason: String) throws {
      try expect(
        "configuration", change(configuration), "the configuration of a run",
        "one that cannot be used (\(reason))")
    }
    try unusable({ $0.replacing("\"cut\":1,", with: "") }, "cut is nothing, expected a value")
    try unusable({ $0.replacing("\"cut\":1,", with: "\"cut\":\"1\",") }, "cut is \"1\", expected a whole number")
    try unusable(
      { $0.replacing("\"epochs\":10", with: "\"epochs\":1.5") }, "epochs is 1.5, expected a whole number")
    try unusable(
      { $0.replacing("\"bits\":4", with: "\"bits\":9") }, "\(CodecError.unsupportedBits(9))")
    try unusable(
      { $0.replacing("\"epochs\":10", with: "\"epochs\":0") }, "epochs 0 is out of range: 1 to 100000")
  }
}

extension SafetensorsError {
  /// Without the folder in front of the path, so that tests can name it.
  fileprivate func relative(to base: String) -> SafetensorsError {
    func name(_ path: String) -> String { path.replacing(base + "/", with: "") }
    return switch self {
    case .missingTensor(let path, let tensor): .missingTensor(path: name(path), name: tensor)
    case .wrongTensor(let path, let tensor, let expected, let actual):
      .wrongTensor(path: name(path), name: tensor, expected: expected, actual: actual)
    default: self
    }
  }
}

extension WeightsFileError {
  fileprivate func relative(to base: String) -> WeightsFileError {
    func name(_ path: String) -> String { path.replacing(base + "/", with: "") }
    return switch self {
    case .metadata(let path, let field, let expected, let actual):
      .metadata(path: name(path), field: field, expected: expected, actual: actual)
    case .noMetadata(let path, let fields): .noMetadata(path: name(path), fields: fields)
    case .otherConfiguration(let path, let setting, let expected, let actual):
      .otherConfiguration(path: name(path), setting: setting, expected: expected, actual: actual)
    case .unexpectedTensor(let path, let tensor): .unexpectedTensor(path: name(path), name: tensor)
    case .incomplete(let path, let holds, let hint): .incomplete(path: name(path), holds: holds, hint: hint)
    case .nothingMatches: self
    case .value(let path, let tensor, let expected, let actual):
      .value(path: name(path), tensor: tensor, expected: expected, actual: actual)
    }
  }
}
