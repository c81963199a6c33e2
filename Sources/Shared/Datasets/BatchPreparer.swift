/// Turns images into training or evaluation batches. What a batch holds depends on its epoch and index only.
package struct BatchPreparer: Sendable {
  package let images: any LabeledImages
  package let sampler: EpochSampler
  package let normalization: Normalization
  /// nil: images as they are.
  package let augmentation: Augmentation?

  package init(
    images: any LabeledImages, sampler: EpochSampler, normalization: Normalization,
    augmentation: Augmentation?
  ) {
    precondition(images.count == sampler.count, "the sampler is for another number of images")
    self.images = images
    self.sampler = sampler
    self.normalization = normalization
    self.augmentation = augmentation
  }

  /// Shuffled and augmented batches.
  package static func training(
    _ images: any LabeledImages, batchSize: Int, seed: UInt64, normalization: Normalization = .cifar10,
    augmentation: Augmentation? = Augmentation()
  ) -> BatchPreparer {
    BatchPreparer(
      images: images,
      sampler: EpochSampler(count: images.count, batchSize: batchSize, order: .shuffled, seed: seed),
      normalization: normalization, augmentation: augmentation)
  }

  /// Batches in the order of the images, not augmented; every epoch is the same.
  package static func evaluation(
    _ images: any LabeledImages, batchSize: Int, normalization: Normalization = .cifar10
  ) -> BatchPreparer {
    BatchPreparer(
      images: images,
      sampler: EpochSampler(count: images.count, batchSize: batchSize, order: .sequential, seed: 0),
      normalization: normalization, augmentation: nil)
  }

  /// Prepares batch `index` of `epoch`; does not allocate.
  ///
  /// - Parameters:
  ///   - index: the batch, in `0..<sampler.batchCount`.
  ///   - epoch: the epoch, from 0.
  ///   - indices: what `sampler.fill` wrote for this epoch.
  ///   - values: [batch, 32, 32, 3] normalized values (NHWC), room for `sampler.batchSize` images.
  ///   - labels: [batch], room for `sampler.batchSize`.
  ///   - scratch: room for the 3072 bytes of one image.
  /// - Returns: the number of images in the batch.
  /// - Throws: `DatasetError` if an image cannot be read.
  package func prepareBatch(
    _ index: Int, epoch: Int, indices: UnsafePointer<UInt32>, values: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<UInt8>, scratch: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) -> Int {
    let positions = sampler.positions(ofBatch: index)
    for position in positions {
      let image = Int(indices[position])
      let place = position - positions.lowerBound
      labels[place] = images.label(at: image)
      try images.copyPixels(of: image, into: scratch)
      normalization.convert(
        scratch, crop: crop(epoch: epoch, position: position), into: values + place * ImageFormat.valueCount)
    }
    return positions.count
  }

  /// Prepares batch `index` of `epoch` into new arrays: [count, 32, 32, 3] values and [count] labels.
  package func preparedBatch(
    _ index: Int, epoch: Int
  ) throws(DatasetError) -> (values: [Float], labels: [UInt8]) {
    let indices = sampler.indices(epoch: epoch)
    let count = sampler.positions(ofBatch: index).count
    var values = [Float](repeating: 0, count: count * ImageFormat.valueCount)
    var labels = [UInt8](repeating: 0, count: count)
    var scratch = [UInt8](repeating: 0, count: ImageFormat.valueCount)
    _ = try prepareBatch(
      index, epoch: epoch, indices: indices, values: &values, labels: &labels, scratch: &scratch)
    return (values, labels)
  }

  /// How the image at a position of an epoch is cropped and flipped.
  package func crop(epoch: Int, position: Int) -> CropAndFlip {
    guard let augmentation else { return .identity }
    var generator = sampler.augmentationGenerator(epoch: epoch, position: position)
    return augmentation.draw(using: &generator)
  }
}
