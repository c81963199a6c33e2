import Datasets
import NeuralNetwork
import Transport

/// Everything that decides what a run computes. The edge makes it, the cloud gets it with the hello, both write it to
/// their config.json; the same configuration and thread counts give the same weights, bit for bit.
package struct RunConfiguration: Equatable, Sendable {
  package var strategy = Defaults.strategy
  /// What the images are, as far as the network and both sides must know.
  package let task: ImageTask
  /// Takes the task's images and tells its classes apart.
  package var network: SplitNetwork.Configuration
  package var activations: ActivationFormat
  package var epochs = Defaults.epochs
  /// Images of a step; the last step of an epoch may have fewer.
  package var batchSize = Defaults.batchSize
  package var learningRate = Defaults.learningRate
  package var momentum = Defaults.momentum
  package var weightDecay = Defaults.weightDecay
  /// What every label gives to all classes alike, in the losses of training.
  package var labelSmoothing = Defaults.labelSmoothing
  package var schedule = Defaults.schedule
  package var seed = Defaults.seed
  /// Where the images come from, a `DatasetKind`. For the record; the cloud computes with what it is sent.
  package var data: String
  /// Images of an epoch.
  package var trainImages: Int
  package var testImages: Int
  /// Whether every class is drawn equally often in an epoch, see `ClassBalance`; else every image is drawn once.
  package var balancesClasses = false
  /// Batches that may be on their way without acknowledgement.
  package var window = Defaults.window
  /// What both sides do to what they send.
  package var link = LinkShaping.none
  /// Whether the front stays as it begins, running statistics included: with a strategy whose front has an exit.
  package var freezesFront = false
  /// Which weights both sides keep beside those of the last epoch.
  package var keptWeights = Defaults.keptWeights

  package init(
    task: ImageTask, network: SplitNetwork.Configuration, activations: ActivationFormat, data: String, trainImages: Int,
    testImages: Int
  ) {
    precondition(network.input == task.shape && network.classes == task.classes, "a network for \(task)")
    self.task = task
    self.network = network
    self.activations = activations
    self.data = data
    self.trainImages = trainImages
    self.testImages = testImages
  }

  /// Steps of an epoch.
  package var stepsPerEpoch: Int { (trainImages - 1) / batchSize + 1 }

  package var totalSteps: Int { epochs * stepsPerEpoch }

  /// Whether a run of another configuration can go on with this one: it is the same, but that there may be more epochs,
  /// if that changes nothing in the others.
  package func extends(_ other: RunConfiguration) -> Bool {
    var same = self
    same.epochs = other.epochs
    return same == other && (epochs == other.epochs || epochs > other.epochs && !schedule.dependsOnLength)
  }

  /// Learning rate and momentum of a step, counted from 0 over the whole run.
  package func scheduled(step: Int) -> LearningRateSchedule.Values {
    schedule.values(step: step, of: totalSteps, learningRate: learningRate, momentum: momentum)
  }
}

/// The epochs whose weights outlive the next one.
package enum KeptWeights: String, Codable, CaseIterable, Sendable {
  /// None but the last.
  case last
  /// That of the best accuracy so far, of the whole network.
  case best
  case every
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
    guard !freezesFront || strategy.hasExit else {
      throw ConfigurationError(
        "a frozen front does not go with strategy \(strategy.rawValue): only with hierarchical the rest is trained without it"
      )
    }
    func require(_ holds: Bool, _ setting: String, _ value: Any, _ allowed: String) throws(ConfigurationError) {
      guard holds else { throw ConfigurationError("\(setting) \(value) is out of range: \(allowed)") }
    }
    let (shape, sides) = (task.shape, 1...256)
    try require(
      sides.contains(shape.height) && sides.contains(shape.width) && (1...4).contains(shape.channels),
      "shape of an image", shape, "1x1x1 to 256x256x4")
    try require(
      ImageTask.classCounts.contains(task.classes), "number of classes", task.classes, "2 to 65535")
    try require(
      task.classNames.isEmpty || task.classNames.count == task.classes, "number of class names",
      task.classNames.count, "\(task.classes), or none")
    if let name = task.classNames.first(where: { !ImageTask.classNameBytes.contains($0.utf8.count) }) {
      try require(
        false, "length of a class's name", name.utf8.count, "1 to \(ImageTask.classNameBytes.upperBound) bytes")
    }
    try require(
      task.mean.count == shape.channels && task.mean.allSatisfy(\.isFinite), "mean", task.mean,
      "a number for each of \(shape.channels) channels")
    try require(
      task.deviation.count == shape.channels && task.deviation.allSatisfy { $0 > 0 && $0.isFinite }, "deviation",
      task.deviation, "a positive number for each of \(shape.channels) channels")
    try require((1...100_000).contains(epochs), "epochs", epochs, "1 to 100000")
    try require(
      (1...Self.maximumBatchSize).contains(batchSize), "batch size", batchSize, "1 to \(Self.maximumBatchSize)")
    try require(learningRate > 0 && learningRate <= 1000, "learning rate", learningRate, "more than 0, at most 1000")
    try require(momentum >= 0 && momentum < 1, "momentum", momentum, "0 to less than 1")
    if schedule == .oneCycle && momentum != 0 {
      try require(
        (0.05..<0.95).contains(momentum), "momentum", momentum,
        "one-cycle moves it by 0.05 to either side, so 0, or 0.05 to less than 0.95")
    }
    try require(weightDecay >= 0 && weightDecay <= 1, "weight decay", weightDecay, "0 to 1")
    try require(labelSmoothing >= 0 && labelSmoothing < 1, "label smoothing", labelSmoothing, "0 to less than 1")
    try require((1...100_000_000).contains(trainImages), "number of training images", trainImages, "1 to 100000000")
    try require((1...100_000_000).contains(testImages), "number of test images", testImages, "1 to 100000000")
    try require((1...Hello.maximumWindow).contains(window), "window", window, "1 to \(Hello.maximumWindow)")
    if let rate = link.rate {
      try require(LinkShaping.rates.contains(rate), "link rate", rate, "1000 to 100000000000 bit/s")
    }
    try require(LinkShaping.delays.contains(link.delay), "link delay", link.delay, "0 to 10 seconds")
  }
}

extension RunConfiguration {
  /// The longest frame of a batch, header included: features in the worst case of compression, gradients, or images,
  /// with what is before them.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package func largestFrameBytes() throws -> Int {
    let network = try SplitNetwork(network)
    let head = EncodedBatch.frameByteCount(labels: batchSize, content: 0)
    guard strategy.isCut else { return head + batchSize * task.imageBytes }
    let features = ActivationShape(network.cutShape, count: batchSize)
    let encoded = activations.encodedByteCount(shape: features)
    // zstd may add 1/256 and a little to what it cannot compress.
    let largest = head + encoded + encoded / 256 + 512
    guard strategy == .split else { return largest }
    return max(largest, FrameHeader.byteCount + ActivationFormat.exact.encodedByteCount(shape: features))
  }

  /// Bytes of all images with their labels, as `cloud-upload-once` stores them in the cloud.
  package var uploadedBytes: Int { (trainImages + testImages) * (2 + task.imageBytes) }
}
