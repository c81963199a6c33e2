import NeuralNetwork
import Training
import Transport

/// The method itself: front and exit train here on the exit's loss, the features go to the cloud, and nothing comes
/// back, so that nothing is waited for. The other half is `HierarchicalCloud`.
final class HierarchicalEdge: EdgeStrategy {
  private let front: TrainedPart
  private let exit: TrainedPart
  private let images: PreparedImages
  private let codec: ActivationCodec

  /// - Throws: `ShapeError`, `ThreadError`.
  init(_ configuration: RunConfiguration, _ network: LocalNetwork, _ images: PreparedImages) throws {
    front = try network.front()
    exit = try network.exit()
    self.images = images
    codec = ActivationCodec(format: configuration.activations)
  }

  var parts: [TrainedPart] { [front, exit] }

  func trainEpoch(_ run: EdgeRun) throws {
    let timeline = run.timeline
    images.train.startEpoch(run.state.epoch - 1, firstBatch: run.state.sums.steps)
    while let batch = try run.next(images.train) {
      let features = timeline.measure(.forward) { front.forward(batch.images, training: true) }
      try run.send(features, batch.labels, codec) { .trainBatch($0) }
      let (result, gradient) = timeline.measure(.exit) { exit.loss(features, labels: batch.labels) }
      timeline.measure(.backward) {
        if let gradient = exit.backward(gradient, needsInputGradient: !front.isFrozen) { front.backward(gradient) }
      }
      timeline.measure(.update) {
        front.update(run.scheduled)
        exit.update(run.scheduled)
      }
      try run.step(loss: result.loss, images: batch.count)
      try run.takeReports()
    }
  }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    let timeline = run.timeline
    images.test.startEpoch(0, firstBatch: run.state.sums.testBatches)
    while let batch = try run.next(images.test) {
      let features = timeline.measure(.forward) { front.forward(batch.images, training: false) }
      try run.send(features, batch.labels, codec) { .evaluationBatch($0) }
      let result = timeline.measure(.exit) { exit.evaluate(features, labels: batch.labels) }
      try run.tested(result, labels: batch.labels)
    }
    let exitCorrect = run.state.sums.correct
    try run.sendEpochEnd(exitCorrect: exitCorrect)
    return EpochOutcome(exitCorrect: exitCorrect)
  }
}
