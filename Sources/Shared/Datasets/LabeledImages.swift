/// The one image format of this module: 32×32 pixels of three 8-bit channels (red, green, blue), ten classes.
package enum ImageFormat {
  package static let channels = 3
  package static let height = 32
  package static let width = 32
  /// Pixels of one channel.
  package static let planeSize = height * width
  /// Values of one image, and its bytes as UInt8.
  package static let valueCount = channels * planeSize
  package static let classCount = 10
}

/// A fixed collection of labeled 32×32 colour images that are read, or drawn, one by one on demand.
///
/// Any thread may read at any time.
package protocol LabeledImages: Sendable {
  /// Number of images.
  var count: Int { get }

  /// Class of the image at `index` (in `0..<count`): 0 to 9.
  func label(at index: Int) -> UInt8

  /// Writes the 3072 bytes of the image at `index` (in `0..<count`) as planes: red, green, blue, each 32 rows of
  /// 32 pixels (CHW).
  ///
  /// - Throws: `DatasetError` if the image cannot be read; `pixels` is then unspecified.
  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError)
}

extension LabeledImages {
  /// The first `limit` images.
  ///
  /// - Throws: `DatasetError.limitOutOfRange` unless `limit` is in `1...count`.
  package func limited(to limit: Int) throws(DatasetError) -> any LabeledImages {
    guard limit >= 1 && limit <= count else {
      throw .limitOutOfRange(limit: limit, available: count)
    }
    return limit == count ? self : FirstImages(base: self, count: limit)
  }
}

/// The first `count` images of another collection.
private struct FirstImages: LabeledImages {
  let base: any LabeledImages
  let count: Int

  func label(at index: Int) -> UInt8 {
    precondition(index < count, "image \(index) of \(count)")
    return base.label(at: index)
  }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index < count, "image \(index) of \(count)")
    try base.copyPixels(of: index, into: pixels)
  }
}
