import Datasets
import NeuralNetwork
import Training
import Transport

/// The whole network trains on images that the cloud keeps: it shuffles and augments as the edge would, and reports
/// each batch.
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
    try run.awaitUpload()
    try uploaded.checkComplete()
    try run.recorder.event("uploaded")
    images = try PreparedImages(train: uploaded.train, test: uploaded.test, run.configuration, timeline: run.timeline)
  }

  func trainEpoch(_ run: CloudRun) throws {
    let timeline = run.timeline
    try run.awaitEpochEnd()
    images?.train.startEpoch(run.state.epoch - 1)
    try run.training {
      while let batch = try run.waiting({ try images?.train.next() }) {
        let (result, gradient) = timeline.measure(.forward) { whole.loss(batch.images, labels: batch.labels) }
        timeline.measure(.backward) { _ = whole.backward(gradient) }
        timeline.measure(.update) { whole.update(run.scheduled) }
        try run.trained(batch, result)
        try report(batch, .training, result, run)
      }
    }
  }

  func evaluate(_ run: CloudRun) throws {
    images?.test.startEpoch(0)
    while let batch = try run.waiting({ try images?.test.next() }) {
      let result = run.timeline.measure(.forward) { whole.evaluate(batch.images, labels: batch.labels) }
      try run.tested(batch, result)
      try report(batch, .evaluation, result, run)
    }
  }

  /// - Throws: what the edge sent meanwhile, an interruption for example.
  private func report(
    _ batch: Datasets.Batch, _ stage: BatchReport.Stage, _ result: SoftmaxCrossEntropy.Result, _ run: CloudRun
  ) throws {
    try run.link.check()
    run.link.post(
      .batchReport(
        BatchReport(
          epoch: run.state.epoch, stage: stage, batch: batch.index + 1, loss: result.wireLoss, correct: result.correct))
    )
  }
}
