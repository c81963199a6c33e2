import Compute
import Datasets
import Training
import Transport

/// Turns received batches into what the network reads, on the receiving thread.
protocol BatchDecoder: AnyObject {
  /// Of one sample.
  var shape: FeatureShape { get }

  /// Writes the batch's samples and takes their number over.
  ///
  /// - Parameters:
  ///   - batch: its labels are checked.
  ///   - type: of its frame.
  ///   - tensor: has room for a batch of the run.
  /// - Throws: `CodecError`, `WireError` for bytes that are no such samples.
  func decode(_ batch: EncodedBatch, _ type: FrameType, into tensor: Tensor) throws
}

/// Features at the cut, as the codec has encoded them.
final class FeatureDecoder: BatchDecoder {
  let shape: FeatureShape
  private let codec: ActivationCodec

  init(_ configuration: RunConfiguration, shape: FeatureShape) {
    codec = ActivationCodec(format: configuration.activations)
    self.shape = shape
  }

  func decode(_ batch: EncodedBatch, _ type: FrameType, into features: Tensor) throws {
    let limit = ActivationShape(shape, count: batch.labels.count)
    let decoded = try batch.activations.withUnsafeBytes {
      try codec.decode($0, expecting: limit, into: features.data, capacity: features.capacity)
    }
    guard decoded == limit else {
      throw WireError.payload(type: type, field: "activations", expected: "\(limit)", actual: "\(decoded)")
    }
    features.resize(count: batch.labels.count)
  }
}

/// Images as they are, planes of bytes: those of training are augmented by their place in the epoch, as the edge would
/// have done it, and all are normalized.
final class ImageDecoder: BatchDecoder {
  private let task: ImageTask
  private let normalization: Normalization
  /// Of places only: the edge has put the images into their order.
  private let sampler: EpochSampler
  private let augmentation = Augmentation()
  /// Training batches so far.
  private var steps: Int

  /// - Parameter steps: training batches that came before.
  init(_ configuration: RunConfiguration, after steps: Int = 0) {
    self.steps = steps
    task = configuration.task
    normalization = Normalization(task)
    sampler = EpochSampler(
      count: configuration.trainImages, batchSize: configuration.batchSize, order: .shuffled, seed: configuration.seed)
  }

  var shape: FeatureShape { task.shape }

  func decode(_ batch: EncodedBatch, _ type: FrameType, into images: Tensor) throws {
    let count = batch.labels.count
    try batch.checkImages(task, type)
    images.resize(count: count)
    let (epoch, index) = steps.quotientAndRemainder(dividingBy: sampler.batchCount)
    if type == .trainBatch { steps += 1 }
    batch.activations.withUnsafeBufferPointer { pixels in
      guard let pixels = pixels.baseAddress else { return }
      for image in 0..<count {
        var crop = CropAndFlip.identity
        if type == .trainBatch {
          var generator = sampler.augmentationGenerator(epoch: epoch, position: index * sampler.batchSize + image)
          crop = augmentation.draw(using: &generator)
        }
        normalization.convert(pixels + image * task.imageBytes, crop: crop, into: images.data + image * task.imageBytes)
      }
    }
  }
}

extension EncodedBatch {
  /// - Throws: `WireError` unless there is an image for each label.
  func checkImages(_ task: ImageTask, _ type: FrameType) throws(WireError) {
    let expected = labels.count * task.imageBytes
    guard activations.count == expected else {
      throw .payload(type: type, field: "images", expected: "\(expected) bytes", actual: "\(activations.count)")
    }
  }
}
