import CJPEG
import Platform

/// Reads JPEG files with libjpeg: its slow and exact transforms, and smooth colors, which are Pillow's settings, too.
enum JPEGReader {
  /// More scans than a progressive file of 8 bits can be made of with sense; a file of thousands would take minutes.
  private static let scanLimit: Int32 = 200

  /// - Parameter reduction: what the sides are divided by, 1, 2, 4 or 8, told the shorter one.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, limits: ImageDecoder, reduction: (_ shorterSide: Int) -> Int
  ) throws(ImageError) -> DecodedImage {
    guard let jpeg = trainer_jpeg_create(scanLimit) else { throw .undecodable(format: .jpeg, reason: "out of memory") }
    defer { trainer_jpeg_destroy(jpeg) }
    func failure() -> ImageError {
      if jpeg.pointee.ended_early != 0 { return .endsEarly(format: .jpeg, byteCount: bytes.count) }
      let message = withUnsafeBytes(of: &jpeg.pointee.message) { CText.string(Array($0.bindMemory(to: CChar.self))) }
      return .undecodable(format: .jpeg, reason: message)
    }
    guard trainer_jpeg_read_header(jpeg, bytes.baseAddress, bytes.count) != 0 else { throw failure() }
    let (width, height) = (Int(jpeg.pointee.decoder.image_width), Int(jpeg.pointee.decoder.image_height))
    try limits.check(.jpeg, width: width, height: height)
    var exifByteCount = 0
    let exif = trainer_jpeg_exif(jpeg, &exifByteCount)
    let orientation = Orientation(exif: UnsafeRawBufferPointer(start: exif, count: exifByteCount))

    let divisor = reduction(min(width, height))
    let horizontal = SampledSide(pixels: width, reduction: divisor)
    let vertical = SampledSide(pixels: height, reduction: divisor)
    var isDecoded = false
    let pixels = [UInt8](unsafeUninitializedCapacity: horizontal.samples * vertical.samples * 3) { pixels, count in
      isDecoded =
        trainer_jpeg_decode(jpeg, UInt32(divisor), pixels.baseAddress, horizontal.samples, vertical.samples) != 0
      count = isDecoded ? pixels.count : 0
    }
    guard isDecoded else { throw failure() }
    return orientation.apply(to: DecodedImage(horizontal: horizontal, vertical: vertical, pixels: pixels))
  }
}
