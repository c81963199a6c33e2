/// What can be wrong with an image. Each description is one line; whoever knows the file's name puts it before.
package enum ImageError: Error, Equatable, Sendable {
  /// Neither of the formats; the first bytes, 8 at most.
  case unknownFormat(firstBytes: [UInt8])
  /// The file's header promises more pixels than are allowed.
  case tooManyPixels(format: ImageFormat, width: Int, height: Int, maximumPixels: Int)
  /// A row or a column is longer than `ImageDecoder.maximumSide`.
  case sideTooLong(format: ImageFormat, width: Int, height: Int)
  /// The file ends before the image does.
  case endsEarly(format: ImageFormat, byteCount: Int)
  /// Bytes that do not make an image, or not one of a kind that is read; the reason in the words of libjpeg or libpng.
  case undecodable(format: ImageFormat, reason: String)
  /// Pixels for a PNG that are not as many as its sides say.
  case wrongByteCount(width: Int, height: Int, expectedBytes: Int, actualBytes: Int)
  /// A PNG could not be made; the reason in the words of libpng.
  case notEncodable(width: Int, height: Int, reason: String)
}

extension ImageError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownFormat(let firstBytes):
      "image: expected the first bytes of a JPEG or PNG file, found "
        + (firstBytes.isEmpty ? "an empty file" : firstBytes.map(Self.hexadecimal).joined(separator: " "))
    case .tooManyPixels(let format, let width, let height, let maximumPixels):
      "\(format.rawValue) image: expected at most \(maximumPixels) pixels, found \(width) x \(height)"
    case .sideTooLong(let format, let width, let height):
      "\(format.rawValue) image: expected sides of at most \(ImageDecoder.maximumSide) pixels, found \(width) x \(height)"
    case .endsEarly(let format, let byteCount):
      "\(format.rawValue) image: expected more than the \(byteCount) bytes that there are: the file is cut off"
    case .undecodable(let format, let reason): "\(format.rawValue) image: cannot be decoded: \(reason)"
    case .wrongByteCount(let width, let height, let expectedBytes, let actualBytes):
      "pixels of a PNG image: expected \(expectedBytes) bytes for \(width) x \(height), found \(actualBytes)"
    case .notEncodable(let width, let height, let reason):
      "PNG image of \(width) x \(height): cannot be made: \(reason)"
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}
