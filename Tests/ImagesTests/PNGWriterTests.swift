import ImageFixtures
import TestSupport
import Testing

@testable import Images

/// PNG files that are written, and read again.
@Suite struct PNGWriterTests {
  @Test(arguments: [(1, 1), (1, 7), (32, 32), (301, 3)]) func whatIsWrittenComesBack(width: Int, height: Int) throws {
    let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * 7 ^ $0 >> 3) }
    let image = try DecodedImage(width: width, height: height, pixels: pixels)
    #expect(try ImageDecoder().decode(image.png()) == image)
  }

  @Test func planesAreWritten() throws {
    let planes = (0..<3 * 32 * 32).map { UInt8(truncatingIfNeeded: $0 * $0 >> 4) }
    let file = try DecodedImage(width: 32, height: 32, planes: planes).png()
    #expect(try ImageDecoder().planes(file, size: 32) == planes)
  }

  @Test func otherBytesThanTheSidesSayAreRefused() {
    #expect(throws: ImageError.wrongByteCount(width: 2, height: 2, expectedBytes: 12, actualBytes: 11)) {
      try DecodedImage(width: 2, height: 2, pixels: [UInt8](repeating: 0, count: 11))
    }
    #expect(throws: ImageError.wrongByteCount(width: 0, height: 2, expectedBytes: 0, actualBytes: 0)) {
      try DecodedImage(width: 0, height: 2, planes: [])
    }
    #expect(throws: ImageError.self) { try DecodedImage(width: Int.max, height: 2, pixels: []) }
  }
}
