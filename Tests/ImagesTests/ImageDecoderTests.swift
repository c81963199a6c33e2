import ImageFixtures
import Testing

@testable import Images

/// Files of each kind, and the pixels that they have.
@Suite struct ImageDecoderTests {
  private static let decoder = ImageDecoder()

  @Test(arguments: SmallJPEG.allCases) func jpegHasPillowsPixels(file: SmallJPEG) throws {
    let image = try Self.decoder.decode(file.bytes)
    #expect(image.width == SmallJPEG.width)
    #expect(image.height == SmallJPEG.height)
    // Another version of libjpeg may round in another way.
    let differences = zip(image.pixels, file.pixels).map { abs(Int($0) - Int($1)) }
    #expect(differences.count == image.pixels.count)
    #expect(differences.allSatisfy { $0 <= 2 }, "\(image.pixels)")
  }

  /// What a sample of so many bits is in 8: of 16 the high ones, of fewer the same part of the whole.
  private static func byte(_ sample: Int, depth: Int) -> UInt8 {
    UInt8(depth == 16 ? sample >> 8 : sample * 255 / (1 << depth - 1))
  }

  @Test(arguments: MadePNG.Color.allCases, [false, true])
  func pngHasItsColorsWhateverItsAlpha(color: MadePNG.Color, isInterlaced: Bool) throws {
    for depth in color.depths {
      for (width, height) in [(1, 1), (3, 2), (9, 10), (17, 5)] {
        var file = MadePNG(color, depth: depth, width: width, height: height)
        file.isInterlaced = isInterlaced
        let samples = (0..<width * height * color.channels).map { ($0 * 40_507 + 77) % (1 << depth) }
        let palette = (0..<3 * (1 << min(depth, 8))).map { UInt8(truncatingIfNeeded: $0 * 29 + 5) }
        if color == .palette {
          file.before = MadePNG.chunk("PLTE", palette) + MadePNG.chunk("tRNS", [0, 128])
        } else if color == .grey {
          file.before = MadePNG.chunk("tRNS", [UInt8(samples[0] >> 8), UInt8(samples[0] & 255)])
        }
        let expected: [UInt8] = (0..<width * height).flatMap { pixel -> [UInt8] in
          let channels = samples[pixel * color.channels..<(pixel + 1) * color.channels]
          if color == .palette { return Array(palette[3 * channels.first!..<3 * channels.first! + 3]) }
          let bytes = channels.map { Self.byte($0, depth: depth) }
          return color.channels < 3 ? [bytes[0], bytes[0], bytes[0]] : Array(bytes[..<3])
        }
        let image = try Self.decoder.decode(file.bytes(samples))
        #expect(image.width == width)
        #expect(image.height == height)
        #expect(image.pixels == expected, "\(color) of \(depth) bits, \(width) x \(height)")
      }
    }
  }

  @Test func theFormatIsThatOfTheFirstBytes() throws {
    #expect(ImageFormat(of: SmallJPEG.grey.bytes) == .jpeg)
    #expect(ImageFormat(of: MadePNG(width: 1, height: 1).headerBytes()) == .png)
    #expect(ImageFormat(of: []) == nil)
    #expect(ImageFormat(of: [0xFF, 0xD8]) == nil)
    // cat.jpg, with a text.
    let text = Array("Not an image\n".utf8)
    #expect(throws: ImageError.unknownFormat(firstBytes: Array(text[..<8]))) { try Self.decoder.decode(text) }
    #expect(throws: ImageError.unknownFormat(firstBytes: [])) { try Self.decoder.planes([], size: 32) }
  }

