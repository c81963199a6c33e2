/// PNG files of every kind, made by hand, so that what reads them is not tested with what writes them.
package struct MadePNG {
  package enum Color: UInt8, CaseIterable, Sendable {
    case grey = 0
    case rgb = 2
    case palette = 3
    case greyAlpha = 4
    case rgba = 6

    package var channels: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    }

    /// The bits that a sample may have.
    package var depths: [Int] {
      switch self {
      case .grey: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .rgb, .greyAlpha, .rgba: [8, 16]
      }
    }
  }

  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Adam7: where each pass begins, and how far apart its pixels are.
  private static let passes = [
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
  ]

  package var color = Color.rgb
  package var depth = 8
  package var width = 1
  package var height = 1
  package var isInterlaced = false
  /// Whole chunks between the header and the pixels, and behind the pixels.
  package var before: [UInt8] = []
  package var behind: [UInt8] = []

  package init(_ color: Color = .rgb, depth: Int = 8, width: Int, height: Int) {
    (self.color, self.depth, self.width, self.height) = (color, depth, width, height)
  }

  /// The file whose samples are these: row by row, and of each pixel its channels.
  package func bytes(_ samples: [Int]) -> [UInt8] {
    Self.signature + header() + before + Self.chunk("IDAT", Self.stored(rows(samples))) + behind
      + Self.chunk("IEND", [])
  }

  /// The header and nothing else.
  package func headerBytes() -> [UInt8] { Self.signature + header() }

  private func header() -> [UInt8] {
    Self.chunk(
      "IHDR",
      Self.bigEndian(width) + Self.bigEndian(height)
        + [UInt8(depth), color.rawValue, 0, 0, isInterlaced ? 1 : 0])
  }

  /// A zero, which says that the row is as it is, and the samples of each row of each pass.
  private func rows(_ samples: [Int]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (left, top, across, down) in isInterlaced ? Self.passes : [(0, 0, 1, 1)] where left < width {
      for y in stride(from: top, to: height, by: down) {
        var bits: [UInt8] = []
        for x in stride(from: left, to: width, by: across) {
          for channel in 0..<color.channels {
            let sample = samples[(y * width + x) * color.channels + channel]
            for bit in (0..<depth).reversed() { bits.append(UInt8(sample >> bit & 1)) }
          }
        }
        bits += [UInt8](repeating: 0, count: (8 - bits.count % 8) % 8)
        bytes.append(0)
        for start in stride(from: 0, to: bits.count, by: 8) {
          bytes.append(bits[start..<start + 8].reduce(0) { $0 << 1 | $1 })
        }
      }
    }
    return bytes
  }

  /// A chunk: its length, its name, its bytes and their checksum.
  package static func chunk(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    let content = Array(name.utf8) + bytes
    return bigEndian(bytes.count) + content + bigEndian(Int(checksum(content)))
  }

  /// Bytes as zlib has them, not compressed.
  package static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + 0xFFFF, bytes.count)
      let count = UInt16(end - start)
      result.append(end == bytes.count ? 1 : 0)
      result += [UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8)]
      result += bytes[start..<end]
      start = end
    } while start < bytes.count
    var (low, high) = (1, 0)
    for byte in bytes {
      low = (low + Int(byte)) % 65521
      high = (high + low) % 65521
    }
    return result + bigEndian(high << 16 | low)
  }

  /// The file with the checksums of its chunks put right, up to where there are no chunks.
  package static func mended(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var offset = 8
    while offset + 12 <= file.count {
      let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = offset + 8 + length
      guard end + 4 <= file.count else { break }
      file.replaceSubrange(end..<end + 4, with: bigEndian(Int(checksum(Array(file[offset + 4..<end])))))
      offset = end + 4
    }
    return file
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static let checksums = (0..<256 as Range<UInt32>).map { byte in
    (0..<8).reduce(byte) { sum, _ in sum >> 1 ^ (sum & 1 == 0 ? 0 : 0xEDB8_8320) }
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { sum, byte in sum >> 8 ^ checksums[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
  }
}
