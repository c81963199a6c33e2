import Compute
import NeuralNetwork
import Training
import Transport

/// Split learning: the rest trains on features, and sends back the gradient with respect to them before it changes.
final class SplitCloud: CloudStrategy {
  private let rest: TrainedPart
  private let codec = ActivationCodec(format: .exact)

  /// - Throws: `ShapeError`.
  init(_ network: LocalNetwork) throws { rest = try network.rest() }

  var parts: [TrainedPart] { [rest] }

  func trainEpoch(_ run: CloudRun) throws {
    let timeline = run.timeline
    while let batch = try run.nextTrainingBatch() {
      let (result, gradient) = timeline.measure(.forward) {
        rest.loss(batch.samples.images, labels: batch.samples.labels)
      }
      let ofFeatures = timeline.measure(.backward) { rest.backward(gradient, needsInputGradient: true) }
      try run.checkFinite(result)
      if let ofFeatures {
        try send(ofFeatures, of: batch, run)
        ofFeatures.release()
      }
      timeline.measure(.update) { rest.update(run.scheduled) }
      try run.trained(batch, result)
    }
  }

  private func send(_ gradient: Tensor, of batch: ReceivedBatch, _ run: CloudRun) throws {
    var bytes: [UInt8] = []
    do {
      try run.timeline.measure(.encode) {
        try codec.encode(gradient.data, shape: gradient.activationShape, into: &bytes)
      }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteGradient(step: run.state.completedSteps + 1, reason: "\(error)")
    }
    run.send(Gradient(sequence: batch.sequence, encoded: bytes), gradient.activationShape)
  }

  func evaluate(_ run: CloudRun) throws { try run.evaluate(rest) }
}
