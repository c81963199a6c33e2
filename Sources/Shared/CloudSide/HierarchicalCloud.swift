import NeuralNetwork
import Training

/// The cloud's half of the method: the rest trains here on the final loss, from the features that arrive, and nothing
/// goes back but acknowledgements. The other half is `HierarchicalEdge`.
final class HierarchicalCloud: CloudStrategy {
  private let rest: TrainedPart

  /// - Throws: `ShapeError`.
  init(_ network: LocalNetwork) throws { rest = try network.rest() }

  var parts: [TrainedPart] { [rest] }

  func trainEpoch(_ run: CloudRun) throws {
    let timeline = run.timeline
    while let batch = try run.nextTrainingBatch() {
      let (result, gradient) = timeline.measure(.forward) {
        rest.loss(batch.samples.images, labels: batch.samples.labels)
      }
      timeline.measure(.backward) { _ = rest.backward(gradient) }
      timeline.measure(.update) { rest.update(run.scheduled) }
      try run.trained(batch, result)
    }
  }

  func evaluate(_ run: CloudRun) throws { try run.evaluate(rest) }
}
