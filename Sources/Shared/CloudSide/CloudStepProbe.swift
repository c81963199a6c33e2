import Compute
import NeuralNetwork
import Platform
import Training
import Transport

/// Times the steps of a run in the cloud, on samples drawn at random: nothing of it is kept.
final class CloudStepProbe {
  /// Seconds of one step.
  private struct Times {
    let step: Double
    let gradient: Double?
  }

  private let configuration: RunConfiguration
  private let compute: ComputeSettings
  private let labels: [UInt16]
  private var random = SeededGenerator(seed: 0, stream: "probe")

  /// - Parameter configuration: one that the cloud serves; its learning rate does not matter.
  init(_ configuration: RunConfiguration, compute: ComputeSettings) {
    self.configuration = configuration
    self.compute = compute
    labels = (0..<min(configuration.batchSize, configuration.trainImages)).map {
      UInt16($0 % configuration.task.classes)
    }
  }

  /// - Parameters:
  ///   - steps: to be timed; fewer are if they take long.
  ///   - check: called before each step and in its middle, in next to no time; what it throws ends the measurement.
  /// - Throws: `ShapeError` if the configuration makes no network; what `check` throws.
  func run(steps: Int, check: () throws -> Void) throws -> ProbeReport {
    PeakMemory.reset()
    let samples: [Times] =
      switch configuration.strategy {
      case .hierarchical, .split: try timeRest(steps, check)
      case .cloudStream, .cloudUploadOnce, .edgeOnly: try timeWhole(steps, check)
      }
    let gradients = samples.compactMap(\.gradient)
    return ProbeReport(
      steps: samples.count, secondsPerStep: StepTiming.median(samples.map(\.step)),
      secondsToGradient: gradients.isEmpty ? nil : StepTiming.median(gradients), peakMemoryBytes: PeakMemory.bytes())
  }

  /// Small, so that training on noise does not diverge.
  private let values = LearningRateSchedule.constant.values(step: 0, of: 1, learningRate: 1e-4, momentum: 0.9)

  private func timeRest(_ steps: Int, _ check: () throws -> Void) throws -> [Times] {
    let network = try LocalNetwork(configuration, compute: compute)
    let rest = try network.rest()
    let features = Tensor(network.cutShape, count: labels.count)
    for index in 0..<features.values { features.data[index] = max(0, 2 * random.uniform() - 1) }
    let batch = try encoded(features)
    let decoder = FeatureDecoder(configuration, shape: network.cutShape)
    let gradientCodec = ActivationCodec(format: .exact)
    var gradientBytes: [UInt8] = []
    let isSplit = configuration.strategy == .split
    return try StepTiming.run(steps: steps) { _ in
      try check()
      let start = MonotonicClock.seconds()
      try decoder.decode(batch, .trainBatch, into: features)
      let gradient = rest.loss(features, labels: labels).gradient
      try check()
      var gradientEnd: Double?
      if let ofFeatures = rest.backward(gradient, needsInputGradient: isSplit) {
        gradientBytes.removeAll(keepingCapacity: true)
        try gradientCodec.encode(ofFeatures.data, shape: ofFeatures.activationShape, into: &gradientBytes)
        gradientEnd = MonotonicClock.seconds()
        ofFeatures.release()
      }
      rest.update(values)
      return Times(step: MonotonicClock.seconds() - start, gradient: gradientEnd.map { $0 - start })
    }
  }

  private func encoded(_ features: Tensor) throws -> EncodedBatch {
    var bytes: [UInt8] = []
    try ActivationCodec(format: configuration.activations).encode(
      features.data, shape: features.activationShape, into: &bytes)
    return EncodedBatch(sequence: 1, labels: labels, activations: bytes)
  }

  private func timeWhole(_ steps: Int, _ check: () throws -> Void) throws -> [Times] {
    let whole = try LocalNetwork(configuration, compute: compute).whole()
    let pixels = (0..<labels.count * configuration.task.imageBytes).map { _ in UInt8(truncatingIfNeeded: random.next())
    }
    let batch = EncodedBatch(sequence: 1, labels: labels, activations: pixels)
    let decoder = ImageDecoder(configuration)
    let images = Tensor(decoder.shape, count: labels.count)
    return try StepTiming.run(steps: steps) { _ in
      try check()
      let start = MonotonicClock.seconds()
      try decoder.decode(batch, .trainBatch, into: images)
      let gradient = whole.loss(images, labels: labels).gradient
      try check()
      whole.backward(gradient)
      whole.update(values)
      return Times(step: MonotonicClock.seconds() - start, gradient: nil)
    }
  }
}
