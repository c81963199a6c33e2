import Datasets
import Transport

/// The cloud trains the whole network on images that go up once, before the first epoch.
final class UploadEdge: EdgeStrategy {
  private let train: ImageSender
  private let test: ImageSender

  init(train: any LabeledImages, test: any LabeledImages) {
    self.train = ImageSender(images: train)
    self.test = ImageSender(images: test)
  }

  func prepare(_ run: EdgeRun) throws {
    try train.sendAll(run) { .trainImages($0) }
    try test.sendAll(run) { .testImages($0) }
    _ = try run.clock.waiting { try run.cloud.awaitAcknowledgements() }
    try run.recorder.event("uploaded")
  }

  func trainEpoch(_ epoch: Int, _ run: EdgeRun) throws {
    run.postEpochEnd(steps: 0)
    let steps = run.configuration.stepsPerEpoch
    var done = 0
    while let report = try run.clock.waiting({ try run.cloud.awaitBatchReport() }) {
      guard report.stage == .training else {
        run.clock.end()
        continue
      }
      done = report.batch
      guard done <= steps else { throw Self.wrongNumber(done, steps) }
      try run.step(loss: Double(report.loss), images: run.imageCount(ofStep: done - 1))
    }
    run.clock.end()
    guard done == steps else { throw Self.wrongNumber(done, steps) }
    let report = try run.awaitReport()
    try run.endEpoch(exitCorrect: nil, finalCorrect: report.finalCorrect, parts: [])
  }

  private static func wrongNumber(_ done: Int, _ steps: Int) -> WireError {
    .order(expected: "\(steps) batches of training in an epoch", actual: "\(done)")
  }
}
