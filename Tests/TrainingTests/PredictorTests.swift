import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import Platform
@testable import Training
@testable import Transport

/// Predictions from files against the models that wrote the files.
@Suite struct PredictorTests {
  private static let images = SyntheticImages(split: .test, count: 6, seed: 3, task: .cifar10)

  /// Both models after one step, their files in `base`, and the logits that they give themselves for the test images in
  /// batches of 4, the features sent through encoder and decoder.
  private func train(
    _ configuration: RunConfiguration, in base: String
  ) throws -> (exit: [Float], final: [Float], features: [Float], labels: [UInt16]) {
    let compute = ComputeSettings(threads: 1)
    let edge = try LocalNetwork(configuration, compute: compute)
    let (front, exit) = (try edge.front(), try edge.exit())
    let rest = try LocalNetwork(configuration, compute: compute).rest()
    let values = configuration.scheduled(step: 0)
    let train = SyntheticImages(split: .train, count: 8, seed: 3, task: .cifar10)
    let (images, labels) = try BatchPreparer.training(train, batchSize: 8, seed: 3).preparedTensor(
      0, epoch: 0)
    let features = front.forward(images, training: true)
    rest.backward(rest.loss(features, labels: labels).gradient)
    if let gradient = exit.backward(exit.loss(features, labels: labels).gradient, needsInputGradient: true) {
      front.backward(gradient)
    }
    for part in [front, exit, rest] { part.update(values) }
    try WeightsFile.write(
      [front.layers, exit.layers], configuration, role: .edge, epoch: 1, step: 1, to: base + "/edge")
    try WeightsFile.write([rest.layers], configuration, role: .cloud, epoch: 1, step: 1, to: base + "/cloud")

    let codec = ActivationCodec(format: configuration.activations)
    var result: (exit: [Float], final: [Float], features: [Float], labels: [UInt16]) = ([], [], [], [])
    for index in 0..<2 {
      let (images, labels) = try BatchPreparer.evaluation(Self.images, batchSize: 4).preparedTensor(
        index, epoch: 0)
      let features = front.forward(images, training: false)
      var bytes: [UInt8] = []
      try codec.encode(features.data, shape: features.activationShape, into: &bytes)
      let received = Tensor(features.shape, count: features.count)
      _ = try bytes.withUnsafeBytes {
        try codec.decode(
          $0, expecting: features.activationShape, into: received.data, capacity: received.capacity)
      }
      result.exit += exit.forward(features, training: false).buffer
      result.final += rest.forward(received, training: false).buffer
      result.features += features.buffer
      result.labels += labels
    }
    return result
  }

