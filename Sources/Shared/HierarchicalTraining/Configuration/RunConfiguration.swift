import NeuralNetwork
import Transport

/// Everything that decides what a run computes. The edge makes it, the cloud gets it with the hello, both write it to
/// their config.json; the same configuration and thread counts give the same weights, bit for bit.
package struct RunConfiguration: Equatable, Sendable {
  package var strategy = Strategy.hierarchical
  package var network: SplitNetwork.Configuration
  package var activations: ActivationFormat
  package var epochs = 10
  /// Images of a step; the last step of an epoch may have fewer.
  package var batchSize = 128
  package var learningRate: Float = 0.1
  package var momentum: Float = 0.9
  package var weightDecay: Float = 5e-4
  package var schedule = LearningRateSchedule.oneCycle
  package var seed: UInt64 = 0
  /// What the images are: "cifar10" or "synthetic". For the record; the cloud never sees an image.
  package var data: String
  /// Images of an epoch.
  package var trainImages: Int
  package var testImages: Int
  /// Batches that may be on their way without acknowledgement.
  package var window = 4
  /// What both sides do to what they send.
  package var link = LinkShaping.none

  package init(
    network: SplitNetwork.Configuration, activations: ActivationFormat, data: String, trainImages: Int,
    testImages: Int
  ) {
    self.network = network
    self.activations = activations
    self.data = data
    self.trainImages = trainImages
    self.testImages = testImages
  }

  /// Steps of an epoch.
  package var stepsPerEpoch: Int { (trainImages - 1) / batchSize + 1 }

  package var totalSteps: Int { epochs * stepsPerEpoch }

  /// Learning rate and momentum of a step, counted from 0 over the whole run.
  package func scheduled(step: Int) -> LearningRateSchedule.Values {
    schedule.values(step: step, of: totalSteps, learningRate: learningRate, momentum: momentum)
  }
}

/// How the work is divided between edge and cloud.
package enum Strategy: String, Codable, CaseIterable, Sendable {
  /// The edge trains through its exit, the cloud trains the rest from the features; nothing comes back.
  case hierarchical
}

/// A setting is out of its range.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

extension RunConfiguration {
  /// The limits that keep a run computable on both sides.
  package static let maximumBatchSize = 1024

  /// Checks every number on its own; whether the network can be built shows when it is.
  ///
  /// - Throws: `ConfigurationError` naming the setting, the value and what is allowed.
  package func validate() throws(ConfigurationError) {
    func require(_ holds: Bool, _ setting: String, _ value: Any, _ allowed: String) throws(ConfigurationError)
    {
      guard holds else { throw ConfigurationError("\(setting) \(value) is out of range: \(allowed)") }
    }
    try require((1...100_000).contains(epochs), "epochs", epochs, "1 to 100000")
    try require(
      (1...Self.maximumBatchSize).contains(batchSize), "batch size", batchSize,
      "1 to \(Self.maximumBatchSize)")
    try require(
      learningRate > 0 && learningRate <= 1000, "learning rate", learningRate, "more than 0, at most 1000")
    try require(momentum >= 0 && momentum < 1, "momentum", momentum, "0 to less than 1")
    if schedule == .oneCycle && momentum != 0 {
      try require(
        (0.05..<0.95).contains(momentum), "momentum", momentum,
        "one-cycle moves it by 0.05 to either side, so 0, or 0.05 to less than 0.95")
    }
    try require(weightDecay >= 0 && weightDecay <= 1, "weight decay", weightDecay, "0 to 1")
    try require(
      (1...100_000_000).contains(trainImages), "number of training images", trainImages, "1 to 100000000")
    try require((1...100_000_000).contains(testImages), "number of test images", testImages, "1 to 100000000")
    try require((1...Hello.maximumWindow).contains(window), "window", window, "1 to \(Hello.maximumWindow)")
    if let rate = link.rate {
      try require(LinkShaping.rates.contains(rate), "link rate", rate, "1000 to 100000000000 bit/s")
    }
    try require(LinkShaping.delays.contains(link.delay), "link delay", link.delay, "0 to 10 seconds")
  }
}

