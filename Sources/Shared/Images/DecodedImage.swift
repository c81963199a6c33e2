/// An image as it is shown: upright, red, green and blue, 8 bits each.
package struct DecodedImage: Equatable, Sendable {
  let horizontal: SampledSide
  let vertical: SampledSide
  /// Red, green and blue of each pixel, row by row: [height, width, 3].
  package let pixels: [UInt8]

  package var width: Int { horizontal.samples }
  package var height: Int { vertical.samples }

  init(horizontal: SampledSide, vertical: SampledSide, pixels: [UInt8]) {
    (self.horizontal, self.vertical, self.pixels) = (horizontal, vertical, pixels)
  }

  /// An image of pixels that are there already, [height, width, 3] bytes.
  ///
  /// - Throws: `ImageError.wrongByteCount`, also for a side of less than one pixel.
  package init(width: Int, height: Int, pixels: [UInt8]) throws(ImageError) {
    try Self.check(width: width, height: height, byteCount: pixels.count)
    self.init(horizontal: SampledSide(pixels: width), vertical: SampledSide(pixels: height), pixels: pixels)
  }

  /// An image of planes, [3, height, width] bytes, as CIFAR-10's files have them.
  ///
  /// - Throws: `ImageError.wrongByteCount`, also for a side of less than one pixel.
  package init(width: Int, height: Int, planes: some RandomAccessCollection<UInt8>) throws(ImageError) {
    try Self.check(width: width, height: height, byteCount: planes.count)
    let planes = Array(planes)
    let area = width * height
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * area) { pixels, count in
      for pixel in 0..<area {
        for color in 0..<3 { pixels[3 * pixel + color] = planes[color * area + pixel] }
      }
      count = 3 * area
    }
    try self.init(width: width, height: height, pixels: pixels)
  }

  private static func check(width: Int, height: Int, byteCount: Int) throws(ImageError) {
    let (area, areaOverflows) = width.multipliedReportingOverflow(by: height)
    let (expected, overflows) = area.multipliedReportingOverflow(by: 3)
    guard width > 0, height > 0, !areaOverflows, !overflows, byteCount == expected else {
      throw .wrongByteCount(
        width: width, height: height, expectedBytes: areaOverflows || overflows ? Int.max : expected,
        actualBytes: byteCount)
    }
  }
}

extension DecodedImage {
  /// The middle of the image in `size` x `size` pixels, as planes of red, green and blue: [3, size, size].
  ///
  /// As torchvision's `Resize(size, Image.BOX)` and `CenterCrop(size)` of a Pillow image: the shorter side becomes
  /// `size`, the longer one in proportion, rounded down, each pixel the mean of those whose middle it covers, and of
  /// the longer side what is too much is cut off on both ends. An image of `size` x `size` stays as it is. The bytes
  /// are Pillow's, but for tall images, of which Pillow 13 rounds the columns before the rows: some differ by 1.
  ///
  /// Only what remains is computed, in memory for a few rows.
  ///
  /// - Parameter size: 1 or more.
  package func planes(size: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 3 * size * size) { planes, count in
      writePlanes(size: size, to: UnsafeMutableBufferPointer(rebasing: planes[..<(3 * size * size)]))
      count = 3 * size * size
    }
  }

  /// Likewise, to where 3 x size x size bytes have room.
  package func writePlanes(size: Int, to planes: UnsafeMutableBufferPointer<UInt8>) {
    precondition(size > 0 && planes.count == 3 * size * size, "room for three planes of \(size) x \(size)")
    let shorter = min(horizontal.pixels, vertical.pixels)
    func boxes(_ side: SampledSide) -> [BoxMean] {
      let length = side.pixels == shorter ? size : Int(Double(size * side.pixels) / Double(shorter))
      // Python's rounding, to the even one of two that are as near.
      let offset = Int((Double(length - size) / 2).rounded(.toNearestOrEven))
      return side.boxes(length: length, part: offset..<offset + size).map(BoxMean.init)
    }
    let (columns, rows) = (boxes(horizontal), boxes(vertical))
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3 * size) { line in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * size) { sums in
        pixels.withUnsafeBufferPointer { pixels in
          var rowInLine = -1
          for (y, row) in rows.enumerated() {
            sums.initialize(repeating: 0)
            for sample in row.samples {
              if sample != rowInLine {
                Self.shrink(pixels.baseAddress! + 3 * sample * width, columns, to: line)
                rowInLine = sample
              }
              for index in line.indices { sums[index] &+= Int(line[index]) }
            }
            for x in 0..<size {
              for color in 0..<3 { planes[(color * size + y) * size + x] = row.mean(ofSum: sums[3 * x + color]) }
            }
          }
        }
      }
    }
  }

  /// The means of a row's pixels, red, green and blue of each box.
  private static func shrink(
    _ row: UnsafePointer<UInt8>, _ columns: [BoxMean], to line: UnsafeMutableBufferPointer<UInt8>
  ) {
    for (x, column) in columns.enumerated() {
      var (red, green, blue) = (0, 0, 0)
      var pixel = row + 3 * column.samples.lowerBound
      for _ in column.samples {
        red &+= Int(pixel[0])
        green &+= Int(pixel[1])
        blue &+= Int(pixel[2])
        pixel += 3
      }
      line[3 * x] = column.mean(ofSum: red)
      line[3 * x + 1] = column.mean(ofSum: green)
      line[3 * x + 2] = column.mean(ofSum: blue)
    }
  }
}

/// The mean of some bytes, rounded as Pillow does it: with a weight that has so many bits behind the point.
private struct BoxMean {
  let samples: Range<Int>
  private let weight: Int
  private let bits: Int

  init(_ samples: Range<Int>) {
    self.samples = samples
    // Pillow always has 22, which is too few for thousands of bytes: of a million, white becomes grey.
    bits = samples.count <= 4096 ? 22 : 40
    weight = Int(0.5 + 1 / Double(samples.count) * Double(1 << bits))
  }

  func mean(ofSum sum: Int) -> UInt8 { UInt8(min((sum &* weight &+ 1 << (bits &- 1)) >> bits, 255)) }
}
