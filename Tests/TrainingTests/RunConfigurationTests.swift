import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import Transport

@Suite struct RunConfigurationTests {
  private func configuration() throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: .cifar10,
      network: SplitNetwork.Configuration(
        architecture: .resnet18ImageNet, cut: 3, exitHead: .deep, bottleneck: 12),
      activations: try ActivationFormat(bits: 4, scale: .channel, compression: .zstd), data: "cifar10",
      trainImages: 50_000, testImages: 10_000)
    configuration.seed = 42
    return configuration
  }

  private func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }

  // MARK: JSON

  /// The keys are part of the wire's hello and of config.json.
  @Test func golden() throws {
    let json = String(decoding: try encoder().encode(configuration()), as: UTF8.self)
    #expect(
      json == """
        {"architecture":"resnet18-imagenet","batch_size":128,"bits":4,"bottleneck":12,"compression":"zstd","cut":3,\
        "data":"cifar10","epochs":10,"exit_head":"deep","full_scale":1,"learning_rate":0.1,"momentum":0.9,\
        "scale":"channel","schedule":"one-cycle","seed":42,"strategy":"hierarchical","test_images":10000,"train_images":50000,\
        "weight_decay":0.0005,"window":4}
        """)
  }

  @Test func shapedLinkGolden() throws {
    var configuration = try configuration()
    configuration.link = LinkShaping(rate: 1.1e6, delay: 0.05)
    let json = String(decoding: try encoder().encode(configuration), as: UTF8.self)
    #expect(
      json.contains(#""learning_rate":0.1,"link_delay":0.05,"link_rate":1100000,"momentum":0.9"#), "\(json)")
  }

  @Test func frozenFront() throws {
    var configuration = try configuration()
    #expect(!String(decoding: try encoder().encode(configuration), as: UTF8.self).contains("freeze"))
    configuration.freezesFront = true
    let json = try encoder().encode(configuration)
    #expect(String(decoding: json, as: UTF8.self).contains(#""exit_head":"deep","freeze_front":true,"full_scale""#))
    #expect(try JSONDecoder().decode(RunConfiguration.self, from: json) == configuration)
    try configuration.validate()
    for strategy in Strategy.allCases where strategy != .hierarchical {
      configuration.strategy = strategy
      let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
      #expect(error?.description.contains("does not go with strategy \(strategy.rawValue)") == true)
    }
  }

  @Test func noBottleneckNoKey() throws {
    var configuration = try configuration()
    configuration.network.bottleneck = nil
    let json = try encoder().encode(configuration)
    #expect(!String(decoding: json, as: UTF8.self).contains("bottleneck"))
    #expect(try JSONDecoder().decode(RunConfiguration.self, from: json) == configuration)
  }

  /// Configurations and weights from before there was a choice of full scale; and a fraction is decoded as it was.
  @Test func fullScaleMayBeMissing() throws {
    var configuration = try configuration()
    configuration.activations = try ActivationFormat(bits: 2, fullScale: 0.35)
    let json = String(decoding: try encoder().encode(configuration), as: UTF8.self)
    #expect(json.contains(#""full_scale":0.35,"#), "\(json)")
    let old = json.replacingOccurrences(of: #""full_scale":0.35,"#, with: "")
    let decoded = try JSONDecoder().decode(RunConfiguration.self, from: Data(old.utf8))
    configuration.activations = try ActivationFormat(bits: 2, fullScale: 1)
    #expect(decoded == configuration)
    let wrong = json.replacingOccurrences(of: #""full_scale":0.35,"#, with: #""full_scale":1.5,"#)
    #expect(throws: CodecError.unsupportedFullScale(1.5)) {
      try JSONDecoder().decode(RunConfiguration.self, from: Data(wrong.utf8))
    }
  }

  @Test func noFullScaleWithoutCodes() throws {
    var configuration = try configuration()
    configuration.activations = try ActivationFormat(bits: 16, fullScale: 0.5)
    let json = String(decoding: try encoder().encode(configuration), as: UTF8.self)
    #expect(!json.contains("full_scale"), "\(json)")
  }

  /// The cloud computes with what it decodes, so every float must come back bit for bit.
  @Test func roundTripOfEveryValue() throws {
    var random = SeededGenerator(seed: 5, stream: "round trip")
    for _ in 0..<300 {
      let configuration = try Self.drawn(&random)
      let decoded = try JSONDecoder().decode(RunConfiguration.self, from: encoder().encode(configuration))
      #expect(decoded == configuration)
      #expect(decoded.learningRate.bitPattern == configuration.learningRate.bitPattern)
      #expect(decoded.momentum.bitPattern == configuration.momentum.bitPattern)
      #expect(decoded.weightDecay.bitPattern == configuration.weightDecay.bitPattern)
      // And through the hello, as the cloud gets it.
      let hello = try Hello(runID: "r", configuration: configuration)
      #expect(try hello.configuration(as: RunConfiguration.self) == configuration)
    }
  }

  private static func drawn(_ random: inout SeededGenerator) throws -> RunConfiguration {
    func one<Element>(of elements: [Element]) -> Element {
      elements[Int(random.next() % UInt64(elements.count))]
    }
    let architecture = one(of: Architecture.allCases)
    var configuration = RunConfiguration(
      task: .cifar10,
      network: SplitNetwork.Configuration(
        architecture: architecture, cut: 1 + Int(random.next() % UInt64(architecture.blockCount)),
        exitHead: one(of: ExitHead.allCases), bottleneck: one(of: [nil, 1, 3, 16])),
      activations: try ActivationFormat(
        bits: one(of: [1, 2, 3, 4, 5, 6, 7, 8, 16, 32]), scale: one(of: ScaleGranularity.allCases),
        compression: one(of: ActivationCompression.allCases),
        fullScale: one(of: [nil, 1, 0.01, 0.35, Double(0.5 + random.uniform() / 2)])),
      data: one(of: ["synthetic", "cifar10", "\"\\/ü\n"]), trainImages: 1 + Int(random.next() % 100_000_000),
      testImages: 1 + Int(random.next() % 1000))
    configuration.epochs = 1 + Int(random.next() % 100_000)
    configuration.batchSize = 1 + Int(random.next() % 6)
    configuration.learningRate = 1000 * random.uniform() * random.uniform()
    configuration.momentum = random.uniform()
    configuration.weightDecay = random.uniform() * random.uniform() * random.uniform()
    configuration.schedule = one(of: LearningRateSchedule.allCases)
    configuration.seed = one(of: [0, .max, random.next(), random.next() >> 40])
    configuration.window = 1 + Int(random.next() % 1024)
    configuration.link = LinkShaping(
      rate: one(of: [nil, 1e3, 1.1e6, 1e11]), delay: one(of: [0, 0.05, 10, Double(random.uniform())]))
    return configuration
  }

  @Test(arguments: [
    "strategy", "architecture", "cut", "exit_head", "bits", "scale", "compression", "epochs", "batch_size",
    "learning_rate", "momentum", "weight_decay", "schedule", "seed", "data", "train_images", "test_images",
    "window",
  ])
  func everyKeyButTheBottleneckIsNeeded(key: String) throws {
    let data = try encoder().encode(configuration())
    var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    object[key] = nil
    let shortened = try JSONSerialization.data(withJSONObject: object)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(RunConfiguration.self, from: shortened) }
    object[key] = ["nested"]
    let wrong = try JSONSerialization.data(withJSONObject: object)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(RunConfiguration.self, from: wrong) }
  }

  // MARK: Bounds

  @Test(arguments: ConfigurationBound.all)
  func bounds(_ bound: ConfigurationBound) throws {
    var configuration = try configuration()
    bound.set(&configuration)
    if bound.isAllowed {
      try configuration.validate()
    } else {
      let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
      #expect(
        error?.description.hasPrefix("\(bound) is out of range: ") == true, "\(error?.description ?? "")")
    }
  }

  /// Only one-cycle moves the momentum.
  @Test(arguments: [LearningRateSchedule.constant, .cosine])
  func momentumOfTheOtherSchedules(schedule: LearningRateSchedule) throws {
    var configuration = try configuration()
    configuration.schedule = schedule
    for momentum in [0, 0.01, 0.99] as [Float] {
      configuration.momentum = momentum
      try configuration.validate()
    }
    configuration.momentum = 1
    #expect(throws: ConfigurationError.self) { try configuration.validate() }
  }

  // MARK: What follows from it

  @Test func steps() throws {
    var configuration = try configuration()
    configuration.epochs = 3
    for (images, batchSize, steps) in [
      (1, 1, 1), (1, 128, 1), (128, 128, 1), (129, 128, 2), (50_000, 128, 391),
    ] {
      configuration.trainImages = images
      configuration.batchSize = batchSize
      #expect(configuration.stepsPerEpoch == steps)
      #expect(configuration.totalSteps == 3 * steps)
    }
    configuration.schedule = .cosine
    #expect(configuration.scheduled(step: 0).learningRate == 0.1)
    #expect(configuration.scheduled(step: 0).momentum == 0.9)
    #expect(configuration.scheduled(step: 3 * 391).learningRate <= 1e-9)
  }

  /// The bound holds for features that do not compress at all, and is no more than 1 % and 1 KB too large without zstd.
  @Test func largestFrameHoldsEveryFrame() throws {
    var random = SeededGenerator(seed: 9, stream: "frames")
    var checked = 0
    while checked < 40 {
      var configuration = try Self.drawn(&random)
      configuration.network.architecture = .vgg8
      configuration.network.cut = 1 + configuration.network.cut % 3
      let shape = try SplitNetwork(configuration.network).cutShape
      let count = configuration.batchSize
      guard shape.values * count <= 40_000 else { continue }
      checked += 1
      let activations = ActivationShape(
        count: count, height: shape.height, width: shape.width, channels: shape.channels)
      let values = (0..<activations.valueCount).map { _ in random.uniform() * 2 - 1 }
      var bytes: [UInt8] = []
      try ActivationCodec(format: configuration.activations).encode(values, shape: activations, into: &bytes)
      let batch = EncodedBatch(sequence: 1, labels: [UInt16](repeating: 0, count: count), activations: bytes)
      let frame = try Message.trainBatch(batch).outgoingFrame().count
      let largest = try configuration.largestFrameBytes()
      #expect(frame <= largest, "\(configuration)")
      if configuration.activations.compression == .none {
        #expect(largest <= frame + frame / 100 + 1024, "\(configuration)")
      }
    }
  }

  @Test func largestFrameOfNoNetwork() throws {
    var configuration = try configuration()
    configuration.network.cut = configuration.network.architecture.blockCount + 1
    #expect(throws: ShapeError.self) { try configuration.largestFrameBytes() }
  }
}

