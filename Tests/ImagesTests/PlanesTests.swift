import Testing

@testable import Images

/// Resizing and cutting, against loops that follow the words, and PNG files that come back.
@Suite struct PlanesTests {
  private static func image(_ width: Int, _ height: Int) throws -> DecodedImage {
    var state: UInt32 = 12345
    let pixels = (0..<width * height * 3).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    return try DecodedImage(width: width, height: height, pixels: pixels)
  }

  /// Planes as they are: [3, height, width].
  private static func planes(_ image: DecodedImage) -> [UInt8] {
    (0..<3).flatMap { color in stride(from: color, to: image.pixels.count, by: 3).map { image.pixels[$0] } }
  }

  @Test func anImageOfTheSizeStaysAsItIs() throws {
    for size in [1, 2, 32, 33] {
      let image = try Self.image(size, size)
      #expect(image.planes(size: size) == Self.planes(image))
      #expect(try DecodedImage(width: size, height: size, planes: Self.planes(image)) == image)
    }
  }

  /// The whole image, resized by first rows, then columns, and then cut.
  private static func reference(_ image: DecodedImage, size: Int) -> [UInt8] {
    let shorter = min(image.width, image.height)
    let (width, height) = (size * image.width / shorter, size * image.height / shorter)
    /// The mean of the values with their middle in the part `index` of `count` equal ones, or the one at its middle.
    func mean(_ values: [Int], _ index: Int, of count: Int) -> Int {
      let inside = values.indices.filter {
        let twiceTheMiddle = (2 * $0 + 1) * count
        return twiceTheMiddle > 2 * index * values.count && twiceTheMiddle <= 2 * (index + 1) * values.count
      }
      let used = count >= values.count ? [(2 * index + 1) * values.count / (2 * count)] : inside
      let sum = used.reduce(0) { $0 + values[$1] }
      return (2 * sum + used.count) / (2 * used.count)
    }
    func offset(_ length: Int) -> Int {
      // Half of what is too much; of an odd number, the even one beside its half.
      let half = (length - size) / 2
      return (length - size) % 2 == 0 || half % 2 == 0 ? half : half + 1
    }
    return (0..<3).flatMap { color -> [UInt8] in
      let narrow = (0..<image.height).map { y -> [Int] in
        let row = (0..<image.width).map { Int(image.pixels[(y * image.width + $0) * 3 + color]) }
        return (0..<width).map { mean(row, $0, of: width) }
      }
      return (0..<size).flatMap { y -> [UInt8] in
        (0..<size).map { x in
          UInt8(mean(narrow.map { $0[x + offset(width)] }, y + offset(height), of: height))
        }
      }
    }
  }

  @Test(arguments: [
    (24, 24, 12), (25, 18, 8), (18, 25, 8), (60, 3, 2), (3, 60, 2), (7, 5, 5), (8, 5, 5), (9, 5, 5), (10, 5, 5),
    (11, 5, 5), (12, 5, 5), (5, 12, 5), (1, 1, 4), (2, 3, 8), (5, 3, 7), (16, 16, 3), (20, 15, 1),
  ])
  func eachPixelIsAMean(width: Int, height: Int, size: Int) throws {
    let image = try Self.image(width, height)
    let (planes, expected) = (image.planes(size: size), Self.reference(image, size: size))
    #expect(planes.count == 3 * size * size)
    // A half may be rounded in either way.
    #expect(zip(planes, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 }, "\(planes) \(expected)")
    let differing = zip(planes, expected).filter { $0 != $1 }.count
    #expect(differing * 20 <= planes.count + 20, "\(differing) of \(planes.count)")
  }

  @Test func theMiddleIsCutOut() throws {
    // Of 5 x (5 + too much) pixels the columns are numbered.
    for (tooMuch, offset) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (6, 3), (7, 4)] {
      let width = 5 + tooMuch
      let pixels = (0..<5 * width * 3).map { UInt8($0 / 3 % width) }
      let image = try DecodedImage(width: width, height: 5, pixels: pixels)
      #expect(Array(image.planes(size: 5)[..<5]) == (offset..<offset + 5).map { UInt8($0) })
      let tall = Orientation.transposed.apply(to: image)
      #expect(
        stride(from: 0, to: 25, by: 5).map { tall.planes(size: 5)[$0] } == (offset..<offset + 5).map { UInt8($0) })
    }
  }

  @Test func longLinesTakeLittle() throws {
    let white = [UInt8](repeating: 255, count: 3 * 1_000_000)
    for (width, height) in [(1, 1_000_000), (1_000_000, 1)] {
      let image = try DecodedImage(width: width, height: height, pixels: white)
      #expect(image.planes(size: 32).allSatisfy { $0 == 255 })
    }
    // A box of a million.
    let row = SampledSide(pixels: 1_000_000).boxes(length: 1, part: 0..<1)
    #expect(row == [0..<1_000_000])
  }

  /// A JPEG at an eighth: the last sample is not all image, and after mirroring it is the first.
  @Test func reducedSidesAreMeasuredInSamples() {
    let side = SampledSide(pixels: 501, reduction: 8)
    #expect(side.samples == 63)
    #expect(side.covered == 62.625)
    #expect(side.mirrored.start == 0.375)
    #expect(side.mirrored.mirrored == side)
    #expect(ImageDecoder.reduction(shorterSide: 3000, size: 32) == 8)
    #expect(ImageDecoder.reduction(shorterSide: 1024, size: 32) == 4)
    #expect(ImageDecoder.reduction(shorterSide: 1023, size: 32) == 2)
    #expect(ImageDecoder.reduction(shorterSide: 511, size: 32) == 1)
    for part in [side, side.mirrored].map({ $0.boxes(length: 7, part: 0..<7) }) {
      #expect(part.allSatisfy { $0.count == 9 || $0.count == 8 })
    }
  }
}
