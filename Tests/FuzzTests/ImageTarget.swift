import ImageFixtures

@testable import Images

extension FuzzTarget {
  /// Image files of strangers: an `ImageError`, or an image of the size that was asked for. (libjpeg and libpng are not
  /// instrumented: the fuzzer sees which of their answers it gets, not what they do with the bytes.)
  static let images = FuzzTarget("images", words: ["IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "Exif\0\0II*\0"]) {
    var interlaced = MadePNG(.rgba, depth: 16, width: 3, height: 5)
    interlaced.isInterlaced = true
    var palette = MadePNG(.palette, depth: 2, width: 5, height: 2)
    palette.before = MadePNG.chunk("PLTE", Array(0..<12))
    palette.behind = MadePNG.chunk(
      "eXIf", Array("II*\0\u{8}\0\0\0\u{1}\0\u{12}\u{1}\u{3}\0\u{1}\0\0\0\u{6}\0\0\0".utf8))
    let files = [
      interlaced.bytes(Array(0..<60)), palette.bytes((0..<10).map { $0 % 4 }),
      MadePNG(.grey, depth: 1, width: 9, height: 2).bytes((0..<18).map { $0 % 2 }),
      MadePNG(.greyAlpha, width: 1, height: 2).bytes([1, 2, 3, 4]),
      try DecodedImage(
        width: 40, height: 33, pixels: [UInt8](repeating: 99, count: 3960)
      ).png(),
    ]
    let ofFiles: [[UInt8]] = (files + SmallJPEG.allCases.map(\.bytes)).flatMap { [[0] + $0, [1] + $0] }
    let ofOwn: [[UInt8]] = [
      [2, 3, 2, 9, 3] + Array(1...30), [2, 8, 0, 3, 40, 0, 4, 200, 1, 7], [2, 12, 2, 1, 7] + Array(0...200),
    ]
    return ofFiles + ofOwn
  } run: { input in
    var input = FuzzInput(input)
    let bytes: [UInt8]
    switch input.choice(3) {
    case 0: bytes = input.rest()
    // Or the fuzzer would hardly ever get past a checksum.
    case 1: bytes = MadePNG.mended(input.rest())
    default:
      let color = input.one(of: MadePNG.Color.allCases)
      var file = MadePNG(color, depth: input.one(of: color.depths), width: 1 + input.choice(200), height: 1)
      file.height = 1 + input.choice(200)
      file.isInterlaced = input.choice(2) == 1
      if color == .palette { file.before = MadePNG.chunk("PLTE", input.bytes(3 * input.choice(17))) }
      if input.choice(4) == 0 { file.behind = MadePNG.chunk("eXIf", input.bytes(40)) }
      let samples = input.rest().map { Int($0) * 257 }
      let count = min(file.width * file.height * color.channels, 4096)
      file.height = max(1, count / (file.width * color.channels))
      bytes = file.bytes((0..<file.width * file.height * color.channels).map { $0 < samples.count ? samples[$0] : $0 })
      let image = try? ImageDecoder().decode(bytes)
      try require(
        image.map { max($0.width, $0.height) == max(file.width, file.height) } ?? (color == .palette),
        "a right file of \(file.width) x \(file.height) that is not read")
    }
    do {
      let decoder = ImageDecoder(maximumPixels: 1 << 20)
      let image = try decoder.decode(bytes)
      try require(image.pixels.count == 3 * image.width * image.height, "\(image.width) x \(image.height) pixels")
      for size in [1, 32] {
        let planes = try decoder.planes(bytes, size: size)
        try require(planes.count == 3 * size * size, "\(planes.count) bytes for \(size) x \(size) pixels")
      }
      if (image.width, image.height) == (32, 32) {
        let planes = image.planes(size: 32)
        let again = try DecodedImage(width: 32, height: 32, planes: planes)
        try require(again.pixels == image.pixels, "an image of the size that did not stay as it is")
      }
      if image.width * image.height <= 4096 {
        try require(try decoder.decode(image.png()).pixels == image.pixels, "a PNG that does not come back")
      }
    } catch is ImageError {}
  }
}
