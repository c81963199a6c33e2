import Testing

@testable import Datasets

@Suite struct EpochSamplerTests {
  private func sampler(
    count: Int = 1000, batchSize: Int = 128, order: EpochSampler.Order = .shuffled, seed: UInt64 = 7
  ) -> EpochSampler {
    EpochSampler(count: count, batchSize: batchSize, order: order, seed: seed)
  }

  @Test(arguments: [1, 2, 10, 1000])
  func epochIsAPermutation(count: Int) {
    for epoch in 0..<3 {
      #expect(sampler(count: count).indices(epoch: epoch).sorted() == (0..<UInt32(count)).map { $0 })
    }
  }

  @Test func dependsOnSeedAndEpochOnly() {
    let first = sampler()
    #expect(first.indices(epoch: 3) == sampler(batchSize: 5).indices(epoch: 3))
    #expect(first.indices(epoch: 3) != first.indices(epoch: 4))
    #expect(first.indices(epoch: 3) != sampler(seed: 8).indices(epoch: 3))
    let before = first.indices(epoch: 0)
    _ = first.indices(epoch: 9)
    #expect(first.indices(epoch: 0) == before)
  }

  @Test func everyImageComesToEveryPlace() {
    // 6,000 permutations of 4: each image about 1,500 times at each place; 5 standard deviations are 168.
    let four = sampler(count: 4)
    var counts = [Int](repeating: 0, count: 16)
    for epoch in 0..<6000 {
      for (position, image) in four.indices(epoch: epoch).enumerated() {
        counts[position * 4 + Int(image)] += 1
      }
    }
    #expect(counts.allSatisfy { abs($0 - 1500) <= 168 }, "\(counts)")
  }

  @Test func sequentialKeepsTheOrder() {
    #expect(sampler(count: 5, order: .sequential).indices(epoch: 2) == [0, 1, 2, 3, 4])
  }

  @Test func batchesCoverTheEpochAndTheLastIsShort() {
    let uneven = sampler(count: 10, batchSize: 4)
    #expect(uneven.batchCount == 3)
    #expect((0..<3).map { uneven.positions(ofBatch: $0) } == [0..<4, 4..<8, 8..<10])
    #expect(sampler(count: 8, batchSize: 4).batchCount == 2)
    #expect(sampler(count: 3, batchSize: 4).positions(ofBatch: 0) == 0..<3)
  }

  @Test func augmentationDependsOnSeedEpochAndPosition() {
    let augmentation = Augmentation()
    func crops(seed: UInt64, epoch: Int, positions: some Sequence<Int>) -> [CropAndFlip] {
      positions.map { position in
        var generator = sampler(seed: seed).augmentationGenerator(epoch: epoch, position: position)
        return augmentation.draw(using: &generator)
      }
    }
    let forward = crops(seed: 7, epoch: 2, positions: 0..<100)
    #expect(forward == crops(seed: 7, epoch: 2, positions: (0..<100).reversed()).reversed())
    #expect(forward != crops(seed: 7, epoch: 3, positions: 0..<100))
    #expect(forward != crops(seed: 8, epoch: 2, positions: 0..<100))
    #expect(forward != crops(seed: 7, epoch: 2, positions: 1..<101))
  }

  @Test func everyCropAndFlipIsAboutEquallyLikely() {
    // 162 cases in 32,400 draws: 200 each; 5 standard deviations are 71.
    let source = sampler()
    var counts: [Int: Int] = [:]
    for position in 0..<32_400 {
      var generator = source.augmentationGenerator(epoch: 0, position: position)
      let crop = Augmentation().draw(using: &generator)
      #expect(abs(crop.rowShift) <= 4 && abs(crop.columnShift) <= 4)
      counts[((crop.rowShift + 4) * 9 + crop.columnShift + 4) * 2 + (crop.flipped ? 1 : 0), default: 0] += 1
    }
    #expect(counts.count == 162)
    #expect(counts.values.allSatisfy { abs($0 - 200) <= 71 }, "\(counts)")
  }
}