/// A value at the edge of what is allowed, or beyond it.
struct ConfigurationBound: Sendable, CustomStringConvertible {
  var description: String
  var set: @Sendable (inout RunConfiguration) -> Void
  var isAllowed: Bool
  init(_ description: String, _ isAllowed: Bool, _ set: @escaping @Sendable (inout RunConfiguration) -> Void) {
    self.description = description
    self.set = set
    self.isAllowed = isAllowed
  }

  static let all: [ConfigurationBound] = {
    func numbers(
      _ name: String, _ path: WritableKeyPath<RunConfiguration, Int> & Sendable, good: [Int], bad: [Int]
    ) -> [ConfigurationBound] {
      good.map { value in ConfigurationBound("\(name) \(value)", true) { $0[keyPath: path] = value } }
        + bad.map { value in ConfigurationBound("\(name) \(value)", false) { $0[keyPath: path] = value } }
    }
    func floats(
      _ name: String, _ path: WritableKeyPath<RunConfiguration, Float> & Sendable, good: [Float], bad: [Float]
    ) -> [ConfigurationBound] {
      good.map { value in ConfigurationBound("\(name) \(value)", true) { $0[keyPath: path] = value } }
        + (bad + [.nan, .infinity, -.infinity]).map { value in
          ConfigurationBound("\(name) \(value)", false) { $0[keyPath: path] = value }
        }
    }
    func links(
      _ name: String, _ path: WritableKeyPath<LinkShaping, Double> & Sendable, good: [Double], bad: [Double]
    )
      -> [ConfigurationBound]
    {
      good.map { value in ConfigurationBound("\(name) \(value)", true) { $0.link[keyPath: path] = value } }
        + (bad + [.nan, .infinity]).map { value in
          ConfigurationBound("\(name) \(value)", false) { $0.link[keyPath: path] = value }
        }
    }
    let images = 100_000_000
    return numbers("epochs", \.epochs, good: [1, 100_000], bad: [0, -1, 100_001, .max])
      + numbers("batch size", \.batchSize, good: [1, 1024], bad: [0, -1, 1025, .min])
      + numbers("number of training images", \.trainImages, good: [1, images], bad: [0, -1, images + 1])
      + numbers("number of test images", \.testImages, good: [1, images], bad: [0, -1, images + 1])
      + numbers("window", \.window, good: [1, 1024], bad: [0, -1, 1025])
      + links("link delay", \.delay, good: [0, 0.05, 10], bad: [-1, 10.1])
      + links("link rate", \.rate.orZero, good: [1000, 1e11], bad: [0, 999, -1e6, 1.1e11])
      + floats("learning rate", \.learningRate, good: [1e-30, 1000], bad: [0, -0.1, 1000.1])
      + floats("weight decay", \.weightDecay, good: [0, 1], bad: [-1e-9, 1.001])
      + floats("momentum", \.momentum, good: [0, 0.05, 0.94], bad: [-0.1, 0.01, 0.049, 0.95, 0.99, 1])
  }()
}

extension Double? {
  /// For key paths to a value that may be missing.
  fileprivate var orZero: Double {
    get { self ?? 0 }
    set { self = newValue }
  }
}
