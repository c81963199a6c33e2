import CPNG
import Platform

extension DecodedImage {
  /// The image as a PNG file of 8-bit colors.
  ///
  /// - Throws: `ImageError.notEncodable`.
  package func png() throws(ImageError) -> [UInt8] {
    guard max(width, height) <= ImageDecoder.maximumSide else {
      throw .notEncodable(
        width: width, height: height, reason: "a side is longer than \(ImageDecoder.maximumSide) pixels")
    }
    let (columns, rows) = (UInt32(width), UInt32(height))
    var message = [CChar](repeating: 0, count: 64)
    var isWritten = false
    let bytes = [UInt8](unsafeUninitializedCapacity: trainer_png_write_bound(columns, rows)) { bytes, count in
      count = bytes.count
      isWritten = trainer_png_write(pixels, columns, rows, bytes.baseAddress, &count, &message) != 0
      if !isWritten { count = 0 }
    }
    guard isWritten else { throw .notEncodable(width: width, height: height, reason: CText.string(message)) }
    return bytes
  }
}
