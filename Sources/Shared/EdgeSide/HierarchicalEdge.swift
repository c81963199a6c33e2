import Compute
import Datasets
import Transport

/// The method itself: front and exit train here on the exit's loss, the features go to the cloud, and nothing comes
/// back.
final class HierarchicalEdge: EdgeStrategy {
  private let model: EdgeModel
  private let codec: ActivationCodec
  private let images: EdgeImages

  /// - Throws: `ShapeError`, `DatasetError`.
  init(_ configuration: RunConfiguration, _ images: EdgeImages, compute: ComputeSettings, timeline: Timeline?)
    throws
  {
    self.images = images
    model = try EdgeModel(configuration, compute: compute)
    model.timeline = timeline
    codec = ActivationCodec(format: configuration.activations)
  }

  func trainEpoch(_ epoch: Int, _ run: EdgeRun) throws {
    let loader = images.train
    loader.startEpoch(epoch - 1)
    while let batch = try run.clock.waiting({ try loader.next() }) {
      let values = run.values
      let features = model.forward(batch.images, count: batch.count, training: true)
      try run.send(features, batch.labels, codec) { .trainBatch($0) }
      let result = model.train(features, labels: batch.labels, values)
      try run.step(loss: result.loss, images: batch.count)
    }
    try run.endTraining()

    let exitCorrect = try evaluate(run)
    run.postEpochEnd(steps: run.configuration.stepsPerEpoch, exitCorrect: exitCorrect)
    let report = try run.awaitReport()
    try run.endEpoch(
      exitCorrect: exitCorrect, finalCorrect: report.finalCorrect, finalLoss: report.meanTrainingLoss,
      parts: [model.network.front, model.network.exit])
  }

  /// Sends the features of the test images.
  ///
  /// - Returns: how many of them the exit gets right.
  private func evaluate(_ run: EdgeRun) throws -> Int {
    var correct = 0
    images.test.startEpoch(0)
    while let batch = try run.clock.waiting({ try images.test.next() }) {
      let features = model.forward(batch.images, count: batch.count, training: false)
      try run.send(features, batch.labels, codec) { .evaluationBatch($0) }
      let result = model.evaluate(features, labels: batch.labels)
      guard result.loss.isFinite else {
        throw TrainingError.divergedInEvaluation(step: run.completedSteps, loss: result.loss)
      }
      correct += result.correct
    }
    _ = try run.clock.waiting { try run.cloud.awaitAcknowledgements() }
    return correct
  }
}
