import Datasets
import Platform
import WeightFiles

extension NumPyFile {
  /// Writes images as they are read, uint8 `[images, channels, height, width]`.
  ///
  /// - Throws: `DatasetError`, `FileError`.
  package static func write(_ images: any LabeledImages, to path: String) throws {
    let shape = images.task.shape
    let header = header("|u1", shape: [images.count, shape.channels, shape.height, shape.width])
    var pixels = [UInt8](repeating: 0, count: shape.values)
    try AtomicFile.write(to: path) { writer in
      try header.withUnsafeBytes { try writer.write($0) }
      for index in 0..<images.count {
        try images.copyPixels(of: index, into: &pixels)
        try pixels.withUnsafeBytes { try writer.write($0) }
      }
    }
  }
}
