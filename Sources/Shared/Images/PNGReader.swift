import CPNG
import Platform

/// Reads PNG files with libpng.
enum PNGReader {
  static func decode(_ bytes: UnsafeRawBufferPointer, limits: ImageDecoder) throws(ImageError) -> DecodedImage {
    guard let reader = trainer_png_create() else { throw .undecodable(format: .png, reason: "out of memory") }
    defer { trainer_png_destroy(reader) }
    func failure() -> ImageError {
      if reader.pointee.ended_early != 0 { return .endsEarly(format: .png, byteCount: bytes.count) }
      let message = withUnsafeBytes(of: &reader.pointee.message) { CText.string(Array($0.bindMemory(to: CChar.self))) }
      return .undecodable(format: .png, reason: message)
    }
    guard trainer_png_read_header(reader, bytes.baseAddress, bytes.count) != 0 else { throw failure() }
    let (width, height) = (Int(reader.pointee.width), Int(reader.pointee.height))
    try limits.check(.png, width: width, height: height)
    var isDecoded = false
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { pixels, count in
      isDecoded = trainer_png_decode(reader, pixels.baseAddress) != 0
      count = isDecoded ? width * height * 3 : 0
    }
    guard isDecoded else { throw failure() }
    return orientation(bytes).apply(
      to: DecodedImage(
        horizontal: SampledSide(pixels: width), vertical: SampledSide(pixels: height), pixels: pixels))
  }

  /// What the eXIf chunk says, which may be before the pixels or behind them.
  ///
  /// A chunk is its length, its name, so many bytes, and four of a checksum.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Orientation {
    var offset = ImageFormat.png.firstBytes.count
    while offset + 12 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      guard offset + 12 + length <= bytes.count else { break }
      if bytes[offset + 4..<offset + 8].elementsEqual("eXIf".utf8) {
        return Orientation(exif: UnsafeRawBufferPointer(rebasing: bytes[offset + 8..<offset + 8 + length]))
      }
      offset += 12 + length
    }
    return .upright
  }
}
