import Foundation
import Logging
import TestSupport
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import WeightFiles

/// Weights from files in place of those that the seed makes.
@Suite struct InitialWeightsTests {
  private let configuration: RunConfiguration
  private let network: SplitNetwork

  init() throws {
    configuration = try WeightsFileTests.configuration(cut: 2, exitHead: .conv)
    network = try SplitNetwork(configuration.network)
    network.initialize(seed: 5)
  }

  /// What the log is told.
  private struct Lines: LogHandler {
    let lines = Guarded<[String]>([])
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.change { $0.append("\(event.message)") } }
  }

  /// - Returns: the lines of the log.
  private func load(_ paths: [String], _ parts: [Sequential], _ configuration: RunConfiguration? = nil) throws
    -> [String]
  {
    let lines = Lines()
    let logger = Logger(label: "tests") { _ in lines }
    try InitialWeights(paths).load(parts, configuration ?? self.configuration, role: .edge, logger)
    return lines.lines.withLock { $0 }
  }

  private func bits(_ parts: [Sequential]) -> [String: [UInt32]] {
    let tensors = WeightsFileTests.tensors(parts).map { ($0.name, $0.value.map(\.bitPattern)) }
    return Dictionary(uniqueKeysWithValues: tensors)
  }

  @Test func ownFilesOfBothSides() throws {
    try withTemporaryDirectory { base in
      let filled = try WeightsFileTests.filledNetwork(configuration)
      for (role, parts) in [(Role.edge, [filled.front, filled.exit]), (.cloud, [filled.rest])] {
        try WeightsFile.write(parts, configuration, role: role, epoch: 1, step: 1, to: "\(base)/\(role)")
      }
      let (edge, cloud) = ("\(base)/edge", "\(base)/cloud")
      let lines = try load([edge, cloud], [network.front, network.exit])
      #expect(bits([network.front, network.exit]) == bits([filled.front, filled.exit]))
      #expect(bits([network.rest]) != bits([filled.rest]))
      #expect(lines == ["initial weights: 32 of 32 tensors of this side are from \(edge), \(cloud)"])
      // The whole network, in one part.
      let whole = Sequential(network.front.layers + network.rest.layers)
      _ = try load([cloud, edge], [whole])
      #expect(bits([network.rest]) == bits([filled.rest]))
    }
  }

  @Test func digestIsThatOfEachFile() throws {
    try withTemporaryDirectory { base in
      for (name, value) in [("a", Int64(1)), ("b", 2)] {
        try SafetensorsWriter.write([.scalar(name: "n", value)], metadata: [:], to: "\(base)/\(name)")
      }
      let weights = try InitialWeights(["\(base)/a", "\(base)/b"])
      let reversed = try InitialWeights(["\(base)/b", "\(base)/a"])
      #expect(weights.digest.split(separator: ",").map(\.count) == [64, 64])
      #expect(weights.digest.split(separator: ",").reversed() == reversed.digest.split(separator: ","))
      let error = #expect(throws: WeightsFileError.self) { try weights.requireMatch(configuration, role: .cloud) }
      #expect("\(error as Any)".contains("found n and so on, expected features.14.weight and so on"))
    }
  }

  /// Another exit, and more classes: the known classes of the classifier are kept, the rest stays as the seed made it.
  @Test(arguments: [3, 14]) func otherClasses(classes: Int) throws {
    let task = ImageTask(
      shape: configuration.task.shape, classes: classes, mean: configuration.task.mean,
      deviation: configuration.task.deviation)
    let old = try WeightsFileTests.configuration(cut: 2, exitHead: .pool, task: task)
    try withTemporaryDirectory { base in
      let filled = try WeightsFileTests.filledNetwork(old)
      let parts = [filled.front, filled.exit, filled.rest]
      try WeightsFile.write(parts, old, role: .edge, epoch: 1, step: 1, to: "\(base)/old")
      let seeded = bits([network.rest, network.exit])
      let lines = try load(["\(base)/old"], [network.front, network.exit, network.rest])
      #expect(bits([network.front]) == bits([filled.front]))
      let kept = min(classes, 10)
      let (mine, others) = (bits([network.rest]), bits([filled.rest]))
      for index in 0..<10 {
        let isKept = index < kept
        #expect(mine["classifier.bias"]?[index] == (isKept ? others : seeded)["classifier.bias"]?[index])
        for input in [0, 77, 127] {
          let expected =
            isKept
            ? others["classifier.weight"]?[input * classes + index] : seeded["classifier.weight"]?[input * 10 + index]
          #expect(mine["classifier.weight"]?[input * 10 + index] == expected)
        }
      }
      // The exit has the same classifier behind its convolution.
      #expect(bits([network.exit])["exit.features.0.weight"] == seeded["exit.features.0.weight"])
      #expect(lines.count == 3)
      #expect(
        lines[1].contains(
          "exit.classifier.weight, exit.classifier.bias, classifier.weight, classifier.bias: \(kept) of 10 classes are known, of \(classes)"
        ), "\(lines)")
      #expect(lines[2] == "initial weights: start anew: exit.features.0.weight, exit.features.1 (not in \(base)/old)")
    }
  }

  /// Classes that have names are known by them, wherever they stand; also in what is sent to the other side.
  @Test func knownByName() throws {
    let (mine, task) = (configuration.task, ImageTask.cifar10)
    let names = ["truck", "train", "cat"]
    let old = try WeightsFileTests.configuration(
      cut: 2, exitHead: .conv,
      task: ImageTask(shape: mine.shape, classes: 3, mean: mine.mean, deviation: mine.deviation, classNames: names))
    try withTemporaryDirectory { base in
      let filled = try WeightsFileTests.filledNetwork(old)
      try WeightsFile.write([filled.front, filled.rest], old, role: .edge, epoch: 1, step: 1, to: "\(base)/old")
      try InitialWeights(["\(base)/old"]).write(partOf: .cloud, configuration, to: "\(base)/sent")
      let seeded = bits([network.rest])["classifier.bias"] ?? []
      let stored = bits([filled.rest])["classifier.bias"] ?? []
      for file in ["old", "sent"] {
        network.initialize(seed: 5)
        let lines = try load(["\(base)/\(file)"], [network.rest])
        let bias = bits([network.rest])["classifier.bias"] ?? []
        #expect(bias.indices.map { bias[$0] == seeded[$0] } == task.classNames.map { !names.contains($0) })
        #expect(bias[9] == stored[0] && bias[3] == stored[2])
        #expect(lines[1].contains("classifier.bias: 2 of 10 classes are known, of 3 in the file"), "\(lines)")
      }
      #expect(try SafetensorsReader(path: "\(base)/sent").entries["features.0.weight"] == nil)
      // As many classes, and none of them the same.
      let others = (0..<10).map { "class \($0)" }
      let foreign = try WeightsFileTests.configuration(
        cut: 2, exitHead: .conv,
        task: ImageTask(shape: mine.shape, classes: 10, mean: mine.mean, deviation: mine.deviation, classNames: others))
      try WeightsFile.write(
        [filled.front, network.rest], foreign, role: .edge, epoch: 1, step: 1, to: "\(base)/others")
      network.initialize(seed: 6)
      let unknown = bits([network.rest])["classifier.weight"]
      let lines = try load(["\(base)/others"], [network.rest])
      #expect(bits([network.rest])["classifier.weight"] == unknown)
      #expect(lines[1].hasSuffix("start anew: classifier (none of its classes is one of those in \(base)/others)"))
      // A file of another program does not say which classes it has.
      try SafetensorsWriter.write(WeightsFileTests.tensors([filled.rest]).map { $0.tensor() }, to: "\(base)/torch")
      network.initialize(seed: 6)
      let torch = try load(["\(base)/torch"], [network.rest])
      #expect(bits([network.rest])["classifier.weight"] == unknown)
      #expect(torch[1].contains("start anew: classifier.weight ([3, "), "\(torch)")
    }
  }

  /// The longest file is as long as is said, but for the header: of as many classes as there can be, and with a bias
  /// before each normalization.
  @Test func mostThatIsSent() throws {
    try withTemporaryDirectory { base in
      let filled = try WeightsFileTests.filledNetwork(configuration) { [$0.rest] }
      let zeros = [Float](repeating: 0, count: 65_535 * 128)
      try zeros.withUnsafeBufferPointer { zeros in
        func zero(_ name: String, _ shape: [Int]) -> NamedTensor {
          .values(name: name, shape: shape, UnsafeBufferPointer(rebasing: zeros[..<shape.reduce(1, *)]))
        }
        var tensors = WeightsFileTests.tensors([filled.rest]).filter { !$0.name.hasPrefix("classifier") }
          .map { $0.tensor() }
        for statistic in filled.rest.statistics where statistic.name.hasSuffix("running_mean") {
          let number = try #require(Int(statistic.name.split(separator: ".")[1]))
          tensors.append(zero("features.\(number - 1).bias", [statistic.count]))
        }
        tensors += [zero("classifier.weight", [65_535, 128]), zero("classifier.bias", [65_535])]
        let metadata = ["configuration": #"{"data": "folder", "task": {}}"#]
        try SafetensorsWriter.write(tensors, metadata: metadata, to: "\(base)/old")
      }
      try InitialWeights(["\(base)/old"]).write(partOf: .cloud, configuration, to: "\(base)/sent")
      let most = try InitialWeights.mostBytes(partOf: .cloud, configuration) - InitialWeights.mostHeaderBytes
      let count = try contents("\(base)/sent").count
      let (old, sent) = (try SafetensorsReader(path: "\(base)/old"), try SafetensorsReader(path: "\(base)/sent"))
      #expect(Set(sent.entries.keys) == Set(old.entries.keys))
      #expect(count > most - 32_768 && count < most + 8192, "\(count), of at most \(most) without the header")
    }
  }

  @Test func classMappings() {
    #expect(ClassMapping(from: 2, to: 3).sources == [0, 1, nil])
    #expect(ClassMapping(from: 3, to: 2).sources == [0, 1])
    let byName = ClassMapping(from: ["cat", "dog", "car"], to: ["car", "bus", "cat"])
    #expect(byName.sources == [2, nil, 0] && byName.known == 2)
  }

  /// torchvision's VGG has a bias in front of each normalization, and another classifier.
  @Test func biasBeforeNormalization() throws {
    try withTemporaryDirectory { base in
      let filled = try WeightsFileTests.filledNetwork(configuration)
      let bias = (0..<32).map { Float($0) }
      var tensors = WeightsFileTests.tensors([filled.front]).map { $0.tensor() }
      try bias.withUnsafeBufferPointer { values in
        tensors.append(.values(name: "features.0.bias", shape: [32], values))
        tensors.append(.values(name: "classifier.6.bias", shape: [32], values))
        try SafetensorsWriter.write(tensors, metadata: [:], to: "\(base)/torch")
      }
      let lines = try load(["\(base)/torch"], [network.front, network.exit])
      let (mine, others) = (bits([network.front]), bits([filled.front]))
      for (name, values) in others {
        let expected =
          name == "features.1.running_mean"
          ? zip(values, bias).map { (Float(bitPattern: $0) - $1).bitPattern } : values
        #expect(mine[name] == expected, "\(name)")
      }
      #expect(lines.last == "initial weights: not in this network: classifier.6.bias")
    }
  }

  @Test func otherShapesAndBadNumbers() throws {
    try withTemporaryDirectory { base in
      let other = try WeightsFileTests.configuration(cut: 2, exitHead: .conv, bottleneck: 4)
      let filled = try WeightsFileTests.filledNetwork(other)
      try WeightsFile.write([filled.rest], other, role: .cloud, epoch: 1, step: 1, to: "\(base)/narrow")
      let lines = try load(["\(base)/narrow"], [network.rest])
      #expect(
        lines.contains {
          $0.contains("start anew: features.14.weight ([128, 4, 3, 3] in \(base)/narrow, expected [128, 64, 3, 3])")
        }, "\(lines)")

      for parameter in WeightsFileTests.tensors([filled.rest]) where parameter.name == "features.15.weight" {
        parameter.value[3] = .nan
      }
      try WeightsFile.write([filled.rest], other, role: .cloud, epoch: 1, step: 1, to: "\(base)/nan")
      #expect(throws: WeightsFileError.self) { try load(["\(base)/nan"], [network.rest]) }
      #expect(throws: SafetensorsError.self) { try InitialWeights(["\(base)/none"]) }
      try Data("no weights".utf8).write(to: URL(filePath: "\(base)/text"))
      #expect(throws: SafetensorsError.self) { try InitialWeights(["\(base)/narrow", "\(base)/text"]) }
    }
  }
}
