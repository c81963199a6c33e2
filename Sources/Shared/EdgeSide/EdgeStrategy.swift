import NeuralNetwork

/// What one strategy does on the edge; one object for one run.
protocol EdgeStrategy: AnyObject {
  /// This side's layers, in the order of the network; empty if it holds none.
  var parts: [TrainedPart] { get }

  /// Sends what the cloud must have before the first epoch.
  ///
  /// - Throws: what ends the run.
  func prepare(_ run: EdgeRun) throws

  /// Trains once on all images, until the cloud, if there is one, has done so too. Tells the run each step.
  ///
  /// - Throws: what ends the run.
  func trainEpoch(_ run: EdgeRun) throws

  /// Evaluates on all test images, after `trainEpoch`.
  ///
  /// - Throws: what ends the run.
  func evaluate(_ run: EdgeRun) throws -> EpochOutcome
}

extension EdgeStrategy { func prepare(_ run: EdgeRun) throws {} }

/// What the test images, and the cloud, say of an epoch.
struct EpochOutcome {
  /// Test images that the exit got right; nil without an exit.
  var exitCorrect: Int?
  /// Test images that the whole network got right.
  var finalCorrect: Int
  /// Mean final loss of training, if the cloud told it.
  var finalLoss: Double?
}
