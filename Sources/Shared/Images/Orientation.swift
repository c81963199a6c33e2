/// How the pixels of a file are turned before they are shown; the numbers are those of Exif.
enum Orientation: Int, CaseIterable, Sendable {
  case upright = 1
  case mirrored, upsideDown, mirroredUpsideDown
  case transposed, turnedRight, transposedUpsideDown, turnedLeft

  /// Whether the file's columns are the image's rows.
  private var isTransposed: Bool { rawValue >= 5 }
  /// Whether the file's first column is the last of the image, or its last row.
  private var isFlippedAcross: Bool { [2, 3, 7, 8].contains(rawValue) }
  /// Whether the file's first row is the last of the image, or its last column.
  private var isFlippedDown: Bool { [3, 4, 6, 7].contains(rawValue) }

  /// The image of a file's pixels.
  func apply(to image: DecodedImage) -> DecodedImage {
    guard self != .upright else { return image }
    var (across, down) = (image.horizontal, image.vertical)
    if isFlippedAcross { across = across.mirrored }
    if isFlippedDown { down = down.mirrored }
    let (horizontal, vertical) = isTransposed ? (down, across) : (across, down)
    // How far apart in the file, in pixels, neighbors of the image are.
    let columnStep = isFlippedAcross ? -1 : 1
    let rowStep = isFlippedDown ? -image.width : image.width
    let (stepRight, stepDown) = isTransposed ? (rowStep, columnStep) : (columnStep, rowStep)
    let origin =
      (isFlippedAcross ? image.width - 1 : 0) + (isFlippedDown ? (image.height - 1) * image.width : 0)
    let pixels = [UInt8](unsafeUninitializedCapacity: image.pixels.count) { pixels, count in
      image.pixels.withUnsafeBufferPointer { source in
        var to = 0
        for row in 0..<vertical.samples {
          var from = 3 * (origin + row * stepDown)
          for _ in 0..<horizontal.samples {
            pixels[to] = source[from]
            pixels[to + 1] = source[from + 1]
            pixels[to + 2] = source[from + 2]
            to += 3
            from += 3 * stepRight
          }
        }
      }
      count = image.pixels.count
    }
    return DecodedImage(horizontal: horizontal, vertical: vertical, pixels: pixels)
  }
}

extension Orientation {
  /// The orientation that Exif data says; upright if they say none, or cannot be read.
  ///
  /// - Parameter exif: from the TIFF header on, or with "Exif" and two zeros before it.
  init(exif: UnsafeRawBufferPointer) {
    self = Self.read(exif) ?? .upright
  }

  private static func read(_ exif: UnsafeRawBufferPointer) -> Orientation? {
    let name = Array("Exif\0\0".utf8)
    let tiff = UnsafeRawBufferPointer(rebasing: exif[(exif.starts(with: name) ? name.count : 0)...])
    let isLittleEndian = tiff.starts(with: Array("II*\0".utf8))
    guard isLittleEndian || tiff.starts(with: Array("MM\0*".utf8)) else { return nil }
    /// A number of so many bytes, or nil beyond the end.
    func number(at offset: Int, bytes: Int) -> Int? {
      guard offset >= 0, offset + bytes <= tiff.count else { return nil }
      let digits = tiff[offset..<offset + bytes]
      let ordered: [UInt8] = isLittleEndian ? digits.reversed() : Array(digits)
      return ordered.reduce(0) { $0 << 8 | Int($1) }
    }
    let (tagOfOrientation, short, long) = (0x112, 3, 4)
    guard let directory = number(at: 4, bytes: 4), let entries = number(at: directory, bytes: 2) else { return nil }
    for entry in 0..<entries {
      let offset = directory + 2 + 12 * entry
      guard let tag = number(at: offset, bytes: 2) else { return nil }
      guard tag == tagOfOrientation else { continue }
      let type = number(at: offset + 2, bytes: 2)
      guard type == short || type == long else { return nil }
      return number(at: offset + 8, bytes: type == short ? 2 : 4).flatMap(Orientation.init(rawValue:))
    }
    return nil
  }
}
