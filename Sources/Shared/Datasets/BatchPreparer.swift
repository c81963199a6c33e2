import Compute

/// Turns images into training or evaluation batches. What a batch holds depends on its epoch and index only.
package struct BatchPreparer: Sendable {
  package let images: any LabeledImages
  package let sampler: EpochSampler
  private let normalization: Normalization
  /// nil: images as they are.
  package let augmentation: Augmentation?

  package init(images: any LabeledImages, sampler: EpochSampler, augmentation: Augmentation?) {
    precondition(images.count == sampler.count, "the sampler is for another number of images")
    self.images = images
    self.sampler = sampler
    normalization = Normalization(images.task)
    self.augmentation = augmentation
  }

  /// Shuffled and augmented batches.
  package static func training(
    _ images: any LabeledImages, batchSize: Int, seed: UInt64, augmentation: Augmentation? = Augmentation()
  ) -> BatchPreparer {
    BatchPreparer(
      images: images, sampler: EpochSampler(count: images.count, batchSize: batchSize, order: .shuffled, seed: seed),
      augmentation: augmentation)
  }

  /// Batches in the order of the images, not augmented; every epoch is the same.
  package static func evaluation(_ images: any LabeledImages, batchSize: Int) -> BatchPreparer {
    BatchPreparer(
      images: images, sampler: EpochSampler(count: images.count, batchSize: batchSize, order: .sequential, seed: 0),
      augmentation: nil)
  }

  /// Prepares batch `index` of `epoch`.
  ///
  /// - Parameters:
  ///   - index: the batch, in `0..<sampler.batchCount`.
  ///   - epoch: the epoch, from 0.
  ///   - indices: `sampler.indices` of this epoch.
  ///   - tensor: takes the normalized images; has room for a batch.
  ///   - scratch: room for the bytes of one image.
  /// - Returns: the labels.
  /// - Throws: `DatasetError` if an image cannot be read.
  package func prepareBatch(_ index: Int, epoch: Int, indices: [UInt32], into tensor: Tensor, scratch: inout [UInt8])
    throws(DatasetError) -> [UInt16]
  {
    let positions = sampler.positions(ofBatch: index)
    tensor.resize(count: positions.count)
    for position in positions {
      try images.copyPixels(of: Int(indices[position]), into: &scratch)
      normalization.convert(
        scratch, crop: crop(epoch: epoch, position: position),
        into: tensor.data + (position - positions.lowerBound) * tensor.shape.values)
    }
    return positions.map { images.label(at: Int(indices[$0])) }
  }

  /// How the image at a position of an epoch is cropped and flipped.
  package func crop(epoch: Int, position: Int) -> CropAndFlip {
    guard let augmentation else { return .identity }
    var generator = sampler.augmentationGenerator(epoch: epoch, position: position)
    return augmentation.draw(using: &generator)
  }
}
