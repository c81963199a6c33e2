import Datasets
import Platform
import WeightFiles

extension NumPyFile {
  /// Writes images as they are read, uint8 `[images, 3, 32, 32]`.
  ///
  /// - Throws: `DatasetError`, `FileError`.
  package static func write(_ images: any LabeledImages, to path: String) throws {
    let header = header(
      "|u1", shape: [images.count, ImageFormat.channels, ImageFormat.height, ImageFormat.width])
    var pixels = [UInt8](repeating: 0, count: ImageFormat.valueCount)
    try AtomicFile.write(to: path) { writer in
      try header.withUnsafeBytes { try writer.write($0) }
      for index in 0..<images.count {
        try images.copyPixels(of: index, into: &pixels)
        try pixels.withUnsafeBytes { try writer.write($0) }
      }
    }
  }
}
