/// A fixed collection of labeled images that are read, or drawn, one by one on demand.
///
/// Any thread may read at any time.
package protocol LabeledImages: Sendable {
  /// Their shape, classes and normalization.
  var task: ImageTask { get }

  /// Number of images.
  var count: Int { get }

  /// Class of the image at `index` (in `0..<count`), in `0..<task.classes`.
  func label(at index: Int) -> UInt16

  /// Writes the `task.imageBytes` bytes of the image at `index` (in `0..<count`) as planes, row by row (CHW).
  ///
  /// - Throws: `DatasetError` if the image cannot be read; `pixels` is then unspecified.
  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError)
}

extension LabeledImages {
  /// The first `limit` images.
  ///
  /// - Throws: `DatasetError.limitOutOfRange` unless `limit` is in `1...count`.
  package func limited(to limit: Int) throws(DatasetError) -> any LabeledImages {
    guard limit >= 1 && limit <= count else { throw .limitOutOfRange(limit: limit, available: count) }
    return limit == count ? self : FirstImages(base: self, count: limit)
  }
}

/// The first `count` images of another collection.
private struct FirstImages: LabeledImages {
  let base: any LabeledImages
  let count: Int

  var task: ImageTask { base.task }

  func label(at index: Int) -> UInt16 {
    precondition(index < count, "image \(index) of \(count)")
    return base.label(at: index)
  }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index < count, "image \(index) of \(count)")
    try base.copyPixels(of: index, into: pixels)
  }
}
