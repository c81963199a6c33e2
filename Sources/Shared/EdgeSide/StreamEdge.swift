import Datasets
import DequeModule
import NeuralNetwork
import Training
import Transport

/// The cloud trains the whole network; every image goes up in every epoch, in the order in which it is trained on.
final class StreamEdge: EdgeStrategy {
  private let train: ImageSender
  private let test: ImageSender
  private let sampler: EpochSampler

  init(_ configuration: RunConfiguration, train: any LabeledImages, test: any LabeledImages) {
    self.train = ImageSender(images: train)
    self.test = ImageSender(images: test)
    sampler = EpochSampler(
      count: train.count, batchSize: configuration.batchSize, order: .shuffled, seed: configuration.seed)
  }

  var parts: [TrainedPart] { [] }

  func trainEpoch(_ run: EdgeRun) throws {
    let indices = sampler.indices(epoch: run.state.epoch - 1)
    var underWay: Deque<(sequence: UInt64, images: Int)> = []
    /// Logs the steps that the cloud has done, with its losses; an acknowledgement may be of several.
    func log(_ acknowledgements: [Acknowledgement]) throws {
      for acknowledgement in acknowledgements {
        while let step = underWay.first, step.sequence <= acknowledgement.sequence {
          underWay.removeFirst()
          try run.step(loss: Double(acknowledgement.loss), images: step.images)
        }
      }
    }
    for index in 0..<sampler.batchCount {
      let batch = indices[sampler.positions(ofBatch: index)].map { Int($0) }
      let sequence = try train.send(batch, run) { .trainBatch($0) }
      underWay.append((sequence, batch.count))
      try log(run.cloud.takeAcknowledgements())
    }
    try log(run.awaitAcknowledgements())
  }

  func evaluate(_ run: EdgeRun) throws -> EpochOutcome {
    try test.sendAll(run) { .evaluationBatch($0) }
    return EpochOutcome(finalCorrect: try run.endEpochInCloud().finalCorrect)
  }
}
