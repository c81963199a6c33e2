import NeuralNetwork
import Training

/// The cloud trains the whole network on images that go up once, before the first epoch; then the edge asks for one
/// step after the other.
final class UploadEdge: EdgeStrategy {
  private let images: ImageRecords

  init(_ images: ImageRecords) { self.images = images }

  var records: (any RecordStore)? { images }

  var parts: [TrainedPart] { [] }

  func prepare(_ run: EdgeRun) throws {
    if try run.followUpload(images) { try run.recorder.event("uploaded") }
  }

  func trainEpoch(_ run: EdgeRun) throws { try run.followTraining(images) }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    let report = try run.followEvaluation(images)
    return EpochOutcome(finalCorrect: report.finalCorrect, finalByClass: report.finalByClass)
  }
}
