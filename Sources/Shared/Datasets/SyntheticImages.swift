import Compute
import Images

/// Classes of drawn colour images that need no file: a class is a shape or a texture (`SyntheticClass`), while colours,
/// place, size, angle, distractors and noise are random.
///
/// Colours say nothing about the first ten classes, so a network has to learn structure; each further ten are the same
/// under a tint of their own. Images of another size than 32×32 are those, scaled: they make the same work as others of
/// their size, but show no more. An image depends on the seed, the split
/// and its index only, and is drawn anew each time. The arithmetic is free of library functions whose last bit may
/// differ, so every platform draws the same bytes.
package struct SyntheticImages: LabeledImages {
  package enum Split: String, Sendable {
    case train
    case test
  }

  package static let defaultTrainCount = 10_000
  package static let defaultTestCount = 2_000

  package let task: ImageTask
  package let count: Int
  private let generator: SeededGenerator

  /// - Parameters:
  ///   - split: training and test images are drawn from different random streams.
  ///   - count: how many images; a smaller collection is the beginning of a larger one.
  ///   - seed: the run's seed.
  ///   - task: one of `task(size:classes:)`.
  package init(split: Split, count: Int, seed: UInt64, task: ImageTask = .synthetic) {
    precondition(count >= 1, "\(count) synthetic images")
    self.count = count
    self.task = task
    generator = SeededGenerator(seed: seed, stream: "datasets.synthetic.\(split.rawValue)")
  }

  /// Square images of `size` pixels a side. The normalization is that of CIFAR-10.
  package static func task(size: Int, classes: Int) -> ImageTask {
    let names = (0..<classes).map { label in
      let (tint, kind) = label.quotientAndRemainder(dividingBy: SyntheticClass.allCases.count)
      return "\(SyntheticClass.allCases[kind])" + (tint == 0 ? "" : "-\(tint)")
    }
    return ImageTask(
      shape: FeatureShape(height: size, width: size, channels: Canvas.channels), classes: classes,
      mean: ImageTask.cifar10.mean, deviation: ImageTask.cifar10.deviation, classNames: names)
  }

  /// The classes take turns, so any beginning of the collection is balanced.
  package func label(at index: Int) -> UInt16 {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    return UInt16(truncatingIfNeeded: index % task.classes)
  }

  package func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    guard task.shape.height != Canvas.height else { return draw(index, into: pixels) }
    let canvas = [UInt8](unsafeUninitializedCapacity: Canvas.positions * Canvas.channels) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      draw(index, into: base)
      count = buffer.count
    }
    guard let image = try? DecodedImage(width: Canvas.width, height: Canvas.height, planes: canvas) else { return }
    image.writePlanes(
      size: task.shape.height, to: UnsafeMutableBufferPointer(start: pixels, count: task.imageBytes))
  }

  /// Draws the image at `index`: bytes of `Canvas`'s shape, [channels, height, width].
  package func draw(_ index: Int, into pixels: UnsafeMutablePointer<UInt8>) {
    var random = generator.substream(index)
    let (tint, number) = Int(label(at: index)).quotientAndRemainder(dividingBy: SyntheticClass.allCases.count)
    let kind = SyntheticClass.allCases[number]
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
    if tint > 0 { Tint(tint).paint(over: pixels) }
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
