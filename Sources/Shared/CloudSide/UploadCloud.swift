import Datasets
import NeuralNetwork
import Training
import Transport

/// The whole network trains on images that the cloud keeps: it shuffles and augments as the edge would, a batch for
/// each step that the edge asks for.
final class UploadCloud: CloudStrategy {
  private let whole: TrainedPart
  private let uploaded: UploadedImages
  private var images: PreparedImages?

  /// - Throws: `ShapeError`.
  init(_ network: LocalNetwork, _ uploaded: UploadedImages) throws {
    whole = try network.whole()
    self.uploaded = uploaded
  }

  var parts: [TrainedPart] { [whole] }

  func prepare(_ run: CloudRun) throws {
    if try run.awaitUpload() { try run.recorder.event("uploaded") }
    try uploaded.checkComplete()
    images = try PreparedImages(train: uploaded.train, test: uploaded.test, run.configuration, timeline: run.timeline)
  }

  func trainEpoch(_ run: CloudRun) throws {
    let timeline = run.timeline
    images?.train.startEpoch(run.state.epoch - 1, firstBatch: run.state.sums.steps)
    while let step = try run.nextTrainingStep() {
      let batch = try next(images?.train, run)
      let (result, gradient) = timeline.measure(.forward) { whole.loss(batch.images, labels: batch.labels) }
      timeline.measure(.backward) { _ = whole.backward(gradient) }
      timeline.measure(.update) { whole.update(run.scheduled) }
      try run.trained(step, batch, result)
    }
  }

  func evaluate(_ run: CloudRun) throws {
    images?.test.startEpoch(0, firstBatch: run.state.sums.testBatches)
    while let step = try run.nextTestStep() {
      let batch = try next(images?.test, run)
      let result = run.timeline.measure(.forward) { whole.evaluate(batch.images, labels: batch.labels) }
      try run.tested(step, batch, result)
    }
  }

  private func next(_ loader: BatchLoader?, _ run: CloudRun) throws -> Batch {
    guard let batch = try run.waiting({ try loader?.next() }) else {
      throw WireError.order(
        expected: "\(loader?.batchCount ?? 0) steps of a kind in an epoch", actual: "one more")
    }
    return batch
  }
}
