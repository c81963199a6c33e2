import Compute
import Datasets

/// The whole network on the edge, without a link.
final class EdgeOnly: EdgeStrategy {
  private let model: WholeModel
  private let images: EdgeImages

  /// - Throws: `ShapeError`, `DatasetError`.
  init(_ configuration: RunConfiguration, _ images: EdgeImages, compute: ComputeSettings, timeline: Timeline?)
    throws
  {
    self.images = images
    model = try WholeModel(configuration, compute: compute)
    model.timeline = timeline
  }

  func trainEpoch(_ epoch: Int, _ run: EdgeRun) throws {
    let loader = images.train
    loader.startEpoch(epoch - 1)
    while let batch = try run.clock.waiting({ try loader.next() }) {
      try run.checkInterruption()
      let input = model.input(batch.images, count: batch.count)
      let result = model.train(input, labels: batch.labels, run.values)
      try run.step(loss: result.loss, images: batch.count)
    }
    run.clock.end()
    try run.endEpoch(exitCorrect: nil, finalCorrect: evaluate(run), parts: [model.network])
  }

  /// - Returns: how many of the test images the network gets right.
  private func evaluate(_ run: EdgeRun) throws -> Int {
    var correct = 0
    images.test.startEpoch(0)
    while let batch = try run.clock.waiting({ try images.test.next() }) {
      try run.checkInterruption()
      let input = model.input(batch.images, count: batch.count)
      let result = model.evaluate(input, labels: batch.labels)
      guard result.loss.isFinite else {
        throw TrainingError.divergedInEvaluation(step: run.completedSteps, loss: result.loss)
      }
      correct += result.correct
    }
    return correct
  }
}
