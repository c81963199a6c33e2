import Compute

/// Decides which images form which batch of which epoch, and the random numbers of each place in an epoch.
///
/// Everything depends on the seed, the epoch and the position in the epoch only, never on what was drawn before.
package struct EpochSampler: Sendable {
  package enum Order: Sendable {
    /// A new permutation each epoch.
    case shuffled
    /// 0, 1, 2, … in every epoch.
    case sequential
  }

  /// Number of images.
  package let count: Int
  package let batchSize: Int
  package let order: Order
  private let shuffles: SeededGenerator
  private let augmentations: SeededGenerator

  /// - Parameters:
  ///   - count: number of images, 1 to 2³² − 1.
  ///   - batchSize: images of a batch, at least 1; the last batch of an epoch has what is left, so that every image is
  ///     used once an epoch.
  ///   - order: shuffled or sequential.
  ///   - seed: the run's seed.
  package init(count: Int, batchSize: Int, order: Order, seed: UInt64) {
    precondition(count >= 1 && count <= UInt32.max, "\(count) images")
    precondition(batchSize >= 1, "a batch has at least one image")
    self.count = count
    self.batchSize = batchSize
    self.order = order
    shuffles = SeededGenerator(seed: seed, stream: "datasets.shuffle")
    augmentations = SeededGenerator(seed: seed, stream: "datasets.augmentation")
  }

  /// Batches of an epoch, a short last one included.
  package var batchCount: Int { (count - 1) / batchSize + 1 }

  /// The positions in the epoch that batch `index` (in `0..<batchCount`) covers.
  package func positions(ofBatch index: Int) -> Range<Int> {
    precondition(index >= 0 && index < batchCount, "batch \(index) of \(batchCount)")
    return index * batchSize..<min((index + 1) * batchSize, count)
  }

  /// The image index for each of the `count` positions of an epoch (Fisher–Yates).
  package func indices(epoch: Int) -> [UInt32] {
    precondition(epoch >= 0, "epoch \(epoch)")
    var indices = (0..<UInt32(count)).map { $0 }
    guard order == .shuffled else { return indices }
    var generator = shuffles.substream(epoch)
    for position in stride(from: count - 1, to: 0, by: -1) {
      indices.swapAt(position, generator.uniform(below: position + 1))
    }
    return indices
  }

  /// The random numbers for augmenting the image at `position` of an epoch.
  package func augmentationGenerator(epoch: Int, position: Int) -> SeededGenerator {
    augmentations.substream(epoch).substream(position)
  }
}
