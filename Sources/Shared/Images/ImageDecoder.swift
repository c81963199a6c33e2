/// Makes pixels of JPEG and PNG files, whoever wrote them: red, green and blue, 8 bits each.
///
/// As `PIL.ImageOps.exif_transpose(PIL.Image.open(file)).convert("RGB")` does, which is what torchvision's users have:
///
/// - Grey becomes three equal colors, a palette its colors. Transparency is dropped, not laid over any background: the
///   pixels are those that the file has below it.
/// - Of 16 bits the high 8 are taken. (Pillow does so with colors; a grey of 16 bits it cuts off at 255, all white.)
/// - Four inks (CMYK, YCCK) are read as Adobe writes them, inverted, and mixed without a color profile.
/// - An Exif orientation turns the image. One that is only in XMP does not.
/// - Color profiles and gamma are not applied.
///
/// A file that ends early, or is damaged where pixels come from, is an error, never half an image. Nothing is allocated
/// before the header's size is within the limits; then 3 bytes a pixel, and up to 8 more for a progressive JPEG. What a
/// PNG file has besides pixels is neither inflated nor kept.
package struct ImageDecoder: Sendable {
  /// 100 megapixels: 300 MB of pixels.
  package static let defaultMaximumPixels = 100_000_000
  /// The longest row or column. (JPEG has 65,500 at most.)
  package static let maximumSide = 1_000_000

  /// The most pixels, width x height, that a file may have.
  package let maximumPixels: Int

  package init(maximumPixels: Int = ImageDecoder.defaultMaximumPixels) { self.maximumPixels = maximumPixels }

  /// The image of a whole file.
  ///
  /// - Throws: `ImageError`.
  package func decode(_ bytes: UnsafeRawBufferPointer) throws(ImageError) -> DecodedImage {
    try decode(bytes, reduction: { _ in 1 })
  }

  package func decode(_ bytes: [UInt8]) throws(ImageError) -> DecodedImage {
    try bytes.withUnsafeBufferPointer { (bytes) throws(ImageError) in try decode(UnsafeRawBufferPointer(bytes)) }
  }

  /// The image of a whole file, its middle in `size` x `size` pixels: see `DecodedImage.planes`.
  ///
  /// A JPEG whose sides are 16, 32 or 64 times as long is decoded at a half, a quarter or an eighth of its size, which
  /// is faster and takes less memory. Its result is not bit for bit that of the whole: of photographs the mean
  /// difference is at most 1 of 255.
  ///
  /// - Parameter size: 1 or more.
  /// - Returns: the planes of red, green and blue, [3, size, size].
  /// - Throws: `ImageError`.
  package func planes(_ bytes: UnsafeRawBufferPointer, size: Int) throws(ImageError) -> [UInt8] {
    try decode(bytes, reduction: { Self.reduction(shorterSide: $0, size: size) }).planes(size: size)
  }

  package func planes(_ bytes: [UInt8], size: Int) throws(ImageError) -> [UInt8] {
    try bytes.withUnsafeBufferPointer { (bytes) throws(ImageError) in
      try planes(UnsafeRawBufferPointer(bytes), size: size)
    }
  }

  /// Likewise, to where 3 x size x size bytes have room.
  ///
  /// - Returns: the pixels of the file's sides.
  /// - Throws: `ImageError`.
  package func writePlanes(
    of bytes: UnsafeRawBufferPointer, size: Int, to planes: UnsafeMutableBufferPointer<UInt8>
  ) throws(ImageError) -> (width: Int, height: Int) {
    let image = try decode(bytes, reduction: { Self.reduction(shorterSide: $0, size: size) })
    image.writePlanes(size: size, to: planes)
    return (image.horizontal.pixels, image.vertical.pixels)
  }

  /// How many samples a reduced JPEG must have at least, per side, for each pixel that is made of them. With 6, the
  /// mean difference to the whole is up to 1.7 of 255; with 4, up to 2.5: pixels end where samples do.
  static let reducedOversampling = 8

  /// What the sides of a JPEG may be divided by: 8, 4, 2 or 1.
  static func reduction(shorterSide: Int, size: Int) -> Int {
    [8, 4, 2].first { shorterSide / $0 >= reducedOversampling * size } ?? 1
  }

  /// - Parameter reduction: what the sides of a JPEG are divided by, told the shorter one.
  func decode(
    _ bytes: UnsafeRawBufferPointer, reduction: (_ shorterSide: Int) -> Int
  ) throws(ImageError) -> DecodedImage {
    switch ImageFormat(of: bytes) {
    case .jpeg: try JPEGReader.decode(bytes, limits: self, reduction: reduction)
    case .png: try PNGReader.decode(bytes, limits: self)
    case nil: throw .unknownFormat(firstBytes: Array(bytes.prefix(8)))
    }
  }

  func check(_ format: ImageFormat, width: Int, height: Int) throws(ImageError) {
    let (pixels, overflows) = width.multipliedReportingOverflow(by: height)
    guard !overflows, pixels <= maximumPixels else {
      throw .tooManyPixels(format: format, width: width, height: height, maximumPixels: maximumPixels)
    }
    guard max(width, height) <= Self.maximumSide else {
      throw .sideTooLong(format: format, width: width, height: height)
    }
  }
}
