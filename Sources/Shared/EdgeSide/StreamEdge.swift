import NeuralNetwork
import Training

/// The cloud trains the whole network; every image goes up in every epoch, in the order in which it is trained on. The
/// edge has nothing to do but to log what the cloud answers.
final class StreamEdge: EdgeStrategy {
  private let images: ImageRecords

  init(_ images: ImageRecords) { self.images = images }

  var records: (any RecordStore)? { images }

  var parts: [TrainedPart] { [] }

  func trainEpoch(_ run: EdgeRun) throws { try run.followTraining(images) }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    let report = try run.followEvaluation(images)
    return EpochOutcome(finalCorrect: report.finalCorrect, finalByClass: report.finalByClass)
  }
}
