import ImageFixtures
import Testing

@testable import Images

/// The eight orientations of Exif, in PNG and in JPEG files.
@Suite struct OrientationTests {
  /// A directory of one entry, the orientation; `isLong`: in 4 bytes instead of 2.
  private static func exif(_ orientation: Int, isLittleEndian: Bool, isLong: Bool = false) -> [UInt8] {
    func number(_ value: Int, _ bytes: Int) -> [UInt8] {
      let digits = (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return isLittleEndian ? digits : digits.reversed()
    }
    let value = isLong ? number(orientation, 4) : number(orientation, 2) + [0, 0]
    return Array((isLittleEndian ? "II" : "MM").utf8) + number(42, 2) + number(8, 4) + number(2, 2)
      + number(0x0100, 2) + number(4, 2) + number(1, 4) + number(3, 4)
      + number(0x0112, 2) + number(isLong ? 4 : 3, 2) + number(1, 4) + value + number(0, 4)
  }

  private static let turned: [(Int, [[Int]])] = [
    (1, [[1, 2, 3], [4, 5, 6]]),
    (2, [[3, 2, 1], [6, 5, 4]]),
    (3, [[6, 5, 4], [3, 2, 1]]),
    (4, [[4, 5, 6], [1, 2, 3]]),
    (5, [[1, 4], [2, 5], [3, 6]]),
    (6, [[4, 1], [5, 2], [6, 3]]),
    (7, [[6, 3], [5, 2], [4, 1]]),
    (8, [[3, 6], [2, 5], [1, 4]]),
  ]

  @Test(arguments: turned) func pngIsTurned(orientation: Int, expected: [[Int]]) throws {
    for (isLittleEndian, isLong, isBehind) in [(true, false, false), (false, false, true), (false, true, false)] {
      var file = MadePNG(width: 3, height: 2)
      let exif = Self.exif(orientation, isLittleEndian: isLittleEndian, isLong: isLong)
      let chunk = MadePNG.chunk("eXIf", (isLong ? Array("Exif\0\0".utf8) : []) + exif)
      if isBehind { file.behind = chunk } else { file.before = chunk }
      let image = try ImageDecoder().decode(file.bytes((1...6).flatMap { [$0, 100 + $0, 200 + $0] }))
      #expect(image.height == expected.count)
      #expect(image.width == expected[0].count)
      #expect(image.pixels == expected.joined().flatMap { [UInt8($0), UInt8(100 + $0), UInt8(200 + $0)] })
    }
  }

  private static func jpeg(_ exif: [UInt8]) -> [UInt8] {
    var file = SmallJPEG.colors.bytes
    let content = Array("Exif\0\0".utf8) + exif
    file.insert(contentsOf: [0xFF, 0xE1, 0, UInt8(content.count + 2)] + content, at: 2)
    return file
  }

  @Test(arguments: 1...8) func jpegIsTurned(orientation: Int) throws {
    let upright = try ImageDecoder().decode(SmallJPEG.colors.bytes)
    let image = try ImageDecoder().decode(Self.jpeg(Self.exif(orientation, isLittleEndian: orientation % 2 == 0)))
    #expect(image == (try #require(Orientation(rawValue: orientation))).apply(to: upright))
    #expect((image.width, image.height) == (orientation < 5 ? (4, 3) : (3, 4)))
  }

  /// Exif that says nothing, or nothing that can be read, leaves the image as it is.
  @Test func brokenExifTurnsNothing() throws {
    let upright = try ImageDecoder().decode(SmallJPEG.colors.bytes)
    let exif = Self.exif(6, isLittleEndian: false)
    for count in 0..<exif.count - 6 {
      #expect(try ImageDecoder().decode(Self.jpeg(Array(exif[..<count]))) == upright, "\(count) bytes")
    }
    for orientation in [0, 9, 0xFFFF] {
      #expect(try ImageDecoder().decode(Self.jpeg(Self.exif(orientation, isLittleEndian: true))) == upright)
    }
    for place in exif.indices {
      var changed = exif
      changed[place] = 0xFF
      let image = try ImageDecoder().decode(Self.jpeg(changed))
      #expect(image.pixels.count == upright.pixels.count)
    }
  }
}
