import Datasets
import NeuralNetwork
import Transport

/// The cloud trains the whole network on images that go up once, before the first epoch.
final class UploadEdge: EdgeStrategy {
  private let train: ImageSender
  private let test: ImageSender

  init(train: any LabeledImages, test: any LabeledImages) {
    self.train = ImageSender(images: train)
    self.test = ImageSender(images: test)
  }

  var parts: [TrainedPart] { [] }

  func prepare(_ run: EdgeRun) throws {
    try train.sendAll(run) { .trainImages($0) }
    try test.sendAll(run) { .testImages($0) }
    try run.awaitAcknowledgements()
    try run.recorder.event("uploaded")
  }

  func trainEpoch(_ run: EdgeRun) throws {
    run.postEpochEnd(steps: 0)
    for step in 1...run.configuration.stepsPerEpoch {
      let report = try run.waiting { try run.cloud.awaitBatchReport() }
      guard let report, report.stage == .training, report.batch == step else {
        throw wrongNumber(run, done: report?.stage == .training ? report?.batch ?? step : step - 1)
      }
      try run.step(loss: Double(report.loss), images: run.imageCount(ofStep: step - 1))
    }
  }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    while let report = try run.waiting({ try run.cloud.awaitBatchReport() }) {
      guard report.stage == .evaluation else { throw wrongNumber(run, done: report.batch) }
    }
    return EpochOutcome(finalCorrect: try run.awaitReport().finalCorrect)
  }

  private func wrongNumber(_ run: EdgeRun, done: Int) -> WireError {
    .order(expected: "\(run.configuration.stepsPerEpoch) batches of training in an epoch", actual: "\(done)")
  }
}
