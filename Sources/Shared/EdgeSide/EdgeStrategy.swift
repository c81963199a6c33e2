import Datasets

/// What one strategy does on the edge; one object for one run.
protocol EdgeStrategy: AnyObject {
  /// Sends what the cloud must have before the first epoch.
  ///
  /// - Throws: what ends the run.
  func prepare(_ run: EdgeRun) throws

  /// Trains and evaluates once, and logs the end of the epoch (`run.endEpoch`).
  ///
  /// - Parameters:
  ///   - epoch: from 1; `run` has begun it.
  ///   - run: takes each step's loss.
  /// - Throws: what ends the run.
  func trainEpoch(_ epoch: Int, _ run: EdgeRun) throws
}

extension EdgeStrategy {
  func prepare(_ run: EdgeRun) throws {}
}

/// Batches of both parts of the data, prepared on threads of their own.
struct EdgeImages {
  /// Shuffled and augmented.
  let train: BatchLoader
  /// In order, as they are.
  let test: BatchLoader

  /// - Throws: `DatasetError`.
  init(
    train: any LabeledImages, test: any LabeledImages, _ configuration: RunConfiguration, timeline: Timeline?
  ) throws {
    let record = timeline.map { timeline in
      { @Sendable (start: UInt64, end: UInt64) in timeline.record(.load, from: start, to: end) }
    }
    self.train = try BatchLoader(
      .training(train, batchSize: configuration.batchSize, seed: configuration.seed), onPrepared: record)
    self.test = try BatchLoader(
      .evaluation(test, batchSize: configuration.batchSize), prefetch: 1, onPrepared: record)
  }
}