  @Test(arguments: [(bits: 4, scale: ScaleGranularity.tensor), (2, .channel), (32, .tensor)])
  func logitsAreThoseOfTheModelsThatWroteTheFiles(bits: Int, scale: ScaleGranularity) throws {
    var configuration = try WeightsFileTests.configuration(cut: 2, exitHead: .conv, bottleneck: 6)
    configuration.activations = try ActivationFormat(bits: bits, scale: scale, compression: .zstd)
    configuration.batchSize = 8
    try withTemporaryDirectory { base in
      let expected = try train(configuration, in: base)
      let predictor = try Predictor(
        edge: base + "/edge", cloud: base + "/cloud", batchSize: 4, compute: ComputeSettings(threads: 1))
      let asTheRun = try Predictor(
        edge: base + "/edge", cloud: base + "/cloud", batchSize: nil, compute: ComputeSettings(threads: 1))
      #expect((predictor.batchSize, asTheRun.batchSize) == (4, 8))
      #expect(predictor.metadata.configuration == configuration)
      // Twice: the second time does not start from what the first left behind.
      for _ in 0..<2 {
        let predictions = try predictor.predict(
          Self.images, keepingFeatures: true, interruption: Interruption())
        #expect(predictions.labels == expected.labels)
        #expect(predictions.features?.shape == FeatureShape(height: 8, width: 8, channels: 6))
        #expect(predictions.features?.values.map(\.bitPattern) == expected.features.map(\.bitPattern))
        #expect(predictions.exitLogits?.map(\.bitPattern) == expected.exit.map(\.bitPattern))
        #expect(predictions.finalLogits?.map(\.bitPattern) == expected.final.map(\.bitPattern))
      }
      let exitOnly = try Predictor(
        edge: base + "/edge", cloud: nil, batchSize: 4, compute: ComputeSettings(threads: 1)
      )
      .predict(Self.images, interruption: Interruption())
      #expect(exitOnly.exitLogits?.map(\.bitPattern) == expected.exit.map(\.bitPattern))
      #expect(
        exitOnly.features == nil && exitOnly.finalLogits == nil && exitOnly.finalAccuracy == nil
          && exitOnly.agreement == nil)
    }
  }

  @Test func filesOfDifferentRunsOrEpochsAreRefused() throws {
    let configuration = try WeightsFileTests.configuration()
    let network = try WeightsFileTests.filledNetwork(configuration)
    var other = configuration
    other.seed = 5
    try withTemporaryDirectory { base in
      let (edge, cloud) = (base + "/edge", base + "/cloud")
      try WeightsFile.write(
        [network.front, network.exit], configuration, role: .edge, epoch: 2, step: 4, to: edge)
      func expect(_ setting: String, _ expected: String, _ actual: String) {
        #expect(
          throws: WeightsFileError.otherConfiguration(
            path: cloud, setting: setting, expected: expected, actual: actual)
        ) { try Predictor(edge: edge, cloud: cloud, batchSize: 1, compute: ComputeSettings(threads: 1)) }
      }
      try WeightsFile.write([network.rest], other, role: .cloud, epoch: 2, step: 4, to: cloud)
      expect("seed", "18446744073709551615", "5")
      try WeightsFile.write([network.rest], configuration, role: .cloud, epoch: 3, step: 4, to: cloud)
      expect("epoch", "2", "3")
      try WeightsFile.write([network.rest], configuration, role: .cloud, epoch: 2, step: 5, to: cloud)
      expect("step", "4", "5")
      #expect(throws: WeightsFileError.metadata(path: cloud, field: "role", expected: "edge", actual: "cloud")) {
        try Predictor(edge: cloud, cloud: nil, batchSize: 1, compute: ComputeSettings(threads: 1))
      }
    }
  }

  @Test func networkThatCannotBeBuiltIsRefused() throws {
    let network = try WeightsFileTests.filledNetwork(WeightsFileTests.configuration())
    let impossible = try WeightsFileTests.configuration(cut: 4)
    try withTemporaryDirectory { base in
      let edge = base + "/edge"
      try WeightsFile.write([network.front], impossible, role: .edge, epoch: 1, step: 1, to: edge)
      #expect(
        throws: WeightsFileError.metadata(
          path: edge, field: "configuration", expected: "a network that can be built",
          actual: "cut 4 is out of range: vgg8 can be cut after block 1 to 3")
      ) { try Predictor(edge: edge, cloud: nil, batchSize: 1, compute: ComputeSettings(threads: 1)) }
    }
  }

  @Test func imagesOfAnotherTaskAreRefused() throws {
    let configuration = try WeightsFileTests.configuration()
    let network = try WeightsFileTests.filledNetwork(configuration)
    try withTemporaryDirectory { base in
      try WeightsFile.write(
        [network.front, network.exit], configuration, role: .edge, epoch: 1, step: 1, to: base + "/edge")
      let predictor = try Predictor(
        edge: base + "/edge", cloud: nil, batchSize: 2, compute: ComputeSettings(threads: 1))
      let error = #expect(throws: ConfigurationError.self) {
        try predictor.predict(PatternImages(.small, count: 1), interruption: Interruption())
      }
      #expect(error?.description.contains("for images of 32x32x3, ") == true)
      #expect(error?.description.contains("these are of 16x24x1") == true)
    }
  }

  @Test func interruptionEndsPrediction() throws {
    let configuration = try WeightsFileTests.configuration()
    let network = try WeightsFileTests.filledNetwork(configuration)
    try withTemporaryDirectory { base in
      try WeightsFile.write(
        [network.front, network.exit], configuration, role: .edge, epoch: 1, step: 1, to: base + "/edge")
      let predictor = try Predictor(
        edge: base + "/edge", cloud: nil, batchSize: 2, compute: ComputeSettings(threads: 1))
      let interruption = Interruption()
      interruption.request()
      #expect(throws: InterruptedError.self) {
        try predictor.predict(Self.images, interruption: interruption)
      }
    }
  }

  @Test func accuraciesCountTheFirstOfEqualLogits() throws {
    /// One-hot logits of these classes.
    func logits(_ classes: [Int]) -> [Float] {
      classes.flatMap { target in (0..<10).map { $0 == target ? 1 : 0 } }
    }
    var predictions = Predictions(classes: 10, withFinal: true)
    predictions.labels = [3, 0, 9, 5]
    predictions.exitLogits = logits([3, 1, 9, 4])
    predictions.finalLogits = logits([3, 1, 2]) + [Float](repeating: -1, count: 10)
    #expect(predictions.labels(predictions.finalLogits ?? []) == [3, 1, 2, 0])
    #expect(predictions.exitAccuracy == 0.5)
    #expect(predictions.finalAccuracy == 0.25)
    #expect(predictions.agreement == 0.5)
  }
}
