import Datasets
import NeuralNetwork
import Transport

/// Epochs over images that the cloud keeps: it shuffles and augments as the edge would, and reports each batch.
final class UploadedEpochs {
  private let uploaded: UploadedImages
  private let configuration: RunConfiguration
  private let work: WholeCloud
  private let inbox: CloudInbox
  private let timeline: Timeline?
  private var images: EdgeImages?

  init(
    _ uploaded: UploadedImages, _ configuration: RunConfiguration, _ work: WholeCloud, _ inbox: CloudInbox,
    timeline: Timeline?
  ) {
    self.timeline = timeline
    self.uploaded = uploaded
    self.configuration = configuration
    self.work = work
    self.inbox = inbox
  }

  /// Trains and evaluates once.
  ///
  /// - Parameters:
  ///   - epoch: from 1.
  ///   - run: takes each batch.
  /// - Throws: `WireError` if images are missing; what the edge sent meanwhile, an interruption for example; what `run`
  ///   throws.
  func run(_ epoch: Int, _ run: CloudRun) throws {
    let images = try self.images ?? prepareImages(run)
    run.clock.begin()
    images.train.startEpoch(epoch - 1)
    while let batch = try run.clock.waiting({ try images.train.next() }) {
      try report(batch, epoch, .training) { try run.train($0) }
    }
    run.clock.end()
    images.test.startEpoch(0)
    while let batch = try run.clock.waiting({ try images.test.next() }) {
      try report(batch, epoch, .evaluation) { try run.evaluate($0) }
    }
  }

  private func prepareImages(_ run: CloudRun) throws -> EdgeImages {
    try uploaded.checkComplete()
    try run.recorder.event("uploaded")
    let images = try EdgeImages(
      train: uploaded.train, test: uploaded.test, configuration, timeline: timeline)
    self.images = images
    return images
  }

  private func report(
    _ batch: Datasets.Batch, _ epoch: Int, _ stage: BatchReport.Stage,
    _ compute: (CloudInbox.Batch) throws -> SoftmaxCrossEntropy.Result
  ) throws {
    try inbox.check()
    let result = try compute(
      CloudInbox.Batch(
        sequence: 0, labels: Array(batch.labels), input: work.input(batch.images, count: batch.count)))
    let report = BatchReport(
      epoch: epoch, stage: stage, batch: batch.index + 1, loss: result.wireLoss, correct: result.correct)
    try inbox.send(.batchReport(report))
  }
}

extension SoftmaxCrossEntropy.Result {
  /// JSON holds no infinity; a loss that a Float cannot hold is only shown.
  var wireLoss: Float { Float(min(loss, Double(Float.greatestFiniteMagnitude))) }
}
