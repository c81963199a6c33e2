import Datasets
import RunFiles

/// Batches of both parts of the data, prepared on threads of their own.
package struct PreparedImages {
  /// Shuffled and augmented.
  package let train: BatchLoader
  /// In order, as they are.
  package let test: BatchLoader

  /// - Throws: `ThreadError`.
  package init(
    train: any LabeledImages, test: any LabeledImages, _ configuration: RunConfiguration, timeline: Timeline?
  ) throws {
    let record = timeline.map { timeline in
      { @Sendable (start: UInt64, end: UInt64) in timeline.record(.load, from: start, to: end) }
    }
    self.train = try BatchLoader(
      .training(train, batchSize: configuration.batchSize, seed: configuration.seed), onPrepared: record)
    self.test = try BatchLoader(.evaluation(test, batchSize: configuration.batchSize), prefetch: 1, onPrepared: record)
  }
}
