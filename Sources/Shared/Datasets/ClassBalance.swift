import Compute

/// Draws every class equally often, however many images each of them has.
///
/// An epoch has as many draws as there are images, N; of K classes each gets ⌊N/K⌋. The N mod K that are left go to one
/// class each, to the next ones in every epoch, so that after K epochs all classes have been drawn equally often. The
/// draws of a class walk through a permutation of its images, a new one when that is exhausted, and go on in the
/// next epoch where they were: so no image comes a second time before all others of its class have come as often. Where
/// they are follows from the epoch's number alone.
package struct ClassBalance: Sendable {
  /// Of each class, none without an image.
  private let images: [[UInt32]]
  /// Of all classes.
  private let count: Int

  /// - Throws: `DatasetError.classWithoutImages`.
  package init(_ images: any LabeledImages) throws(DatasetError) {
    var byClass = [[UInt32]](repeating: [], count: images.task.classes)
    for index in 0..<images.count { byClass[Int(images.label(at: index))].append(UInt32(index)) }
    if let empty = byClass.firstIndex(where: \.isEmpty) {
      throw .classWithoutImages(name: images.task.name(of: empty), images: images.count)
    }
    self.images = byClass
    count = images.count
  }

  /// The draws of an epoch, from 0, class by class.
  func images(epoch: Int, seed: UInt64) -> [UInt32] {
    let generator = SeededGenerator(seed: seed, stream: "datasets.balance")
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for label in images.indices {
      walk(label, from: draws(of: label, before: epoch), to: draws(of: label, before: epoch + 1), generator, &result)
    }
    return result
  }

  /// How often a class is drawn before an epoch.
  private func draws(of label: Int, before epoch: Int) -> Int {
    let (share, rest) = count.quotientAndRemainder(dividingBy: images.count)
    // Of those that are left in each epoch, the class has every one whose number, over all epochs, is its own modulo K.
    return epoch * share + (epoch * rest - label + images.count - 1) / images.count
  }

  /// Appends a class's draws of these numbers.
  private func walk(
    _ label: Int, from start: Int, to end: Int, _ generator: SeededGenerator, _ result: inout [UInt32]
  ) {
    let size = images[label].count
    var place = start
    while place < end {
      let (round, offset) = place.quotientAndRemainder(dividingBy: size)
      var permutation = images[label]
      var permutations = generator.substream(label).substream(round)
      permutation.permute(using: &permutations)
      let taken = min(size - offset, end - place)
      result += permutation[offset..<offset + taken]
      place += taken
    }
  }
}
