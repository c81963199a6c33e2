import Foundation
import Images

/// A folder of drawn PNG files: of two classes six for training and two for testing each, 20x16 pixels.
struct PhotoFolder {
  let path: String

  init(in directory: TemporaryDirectory) throws {
    path = try directory.subdirectory("photos")
    for (label, name) in ["cat", "dog"].enumerated() {
      for number in 0..<6 { try write("train/\(name)/\(number).png", Self.png(seed: 10 * label + number)) }
      for number in 0..<2 { try write("test/\(name)/\(2 * number + label).png", Self.png(seed: 50 * label + number)) }
    }
  }

  /// The test images in the order in which they are classified.
  var testFiles: [String] { ["test/cat/0.png", "test/dog/1.png", "test/cat/2.png", "test/dog/3.png"].map(file) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  /// A file whose pixels follow from `seed`.
  static func png(seed: Int, width: Int = 20, height: Int = 16) throws -> [UInt8] {
    let pixels = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: ($0 * 31 + seed * 57) ^ ($0 >> 3)) }
    return try DecodedImage(width: width, height: height, pixels: pixels).png()
  }
}
