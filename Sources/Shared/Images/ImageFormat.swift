/// The formats of image files that are read.
package enum ImageFormat: String, Sendable, CaseIterable {
  case jpeg = "JPEG"
  case png = "PNG"

  /// The bytes that each file of the format begins with.
  package var firstBytes: [UInt8] {
    switch self {
    case .jpeg: [0xFF, 0xD8, 0xFF]
    case .png: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    }
  }

  /// The format of a file by its first bytes, whatever its name is; nil if it is another one.
  package init?(of bytes: UnsafeRawBufferPointer) {
    guard let format = Self.allCases.first(where: { bytes.starts(with: $0.firstBytes) }) else { return nil }
    self = format
  }

  package init?(of bytes: [UInt8]) {
    guard let format = bytes.withUnsafeBytes({ Self(of: $0) }) else { return nil }
    self = format
  }
}
