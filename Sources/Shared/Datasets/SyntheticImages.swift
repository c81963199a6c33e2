import Compute

/// Ten classes of drawn colour images that need no file: a class is a shape or a texture (`SyntheticClass`), while
/// colours, place, size, angle, distractors and noise are random.
///
/// Colours say nothing about the class, so a network has to learn structure. An image depends on the seed, the split
/// and its index only, and is drawn anew each time. The arithmetic is free of library functions whose last bit may
/// differ, so every platform draws the same bytes.
package struct SyntheticImages: LabeledImages {
  package enum Split: String, Sendable {
    case train
    case test
  }

  package static let defaultTrainCount = 10_000
  package static let defaultTestCount = 2_000

  package var task: ImageTask { .cifar10 }
  package let count: Int
  private let generator: SeededGenerator

  /// - Parameters:
  ///   - split: training and test images are drawn from different random streams.
  ///   - count: how many images; a smaller collection is the beginning of a larger one.
  ///   - seed: the run's seed.
  package init(split: Split, count: Int, seed: UInt64) {
    precondition(count >= 1, "\(count) synthetic images")
    self.count = count
    generator = SeededGenerator(seed: seed, stream: "datasets.synthetic.\(split.rawValue)")
  }

  /// The classes take turns, so any beginning of the collection is balanced.
  package func label(at index: Int) -> UInt16 {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    return UInt16(truncatingIfNeeded: index % task.classes)
  }

  package func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    draw(index, into: pixels)
  }

  /// Draws the image at `index`: [channels, height, width] bytes.
  package func draw(_ index: Int, into pixels: UnsafeMutablePointer<UInt8>) {
    var random = generator.substream(index)
    guard let kind = SyntheticClass(rawValue: label(at: index)) else { return }
    let placement = Placement(of: kind, using: &random)
    let painting = Painting(using: &random)
    // A row at a time: so little temporary memory comes from the stack.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Canvas.width) { buffer in
      guard let coverage = buffer.baseAddress else { return }
      for row in 0..<Canvas.height {
        kind.cover(row, of: placement, into: coverage)
        painting.paint(row, coverage: coverage, into: pixels)
      }
    }
    for _ in 0..<(1 + random.uniform(below: 3)) { Distractor(using: &random).paint(into: pixels) }
    addNoise(to: pixels, using: &random)
  }

  /// Adds to each value independent uniform noise of an amplitude of 4 to 20 that is the image's own.
  private func addNoise(to pixels: UnsafeMutablePointer<UInt8>, using random: inout SeededGenerator) {
    let amplitude = Int32(truncatingIfNeeded: 4 + random.uniform(below: 17))
    for start in stride(from: 0, to: Canvas.positions * Canvas.channels, by: 8) {
      let bits = random.next()
      for offset in 0..<8 {
        let byte = Int32(truncatingIfNeeded: (bits >> UInt64(8 &* offset)) & 255)
        let noise = (amplitude &* (2 &* byte &- 255)) >> 8
        let value = Int32(pixels[start &+ offset]) &+ noise
        pixels[start &+ offset] = UInt8(truncatingIfNeeded: max(0, min(255, value)))
      }
    }
  }
}
