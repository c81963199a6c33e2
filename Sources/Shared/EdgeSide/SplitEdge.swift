import Compute
import NeuralNetwork
import Training
import Transport

/// Split learning: the features of a batch go to the cloud, the gradient comes back, and only then the front trains.
final class SplitEdge: EdgeStrategy {
  private let front: TrainedPart
  private let images: PreparedImages
  private let codec: ActivationCodec
  private let gradients = ActivationCodec(format: .exact)

  /// - Throws: `ShapeError`, `ThreadError`.
  init(_ configuration: RunConfiguration, _ network: LocalNetwork, _ images: PreparedImages) throws {
    front = try network.front()
    self.images = images
    codec = ActivationCodec(format: configuration.activations)
  }

  var parts: [TrainedPart] { [front] }

  func trainEpoch(_ run: EdgeRun) throws {
    let timeline = run.timeline
    images.train.startEpoch(run.state.epoch - 1, firstBatch: run.state.sums.steps)
    while let batch = try run.next(images.train) {
      let features = timeline.measure(.forward) { front.forward(batch.images, training: true) }
      try run.send(features, batch.labels, codec) { .trainBatch($0) }
      let encoded = try run.awaitGradient()
      let gradient = front.gradient(features.shape, count: features.count)
      // On the computing thread; the receiving one may be busy with the acknowledgement.
      try timeline.measure(.decode, on: .compute) { try decode(encoded, into: gradient) }
      timeline.measure(.backward) { _ = front.backward(gradient) }
      timeline.measure(.update) { front.update(run.scheduled) }
      try run.step(loss: Double(run.awaitAcknowledgement().loss), images: batch.count)
    }
  }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    images.test.startEpoch(0)
    while let batch = try run.next(images.test) {
      let features = run.timeline.measure(.forward) { front.forward(batch.images, training: false) }
      try run.send(features, batch.labels, codec) { .evaluationBatch($0) }
    }
    try run.sendEpochEnd()
    let report = try run.awaitReport()
    return EpochOutcome(finalCorrect: report.finalCorrect, finalByClass: report.finalByClass)
  }

  /// - Throws: `CodecError`, `WireError` if the cloud sent no gradient of these features.
  private func decode(_ gradient: Gradient, into tensor: Tensor) throws {
    let shape = tensor.activationShape
    let decoded = try gradient.encoded.withUnsafeBytes {
      try gradients.decode($0, expecting: shape, into: tensor.data, capacity: tensor.capacity)
    }
    guard decoded == shape else {
      throw WireError.payload(type: .gradient, field: "gradient", expected: "\(shape)", actual: "\(decoded)")
    }
  }
}
