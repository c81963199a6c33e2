import Compute

/// Where an image's pixels go: a shift, as cropping from a padded image gives, then perhaps a mirror image.
///
/// Output pixel (y, x) is input pixel (y + `rowShift`, x′ + `columnShift`) with x′ = width − 1 − x if `flipped`, else
/// x; positions outside the image are black (0 before normalization).
package struct CropAndFlip: Equatable, Sendable {
  package var rowShift: Int
  package var columnShift: Int
  package var flipped: Bool

  package init(rowShift: Int, columnShift: Int, flipped: Bool) {
    self.rowShift = rowShift
    self.columnShift = columnShift
    self.flipped = flipped
  }

  /// The image as it is.
  package static let identity = CropAndFlip(rowShift: 0, columnShift: 0, flipped: false)
}

/// Random crop of the image's size from the image padded with black on all sides, then a horizontal flip with
/// probability 1/2: what torchvision's `RandomCrop(size, padding: 4)` and `RandomHorizontalFlip()` do before `ToTensor`
/// and `Normalize`.
package struct Augmentation: Equatable, Sendable {
  /// Rows and columns of black on each side; shifts are in `-padding...padding`, all equally likely.
  package let padding: Int

  package init(padding: Int = 4) {
    precondition(padding >= 0, "padding cannot be negative")
    self.padding = padding
  }

  /// Draws one image's crop and flip: always three numbers of `generator`.
  package func draw(using generator: inout SeededGenerator) -> CropAndFlip {
    let rowShift = generator.uniform(below: 2 * padding + 1) - padding
    let columnShift = generator.uniform(below: 2 * padding + 1) - padding
    return CropAndFlip(rowShift: rowShift, columnShift: columnShift, flipped: generator.uniform(below: 2) == 1)
  }
}
