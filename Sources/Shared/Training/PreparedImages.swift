import Datasets
import RunFiles

/// Batches of both parts of the data, prepared on threads of their own.
package struct PreparedImages {
  /// As the configuration draws them, augmented.
  package let train: BatchLoader
  /// In order, as they are.
  package let test: BatchLoader

  /// - Throws: `DatasetError` if a class that is to be drawn has no images; `ThreadError`.
  package init(
    train: any LabeledImages, test: any LabeledImages, _ configuration: RunConfiguration, timeline: Timeline?
  ) throws {
    let record = timeline.map { timeline in
      { @Sendable (start: UInt64, end: UInt64) in timeline.record(.load, from: start, to: end) }
    }
    let sampler = try configuration.trainingSampler(of: train)
    self.train = try BatchLoader(
      BatchPreparer(images: train, sampler: sampler, augmentation: Augmentation()), onPrepared: record)
    self.test = try BatchLoader(.evaluation(test, batchSize: configuration.batchSize), prefetch: 1, onPrepared: record)
  }
}

extension RunConfiguration {
  /// Which of the training images form which batch of which epoch.
  ///
  /// - Throws: `DatasetError.classWithoutImages` if every class is to be drawn, and one is not there.
  package func trainingSampler(of images: any LabeledImages) throws(DatasetError) -> EpochSampler {
    EpochSampler(
      count: images.count, batchSize: batchSize,
      order: balancesClasses ? .balanced(try ClassBalance(images)) : .shuffled, seed: seed)
  }
}
