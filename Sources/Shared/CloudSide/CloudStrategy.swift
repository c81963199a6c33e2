import NeuralNetwork

/// What one strategy computes in the cloud; one object for one run.
protocol CloudStrategy: AnyObject {
  /// This side's layers.
  var parts: [TrainedPart] { get }

  /// Takes what the edge sends before the first epoch.
  ///
  /// - Throws: what ends the run.
  func prepare(_ run: CloudRun) throws

  /// Trains once on all images, or on what comes of them. Tells the run each step.
  ///
  /// - Throws: what ends the run.
  func trainEpoch(_ run: CloudRun) throws

  /// Evaluates on all test images, after `trainEpoch`. Tells the run each batch.
  ///
  /// - Throws: what ends the run.
  func evaluate(_ run: CloudRun) throws
}

extension CloudStrategy { func prepare(_ run: CloudRun) throws {} }

extension SoftmaxCrossEntropy.Result {
  /// JSON holds no infinity; a loss that a Float cannot hold is only shown.
  var wireLoss: Float { Float(min(loss, Double(Float.greatestFiniteMagnitude))) }
}
