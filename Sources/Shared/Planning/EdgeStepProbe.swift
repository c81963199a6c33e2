import Compute
import Datasets
import Platform
import Training
import Transport

/// Times the steps of a run on the edge, on its own images: nothing of it is kept.
final class EdgeStepProbe {
  /// Seconds of one step.
  private struct Times {
    let forward: Double
    let backward: Double
  }

  private let configuration: RunConfiguration
  private let formats: [ActivationFormat]
  private let train: any LabeledImages
  private let test: any LabeledImages
  private let compute: ComputeSettings
  /// Images of a batch.
  private let count: Int

  /// - Parameters:
  ///   - configuration: of the run.
  ///   - formats: in which features may travel.
  ///   - train: `configuration.trainImages` of them.
  ///   - test: likewise.
  init(
    _ configuration: RunConfiguration, formats: [ActivationFormat], train: any LabeledImages, test: any LabeledImages,
    compute: ComputeSettings
  ) {
    self.configuration = configuration
    self.formats = formats
    self.train = train
    self.test = test
    self.compute = compute
    count = min(configuration.batchSize, configuration.trainImages)
  }

  /// - Parameters:
  ///   - steps: to be timed; fewer are if they take long.
  ///   - check: called before each step; what it throws ends the measurement.
  /// - Throws: `ShapeError` if the configuration makes no network, `DatasetError`, `CodecError` for features that are
  ///   not finite, what `check` throws.
  func run(steps: Int, check: () throws -> Void) throws -> EdgeTimes {
    PeakMemory.trim()
    PeakMemory.reset()
    var times: EdgeTimes
    switch configuration.strategy {
    case .hierarchical: times = try timeEdge(steps, check)
    case .split: times = try timeFront(steps, check)
    case .edgeOnly: times = try timeWhole(steps, check)
    case .cloudStream, .cloudUploadOnce: times = try timeImages(steps, check)
    }
    times.peakMemoryBytes = PeakMemory.bytes()
    return times
  }

  // MARK: One strategy each

  private func timeEdge(_ steps: Int, _ check: () throws -> Void) throws -> EdgeTimes {
    let network = try LocalNetwork(configuration, compute: compute)
    let (front, exit) = (try network.front(), try network.exit())
    return try timeSteps(steps, check) { batch, step, start in
      let features = front.forward(batch.images, training: true)
      let middle = MonotonicClock.seconds()
      let (_, gradient) = exit.loss(features, labels: batch.labels)
      if let gradient = exit.backward(gradient, needsInputGradient: true) { front.backward(gradient) }
      front.update(configuration.scheduled(step: step))
      exit.update(configuration.scheduled(step: step))
      return (Times(forward: middle - start, backward: MonotonicClock.seconds() - middle), features)
    }
  }

  private func timeFront(_ steps: Int, _ check: () throws -> Void) throws -> EdgeTimes {
    let network = try LocalNetwork(configuration, compute: compute)
    let front = try network.front()
    let gradients = ActivationCodec(format: .exact)
    let gradientShape = ActivationShape(network.cutShape, count: count)
    // Small, so that training on noise does not diverge.
    var random = SeededGenerator(seed: 0, stream: "probe")
    let values = (0..<gradientShape.valueCount).map { _ in 1e-6 * (random.uniform() - 0.5) }
    var bytes: [UInt8] = []
    try gradients.encode(values, shape: gradientShape, into: &bytes)
    return try timeSteps(steps, check) { batch, step, start in
      let features = front.forward(batch.images, training: true)
      let middle = MonotonicClock.seconds()
      let gradient = front.gradient(network.cutShape, count: batch.count)
      _ = try bytes.withUnsafeBytes {
        try gradients.decode($0, expecting: gradientShape, into: gradient.data, capacity: gradient.capacity)
      }
      front.backward(gradient)
      front.update(configuration.scheduled(step: step))
      return (Times(forward: middle - start, backward: MonotonicClock.seconds() - middle), features)
    }
  }

  private func timeWhole(_ steps: Int, _ check: () throws -> Void) throws -> EdgeTimes {
    let whole = try LocalNetwork(configuration, compute: compute).whole()
    return try timeSteps(steps, check) { batch, step, start in
      whole.backward(whole.loss(batch.images, labels: batch.labels).gradient)
      whole.update(configuration.scheduled(step: step))
      return (Times(forward: MonotonicClock.seconds() - start, backward: 0), nil)
    }
  }

  /// Of images nothing is computed here: they are read and sent.
  private func timeImages(_ steps: Int, _ check: () throws -> Void) throws -> EdgeTimes {
    let size = configuration.task.imageBytes
    let sampler = try configuration.trainingSampler(of: train)
    let indices = sampler.indices(epoch: 0)[sampler.positions(ofBatch: 0)]
    var pixels = [UInt8](repeating: 0, count: count * size)
    let samples = try StepTiming.run(steps: steps) { _ in
      try check()
      let start = MonotonicClock.seconds()
      try pixels.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        for (place, index) in indices.enumerated() { try train.copyPixels(of: Int(index), into: base + place * size) }
      }
      return MonotonicClock.seconds() - start
    }
    let frame = EncodedBatch.frameByteCount(labels: count, content: count * size)
    return EdgeTimes(
      forwardSeconds: StepTiming.median(samples), backwardSeconds: 0,
      encodings: [EdgeTimes.Encoding(bits: nil, seconds: 0, frameBytes: frame)])
  }

  // MARK: What they share

  /// Times steps on batches that a thread of its own prepares, as in a run, and then the encoding of the last features.
  ///
  /// - Parameter step: gets a batch of full size, the number of the step, and when the wait for the batch began.
  private func timeSteps(
    _ steps: Int, _ check: () throws -> Void,
    _ step: (Datasets.Batch, Int, Double) throws -> (times: Times, features: Tensor?)
  ) throws -> EdgeTimes {
    let images = try PreparedImages(train: train, test: test, configuration, timeline: nil)
    images.train.startEpoch(0)
    var epoch = 0
    var features: Tensor?
    let samples = try StepTiming.run(steps: steps) { number in
      try check()
      var start = MonotonicClock.seconds()
      while true {
        guard let batch = try images.train.next() else {
          epoch += 1
          images.train.startEpoch(epoch)
          start = MonotonicClock.seconds()
          continue
        }
        guard batch.count == count else { continue }
        let done = try step(batch, min(number, configuration.totalSteps - 1), start)
        features = done.features
        return done.times
      }
    }
    return EdgeTimes(
      forwardSeconds: StepTiming.median(samples.map(\.forward)),
      backwardSeconds: StepTiming.median(samples.map(\.backward)), encodings: try features.map(timeEncodings) ?? [])
  }

  private func timeEncodings(_ features: Tensor) throws -> [EdgeTimes.Encoding] {
    try formats.map { format in
      let codec = ActivationCodec(format: format)
      var bytes: [UInt8] = []
      let samples = try StepTiming.run(steps: 3) { _ in
        bytes.removeAll(keepingCapacity: true)
        let start = MonotonicClock.seconds()
        try codec.encode(features.data, shape: features.activationShape, into: &bytes)
        return MonotonicClock.seconds() - start
      }
      return EdgeTimes.Encoding(
        bits: format.bits, seconds: StepTiming.median(samples),
        frameBytes: EncodedBatch.frameByteCount(labels: features.count, content: bytes.count))
    }
  }
}
