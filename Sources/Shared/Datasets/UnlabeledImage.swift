/// One image file whose class nobody has told, as a collection: its label is 0.
package struct UnlabeledImage: LabeledImages {
  package let task: ImageTask
  private let planes: [UInt8]

  /// - Parameter task: what is classified: square images of three channels.
  /// - Throws: `UnreadableImageError`.
  package init(_ path: String, _ task: ImageTask, _ reader: ImageFileReader) throws(UnreadableImageError) {
    precondition(task.shape.height == task.shape.width && task.shape.channels == 3, "image files for \(task.shape)")
    var planes = [UInt8](repeating: 0, count: task.imageBytes)
    try planes.withUnsafeMutableBufferPointer { (planes) throws(UnreadableImageError) in
      _ = try reader.read(path, size: task.shape.height, into: planes)
    }
    (self.task, self.planes) = (task, planes)
  }

  package var count: Int { 1 }

  package func label(at index: Int) -> UInt16 { 0 }

  package func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    planes.withUnsafeBufferPointer { pixels.update(from: $0.baseAddress!, count: $0.count) }
  }
}
