import Images
import Platform

/// Makes of an image file what a network sees: its middle, resized, as bytes.
package struct ImageFileReader: Sendable {
  /// A file that is longer is none of an image.
  private static let maximumFileBytes = 1 << 28
  private let decoder = ImageDecoder()

  package init() {}

  /// Reads and decodes a file.
  ///
  /// - Parameters:
  ///   - size: pixels of a side, 1 or more.
  ///   - planes: where 3 x size x size bytes have room, [3, size, size]; unspecified after an error.
  /// - Returns: the sides of the image in the file.
  /// - Throws: `UnreadableImageError`.
  package func read(
    _ path: String, size: Int, into planes: UnsafeMutableBufferPointer<UInt8>
  ) throws(UnreadableImageError) -> ImageSides {
    do {
      var status = stat()
      try SystemCall.run("stat") { stat(path, &status) }
      guard status.st_mode & S_IFMT == S_IFREG else { throw UnreadableImageError(reason: "not a regular file") }
      guard status.st_size <= Self.maximumFileBytes else {
        throw UnreadableImageError(reason: "\(status.st_size) bytes, expected at most \(Self.maximumFileBytes)")
      }
      let sides = try FileOperations.live.contents(of: path).withUnsafeBytes {
        try decoder.writePlanes(of: $0, size: size, to: planes)
      }
      return ImageSides(width: sides.width, height: sides.height)
    } catch let error as UnreadableImageError {
      throw error
    } catch let error as SystemError {
      throw UnreadableImageError(reason: SystemError.text(of: error.errnoCode))
    } catch { throw UnreadableImageError(reason: "\(error)") }
  }
}

/// Why a file gives no image; whoever knows its name puts it before.
package struct UnreadableImageError: Error, Equatable, Sendable {
  package let reason: String
}