  @Test func aHeaderThatPromisesTooMuchIsRefused() throws {
    let bomb = MadePNG(width: 60_000, height: 60_000).headerBytes() + MadePNG.chunk("IDAT", MadePNG.stored([0]))
    #expect(
      throws: ImageError.tooManyPixels(
        format: .png, width: 60_000, height: 60_000, maximumPixels: ImageDecoder.defaultMaximumPixels)
    ) { try Self.decoder.decode(bomb) }
    let line = MadePNG(width: 1, height: 1_000_001).headerBytes() + MadePNG.chunk("IDAT", MadePNG.stored([0]))
    #expect(throws: ImageError.sideTooLong(format: .png, width: 1, height: 1_000_001)) {
      try Self.decoder.decode(line)
    }
    let longest = MadePNG(width: 1 << 31 - 1, height: 1 << 31 - 1).headerBytes()
    #expect(throws: ImageError.self) { try Self.decoder.decode(longest + MadePNG.chunk("IDAT", [])) }

    // The frame header has the height and the width behind its length and the sample's bits.
    for file in [SmallJPEG.grey, .progressive] {
      var bytes = file.bytes
      let frame = try #require(bytes.indices.first { bytes[$0] == 0xFF && [0xC0, 0xC2].contains(bytes[$0 + 1]) })
      bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0, 0xFF, 0])
      #expect(
        throws: ImageError.tooManyPixels(
          format: .jpeg, width: 65_280, height: 65_280, maximumPixels: ImageDecoder.defaultMaximumPixels)
      ) { try Self.decoder.decode(bytes) }
      // Within the limits, and cut off: nothing of it.
      bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x10, 0, 0x10, 0])
      #expect(throws: ImageError.self) { try Self.decoder.decode(bytes) }
    }
    let small = ImageDecoder(maximumPixels: 12)
    #expect(try small.decode(SmallJPEG.colors.bytes).pixels.count == 36)
    #expect(
      throws: ImageError.tooManyPixels(format: .jpeg, width: 4, height: 3, maximumPixels: 11)
    ) { try ImageDecoder(maximumPixels: 11).decode(SmallJPEG.colors.bytes) }
  }

  @Test func chunksBesideThePixelsAreSkipped() throws {
    var file = MadePNG(width: 1, height: 1)
    let zeros = MadePNG.stored([UInt8](repeating: 0, count: 100_000))
    file.before = MadePNG.chunk("iCCP", Array("profile\0\0".utf8) + zeros) + MadePNG.chunk("zTXt", [1, 2, 3])
    file.behind = MadePNG.chunk("iTXt", Array("text".utf8)) + MadePNG.chunk("tIME", [])
    #expect(try Self.decoder.decode(file.bytes([1, 2, 3])).pixels == [1, 2, 3])
  }

  /// Cut off anywhere, a file is refused: never half an image.
  @Test func whatIsCutOffIsRefused() throws {
    var interlaced = MadePNG(.rgba, width: 5, height: 4)
    interlaced.isInterlaced = true
    let files = [
      MadePNG(.grey, depth: 2, width: 9, height: 3).bytes([Int](repeating: 1, count: 27)),
      interlaced.bytes(Array(0..<80)),
    ]
    for file in files + SmallJPEG.allCases.map(\.bytes) {
      _ = try Self.decoder.decode(file)
      for count in file.indices {
        #expect(throws: ImageError.self, "\(count) of \(file.count) bytes") {
          try Self.decoder.decode(Array(file[..<count]))
        }
      }
    }
    let jpeg = SmallJPEG.colors.bytes
    #expect(throws: ImageError.endsEarly(format: .jpeg, byteCount: jpeg.count - 2)) {
      try Self.decoder.decode(jpeg.dropLast(2))
    }
    #expect(throws: ImageError.endsEarly(format: .png, byteCount: 40)) {
      try Self.decoder.decode(Array(files[0][..<40]))
    }
  }

  @Test func aChangedByteIsNoCrash() throws {
    var wide = MadePNG(.palette, depth: 4, width: 7, height: 3)
    wide.before = MadePNG.chunk("PLTE", Array(0..<48))
    let png = wide.bytes((0..<21).map { $0 % 16 })
    for file in [png] + SmallJPEG.allCases.map(\.bytes) {
      for place in file.indices {
        for change: UInt8 in [0x01, 0x80, 0xFF] {
          var changed = file
          changed[place] ^= change
          for bytes in [changed, MadePNG.mended(changed)] {
            guard let image = try? ImageDecoder(maximumPixels: 1 << 20).decode(bytes) else { continue }
            #expect(image.pixels.count == image.width * image.height * 3)
          }
        }
      }
    }
  }

  @Test func errorsAreLines() {
    let errors: [ImageError] = [
      .unknownFormat(firstBytes: [0x0A, 0xFF]),
      .tooManyPixels(format: .png, width: 60_000, height: 60_000, maximumPixels: 100),
      .endsEarly(format: .jpeg, byteCount: 5),
      .undecodable(format: .png, reason: "IDAT: CRC error"),
      .wrongByteCount(width: 2, height: 1, expectedBytes: 6, actualBytes: 5),
    ]
    #expect(
      errors.map(\.description) == [
        "image: expected the first bytes of a JPEG or PNG file, found 0a ff",
        "PNG image: expected at most 100 pixels, found 60000 x 60000",
        "JPEG image: expected more than the 5 bytes that there are: the file is cut off",
        "PNG image: cannot be decoded: IDAT: CRC error",
        "pixels of a PNG image: expected 6 bytes for 2 x 1, found 5",
      ])
  }
}
