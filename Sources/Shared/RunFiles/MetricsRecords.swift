/// One kind of line in `metrics.jsonl`. Its properties become keys in snake_case, so their names end in a unit where
/// they have one. ``MetricsLog`` adds `type`, `role` and `wall_seconds`.
package protocol MetricsRecord: Encodable, Sendable {
  /// The value of `type`: "step".
  static var type: String { get }
}

/// One mini-batch of training.
package struct StepRecord: MetricsRecord, Equatable {
  package static let type = "step"

  /// From 1.
  package var epoch: Int
  /// From 1, over all epochs.
  package var step: Int
  /// Mean loss of the batch: on an edge with an exit the exit's, else the final one.
  package var loss: Float
  package var learningRate: Float
  /// Images in this batch.
  package var images: Int
  /// Bytes over the link since the start of the run.
  package var sentBytes: Int
  package var receivedBytes: Int

  package init(epoch: Int, step: Int, loss: Float, learningRate: Float, images: Int, sentBytes: Int, receivedBytes: Int)
  {
    self.epoch = epoch
    self.step = step
    self.loss = loss
    self.learningRate = learningRate
    self.images = images
    self.sentBytes = sentBytes
    self.receivedBytes = receivedBytes
  }
}

/// One epoch, after its evaluation. Seconds and bytes are those of this epoch alone.
package struct EpochRecord: MetricsRecord, Equatable {
  package static let type = "epoch"

  /// From 1.
  package var epoch: Int
  /// Mean over the epoch's images.
  package var trainLoss: Double
  /// Fractions of the test set; missing if this side does not know them.
  @NullIfMissing package var exitAccuracy: Double?
  @NullIfMissing package var finalAccuracy: Double?
  /// The same of each class's test images, null for a class without any. Absent if this side does not know them, or of
  /// more classes than `ClassCounts.maximumClasses`.
  package var exitClassAccuracies: [Double?]?
  package var finalClassAccuracies: [Double?]?
  package var trainImagesPerSecond: Double
  package var trainingSeconds: Double
  package var busySeconds: Double
  package var idleSeconds: Double
  package var trainPayloadBytes: Int
  package var evaluationBytes: Int
  package var gradientPayloadBytes: Int
  package var sentBytes: Int
  package var receivedBytes: Int
  /// Of them, what had to be sent, or was received, once more after a connection was lost.
  package var resentBytes: Int
  /// The most memory resident since the start of the process.
  @NullIfMissing package var peakMemoryBytes: Int?

  package init(
    epoch: Int, trainLoss: Double, exitAccuracy: Double?, finalAccuracy: Double?,
    exitClassAccuracies: [Double?]? = nil, finalClassAccuracies: [Double?]? = nil, trainImagesPerSecond: Double,
    trainingSeconds: Double, busySeconds: Double, idleSeconds: Double, trainPayloadBytes: Int, evaluationBytes: Int,
    gradientPayloadBytes: Int, sentBytes: Int, receivedBytes: Int, resentBytes: Int,
    peakMemoryBytes: Int?
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.exitAccuracy = exitAccuracy
    self.finalAccuracy = finalAccuracy
    self.exitClassAccuracies = exitClassAccuracies
    self.finalClassAccuracies = finalClassAccuracies
    self.trainImagesPerSecond = trainImagesPerSecond
    self.trainingSeconds = trainingSeconds
    self.busySeconds = busySeconds
    self.idleSeconds = idleSeconds
    self.trainPayloadBytes = trainPayloadBytes
    self.evaluationBytes = evaluationBytes
    self.gradientPayloadBytes = gradientPayloadBytes
    self.sentBytes = sentBytes
    self.receivedBytes = receivedBytes
    self.resentBytes = resentBytes
    self.peakMemoryBytes = peakMemoryBytes
  }
}

/// Something that happened: started, interrupted, peer lost, failed.
package struct EventRecord: MetricsRecord, Equatable {
  package static let type = "event"

  package var event: String
  package var reason: String?

  package init(_ event: String, reason: String? = nil) {
    self.event = event
    self.reason = reason
  }
}
