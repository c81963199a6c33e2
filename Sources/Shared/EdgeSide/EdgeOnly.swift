import NeuralNetwork
import Training

/// The whole network on the edge, without a link.
final class EdgeOnly: EdgeStrategy {
  private let whole: TrainedPart
  private let images: PreparedImages

  /// - Throws: `ShapeError`, `ThreadError`.
  init(_ network: LocalNetwork, _ images: PreparedImages) throws {
    whole = try network.whole()
    self.images = images
  }

  var parts: [TrainedPart] { [whole] }

  func trainEpoch(_ run: EdgeRun) throws {
    let timeline = run.timeline
    images.train.startEpoch(run.state.epoch - 1, firstBatch: run.state.sums.steps)
    while let batch = try run.next(images.train) {
      let (result, gradient) = timeline.measure(.forward) { whole.loss(batch.images, labels: batch.labels) }
      timeline.measure(.backward) { _ = whole.backward(gradient) }
      timeline.measure(.update) { whole.update(run.scheduled) }
      try run.step(loss: result.loss, images: batch.count)
    }
  }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    images.test.startEpoch(0, firstBatch: run.state.sums.testBatches)
    while let batch = try run.next(images.test) {
      let result = run.timeline.measure(.forward) { whole.evaluate(batch.images, labels: batch.labels) }
      try run.tested(result, labels: batch.labels)
    }
    return EpochOutcome(finalCorrect: run.state.sums.correct, finalByClass: run.state.sums.byClass)
  }
}
