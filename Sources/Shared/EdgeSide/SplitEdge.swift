import Compute
import Datasets
import Transport

/// Split learning: the features of a batch go to the cloud, the gradient comes back, and only then the front trains.
final class SplitEdge: EdgeStrategy {
  private let model: FrontModel
  private let codec: ActivationCodec
  private let gradients = ActivationCodec(format: .exact)
  private let images: EdgeImages

  /// - Throws: `ShapeError`, `DatasetError`.
  init(_ configuration: RunConfiguration, _ images: EdgeImages, compute: ComputeSettings, timeline: Timeline?)
    throws
  {
    self.images = images
    model = try FrontModel(configuration, compute: compute)
    model.timeline = timeline
    codec = ActivationCodec(format: configuration.activations)
  }

  func trainEpoch(_ epoch: Int, _ run: EdgeRun) throws {
    let loader = images.train
    loader.startEpoch(epoch - 1)
    while let batch = try run.clock.waiting({ try loader.next() }) {
      let features = model.forward(batch.images, count: batch.count, training: true)
      try run.send(features, batch.labels, codec) { .trainBatch($0) }
      let shape = features.activationShape
      let gradient = try run.clock.waiting { try run.cloud.awaitGradient() }
      try model.train(count: batch.count, run.values) { tensor in
        // On the computing thread; the receiving one may be busy with the acknowledgement.
        try run.timeline.measure(.decode, on: .compute) { try decode(gradient, shape, into: tensor) }
      }
      let acknowledgements = try run.clock.waiting { try run.cloud.awaitAcknowledgements() }
      for acknowledgement in acknowledgements {
        try run.step(loss: Double(acknowledgement.loss), images: batch.count)
      }
    }
    try run.endTraining()

    images.test.startEpoch(0)
    while let batch = try run.clock.waiting({ try images.test.next() }) {
      let features = model.forward(batch.images, count: batch.count, training: false)
      try run.send(features, batch.labels, codec) { .evaluationBatch($0) }
    }
    _ = try run.clock.waiting { try run.cloud.awaitAcknowledgements() }
    run.postEpochEnd(steps: run.configuration.stepsPerEpoch)
    let report = try run.awaitReport()
    try run.endEpoch(exitCorrect: nil, finalCorrect: report.finalCorrect, parts: [model.network.front])
  }

  /// - Throws: `CodecError` if the cloud sent no gradient of these features.
  private func decode(_ gradient: Gradient, _ shape: ActivationShape, into tensor: Tensor) throws {
    let decoded = try gradient.encoded.withUnsafeBytes {
      try gradients.decode($0, expecting: shape, into: tensor.data, capacity: tensor.capacity)
    }
    guard decoded == shape else {
      throw WireError.payload(
        type: .gradient, field: "gradient", expected: "\(shape)", actual: "\(decoded)")
    }
  }
}
