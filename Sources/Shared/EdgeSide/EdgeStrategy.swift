import NeuralNetwork
import Transport

/// What one strategy does on the edge; one object for one run.
protocol EdgeStrategy: AnyObject {
  /// This side's layers, in the order of the network; empty if it holds none.
  var parts: [TrainedPart] { get }

  /// All records of the run, if they can be made in any order, whenever they are asked for; nil if they are made by
  /// training.
  var records: (any RecordStore)? { get }

  /// Sends what the cloud must have before the first epoch.
  ///
  /// - Throws: what ends the run.
  func prepare(_ run: EdgeRun) throws

  /// Trains once on all images, or on those of the epoch that are left. Tells the run each step.
  ///
  /// - Throws: what ends the run.
  func trainEpoch(_ run: EdgeRun) throws

  /// Evaluates on all test images, after `trainEpoch`.
  ///
  /// - Throws: what ends the run.
  func evaluate(_ run: EdgeRun) throws -> EpochOutcome
}

extension EdgeStrategy {
  var records: (any RecordStore)? { nil }

  func prepare(_ run: EdgeRun) throws {}
}

/// What the test images, and the cloud, say of an epoch.
struct EpochOutcome {
  /// Test images that the exit got right; nil without an exit.
  var exitCorrect: Int?
  /// Test images that the whole network got right; nil as long as the cloud has not told it.
  var finalCorrect: Int?
  /// The same class by class.
  var finalByClass: ClassCounts?
}
