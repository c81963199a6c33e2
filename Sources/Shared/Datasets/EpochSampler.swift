import Compute

/// Decides which images form which batch of which epoch, and the random numbers of each place in an epoch.
///
/// Everything depends on the seed, the epoch and the position in the epoch only, never on what was drawn before.
package struct EpochSampler: Sendable {
  package enum Order: Sendable {
    /// A new permutation each epoch.
    case shuffled
    /// Every class equally often, in an order that is new each epoch.
    case balanced(ClassBalance)
    /// 0, 1, 2, … in every epoch.
    case sequential
  }

  /// Number of images.
  package let count: Int
  package let batchSize: Int
  package let order: Order
  private let seed: UInt64
  private let shuffles: SeededGenerator
  private let augmentations: SeededGenerator

  /// - Parameters:
  ///   - count: number of images, 1 to 2³² − 1.
  ///   - batchSize: images of a batch, at least 1; the last batch of an epoch has what is left, so that an epoch has as
  ///     many as there are.
  ///   - order: of these images.
  ///   - seed: the run's seed.
  package init(count: Int, batchSize: Int, order: Order, seed: UInt64) {
    precondition(count >= 1 && count <= UInt32.max, "\(count) images")
    precondition(batchSize >= 1, "a batch has at least one image")
    self.count = count
    self.batchSize = batchSize
    self.order = order
    self.seed = seed
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

  /// The image index for each of the `count` positions of an epoch.
  package func indices(epoch: Int) -> [UInt32] {
    precondition(epoch >= 0, "epoch \(epoch)")
    var indices: [UInt32]
    switch order {
    case .sequential: return (0..<UInt32(count)).map { $0 }
    case .shuffled: indices = (0..<UInt32(count)).map { $0 }
    case .balanced(let balance): indices = balance.images(epoch: epoch, seed: seed)
    }
    var generator = shuffles.substream(epoch)
    indices.permute(using: &generator)
    return indices
  }

  /// The random numbers for augmenting the image at `position` of an epoch.
  package func augmentationGenerator(epoch: Int, position: Int) -> SeededGenerator {
    augmentations.substream(epoch).substream(position)
  }
}
