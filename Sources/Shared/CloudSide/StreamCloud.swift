import NeuralNetwork
import Training

/// The whole network trains on images that arrive in every epoch, augmented as the edge would have done it.
final class StreamCloud: CloudStrategy {
  private let whole: TrainedPart

  /// - Throws: `ShapeError`.
  init(_ network: LocalNetwork) throws { whole = try network.whole() }

  var parts: [TrainedPart] { [whole] }

  func trainEpoch(_ run: CloudRun) throws {
    let timeline = run.timeline
    while let batch = try run.nextTrainingBatch() {
      let (result, gradient) = timeline.measure(.forward) {
        whole.loss(batch.samples.images, labels: batch.samples.labels)
      }
      timeline.measure(.backward) { _ = whole.backward(gradient) }
      timeline.measure(.update) { whole.update(run.scheduled) }
      try run.trained(batch, result)
    }
  }

  func evaluate(_ run: CloudRun) throws { try run.evaluate(whole) }
}