extension RunConfiguration: Codable {
  /// One flat object; keys as the command line's options.
  private enum CodingKeys: String, CodingKey {
    case strategy, architecture, cut, bottleneck, bits, scale, compression, epochs, momentum, schedule, seed,
      data, window
    case exitHead = "exit_head"
    case batchSize = "batch_size"
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    /// Bits per second; absent without shaping.
    case linkRate = "link_rate"
    /// Seconds; absent without shaping.
    case linkDelay = "link_delay"
    case trainImages = "train_images"
    case testImages = "test_images"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    strategy = try values.decode(Strategy.self, forKey: .strategy)
    network = SplitNetwork.Configuration(
      architecture: try values.decode(Architecture.self, forKey: .architecture),
      cut: try values.decode(Int.self, forKey: .cut),
      exitHead: try values.decode(ExitHead.self, forKey: .exitHead),
      bottleneck: try values.decodeIfPresent(Int.self, forKey: .bottleneck))
    activations = try ActivationFormat(
      bits: values.decode(Int.self, forKey: .bits),
      scale: values.decode(ScaleGranularity.self, forKey: .scale),
      compression: values.decode(ActivationCompression.self, forKey: .compression))
    epochs = try values.decode(Int.self, forKey: .epochs)
    batchSize = try values.decode(Int.self, forKey: .batchSize)
    learningRate = try values.decode(Float.self, forKey: .learningRate)
    momentum = try values.decode(Float.self, forKey: .momentum)
    weightDecay = try values.decode(Float.self, forKey: .weightDecay)
    schedule = try values.decode(LearningRateSchedule.self, forKey: .schedule)
    seed = try values.decode(UInt64.self, forKey: .seed)
    data = try values.decode(String.self, forKey: .data)
    trainImages = try values.decode(Int.self, forKey: .trainImages)
    testImages = try values.decode(Int.self, forKey: .testImages)
    window = try values.decode(Int.self, forKey: .window)
    link = LinkShaping(
      rate: try values.decodeIfPresent(Double.self, forKey: .linkRate),
      delay: try values.decodeIfPresent(Double.self, forKey: .linkDelay) ?? 0)
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(strategy, forKey: .strategy)
    try values.encode(network.architecture, forKey: .architecture)
    try values.encode(network.cut, forKey: .cut)
    try values.encode(network.exitHead, forKey: .exitHead)
    try values.encodeIfPresent(network.bottleneck, forKey: .bottleneck)
    try values.encode(activations.bits, forKey: .bits)
    try values.encode(activations.scale, forKey: .scale)
    try values.encode(activations.compression, forKey: .compression)
    try values.encode(epochs, forKey: .epochs)
    try values.encode(batchSize, forKey: .batchSize)
    try values.encode(learningRate, forKey: .learningRate)
    try values.encode(momentum, forKey: .momentum)
    try values.encode(weightDecay, forKey: .weightDecay)
    try values.encode(schedule, forKey: .schedule)
    try values.encode(seed, forKey: .seed)
    try values.encode(data, forKey: .data)
    try values.encode(trainImages, forKey: .trainImages)
    try values.encode(testImages, forKey: .testImages)
    try values.encode(window, forKey: .window)
    try values.encodeIfPresent(link.rate, forKey: .linkRate)
    if link.delay != 0 { try values.encode(link.delay, forKey: .linkDelay) }
  }
}

extension RunConfiguration {
  /// The longest frame of a batch, header included: count, labels, and the features in the worst case of compression.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package func largestFrameBytes() throws -> Int {
    let shape = try SplitNetwork(network).cutShape
    let encoded = activations.encodedByteCount(
      shape: ActivationShape(
        count: batchSize, height: shape.height, width: shape.width, channels: shape.channels))
    // zstd may add 1/256 and a little to what it cannot compress.
    return FrameHeader.byteCount + 4 + batchSize + encoded + encoded / 256 + 512
  }
}
