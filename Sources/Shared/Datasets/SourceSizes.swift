/// How large images are: the one with the fewest pixels, the one in the middle, the one with the most.
package struct SourceSizes: Codable, Equatable, Sendable {
  package let smallest: ImageSides
  package let median: ImageSides
  package let largest: ImageSides

  /// Nil for no images.
  init?(_ sides: [ImageSides]) {
    let sorted = sides.sorted()
    guard let smallest = sorted.first, let largest = sorted.last else { return nil }
    (self.smallest, median, self.largest) = (smallest, sorted[sorted.count / 2], largest)
  }
}

/// Of an image, in pixels.
package struct ImageSides: Codable, Comparable, CustomStringConvertible, Sendable {
  package let width: Int
  package let height: Int

  package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

  package var description: String { "\(width)x\(height)" }

  /// Fewer pixels; of as many, the narrower one.
  package static func < (one: Self, other: Self) -> Bool {
    (one.width * one.height, one.width) < (other.width * other.height, other.width)
  }
}
