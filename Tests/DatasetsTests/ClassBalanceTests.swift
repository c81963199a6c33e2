import Compute
import TestSupport
import Testing

@testable import Datasets

@Suite struct ClassBalanceTests {
  /// So many images of each class, in an order of their own.
  private func images(_ counts: [Int]) -> PatternImages {
    var labels = counts.enumerated().flatMap { [UInt16](repeating: UInt16($0.offset), count: $0.element) }
    var generator = SeededGenerator(seed: 3)
    labels.shuffle(using: &generator)
    let task = ImageTask(
      shape: FeatureShape(height: 2, width: 2, channels: 1), classes: counts.count, mean: [0], deviation: [1],
      classNames: counts.indices.map { "class \($0)" })
    return PatternImages(task, count: labels.count, labels: labels)
  }

  private func sampler(_ images: PatternImages, seed: UInt64 = 7) throws -> EpochSampler {
    EpochSampler(count: images.count, batchSize: 4, order: .balanced(try ClassBalance(images)), seed: seed)
  }

  static let sizes: [[Int]] = [
    [1, 1], [1, 30], [30, 1], [5, 5, 5], [2, 3, 4], [1, 2, 7, 30], [100, 1, 1, 1, 1], [9, 0x101],
    [1, 1, 1, 1, 1, 1, 5],
    [64, 32, 16, 8, 4, 2, 1, 1], [3, 3, 3, 4],
  ]

  /// Every epoch is as long as without it and has each class as often as any other, or once more where it does not
  /// divide; over as many epochs as there are classes, exactly as often.
  @Test(arguments: sizes) func everyClassIsDrawnEquallyOften(sizes: [Int]) throws {
    let images = images(sizes)
    let sampler = try sampler(images)
    var total = [Int](repeating: 0, count: sizes.count)
    for epoch in 0..<2 * sizes.count {
      let indices = sampler.indices(epoch: epoch)
      #expect(indices.count == images.count)
      var counts = [Int](repeating: 0, count: sizes.count)
      for index in indices { counts[Int(images.label(at: Int(index)))] += 1 }
      let (share, rest) = images.count.quotientAndRemainder(dividingBy: sizes.count)
      #expect(counts.count { $0 == share } == sizes.count - rest && counts.count { $0 == share + 1 } == rest)
      total = zip(total, counts).map { $0 + $1 }
    }
    #expect(total.allSatisfy { $0 == 2 * images.count }, "\(total)")
  }

  /// At any time, over all epochs so far, no image has come more than once more than another of its class.
  @Test(arguments: sizes) func everyImageOfAClassIsDrawnEquallyOften(sizes: [Int]) throws {
    let images = images(sizes)
    let sampler = try sampler(images)
    var draws = [Int](repeating: 0, count: images.count)
    for epoch in 0..<7 {
      for index in sampler.indices(epoch: epoch) { draws[Int(index)] += 1 }
      for label in sizes.indices {
        let ofClass = draws.indices.filter { images.label(at: $0) == label }.map { draws[$0] }
        let (least, most) = (try #require(ofClass.min()), try #require(ofClass.max()))
        #expect(most - least <= 1, "class \(label) in epoch \(epoch): \(ofClass)")
      }
    }
  }

  @Test func dependsOnSeedAndEpochOnly() throws {
    let images = images([1, 2, 7, 30])
    let first = try sampler(images)
    let third = first.indices(epoch: 3)
    #expect(try sampler(images).indices(epoch: 3) == third)
    #expect(first.indices(epoch: 4) != third)
    #expect(try sampler(images, seed: 8).indices(epoch: 3) != third)
    _ = first.indices(epoch: 9)
    #expect(first.indices(epoch: 3) == third)
  }

  /// The classes do not come one after the other, and the subset of a frequent one is another one in each epoch.
  @Test func ordersAndSubsetsChange() throws {
    let images = images([1000, 10])
    let sampler = try sampler(images)
    let first = sampler.indices(epoch: 0)
    let firstHalf = first.prefix(505).count { images.label(at: Int($0)) == 0 }
    // Half of 505 in the mean; 5 standard deviations are 40.
    #expect(abs(firstHalf - 252) <= 40)
    let frequent = { (indices: [UInt32]) in Set(indices.filter { images.label(at: Int($0)) == 0 }) }
    // What is left of the 1,000 comes first in the second epoch.
    #expect(frequent(first).count == 505)
    #expect(frequent(first).union(frequent(sampler.indices(epoch: 1))).count == 1000)
  }

  @Test func everyClassNeedsAnImage() throws {
    #expect(throws: DatasetError.classWithoutImages(name: "class 1", images: 5)) {
      try ClassBalance(images([2, 0, 3]))
    }
  }
}
