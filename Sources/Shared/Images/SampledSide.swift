/// One side, width or height, of an image: how long the file has it, and where its samples are.
///
/// A JPEG that is decoded at an eighth has one sample for 8 pixels, and one more if pixels are left over: 501 pixels
/// make 63 samples, of which the image covers 62.625.
struct SampledSide: Equatable, Sendable {
  /// The pixels that the file has.
  let pixels: Int
  /// The samples that were decoded.
  let samples: Int
  /// Where the image begins: 0, or, if it was mirrored, behind the part of the first sample that it does not cover.
  let start: Double
  /// The samples that the image covers.
  var covered: Double { Double(pixels) / Double(reduction) }
  private let reduction: Int

  init(pixels: Int, reduction: Int = 1) {
    (self.pixels, self.reduction, start) = (pixels, reduction, 0)
    samples = (pixels + reduction - 1) / reduction
  }

  private init(mirroring side: SampledSide) {
    (pixels, samples, reduction) = (side.pixels, side.samples, side.reduction)
    start = Double(side.samples) - side.covered - side.start
  }

  /// The same side of the mirrored image.
  var mirrored: SampledSide { SampledSide(mirroring: self) }

  /// For each pixel of a side of `length` pixels, cut to those in `part`, the samples whose mean it is.
  ///
  /// Those whose middle is in the pixel, as Pillow's `Image.resize` with `Image.BOX` has it; of a side that becomes
  /// longer, the sample that has the pixel's middle. Never none.
  func boxes(length: Int, part: Range<Int>) -> [Range<Int>] {
    let step = covered / Double(length)
    let half = max(step, 1) / 2
    return part.map { pixel in
      let middle = start + (Double(pixel) + 0.5) * step
      var first = min(max(Int(middle - half + 0.5), 0), samples - 1)
      var end = max(min(Int(middle + half + 0.5), samples), first + 1)
      // On the border between two pixels, rounding decides, and it does so as Pillow's.
      func isInside(_ sample: Int) -> Bool {
        let place = (Double(sample) - middle + 0.5) * (1 / (2 * half))
        return place > -0.5 && place <= 0.5
      }
      while end - first > 1, !isInside(first) { first += 1 }
      while end - first > 1, !isInside(end - 1) { end -= 1 }
      return first..<end
    }
  }
}
