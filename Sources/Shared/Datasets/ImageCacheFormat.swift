import FoundationEssentials
import Platform

/// Decoded images in one file, from which training reads as it reads CIFAR-10's.
///
/// ```
/// byte  0        4          8           16                                             end
///       ┌────────┬──────────┬───────────┬──────────────────┬─────────────┬───────────┬──────────┐
///       │ magic  │ version  │ reserved  │ records          │ description │ length    │ checksum │
///       │ "HTIC" │ UInt32   │ 8 × 0     │ label and planes │ JSON        │ UInt32    │ UInt32   │
///       └────────┴──────────┴───────────┴──────────────────┴─────────────┴───────────┴──────────┘
/// ```
///
/// A record is a label (UInt16) and the planes of red, green and blue; first come those for training, then those for
/// testing. `length` is the description's; the checksum is the CRC-32C of everything before it. Little-endian.
enum ImageCacheFormat {
  static let version: UInt8 = 2
  static let header: [UInt8] = Array("HTIC".utf8) + [version, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
  /// Length and checksum.
  static let trailerBytes = 8
  static let maximumDescriptionBytes = 1 << 28

  /// What the images are, and what they were made from.
  struct Description: Codable, Equatable, Sendable {
    /// The folder, absolute.
    let source: String
    /// Of all its files: names, sizes, times, classes.
    let fingerprint: UInt32
    let files: Int
    let imageSize: Int
    let classNames: [String]
    var trainImages = 0
    var testImages = 0
    /// Of the images for training, [3], values from 0 to 1.
    var mean: [Double] = []
    var deviation: [Double] = []
    /// What was left out.
    var unreadable: [FolderListing.Unreadable] = []
    /// Of the images before they were resized.
    var sourceSizes: SourceSizes?

    private enum CodingKeys: String, CodingKey {
      case source, fingerprint, files, mean, deviation, unreadable
      case imageSize = "image_size"
      case sourceSizes = "source_sizes"
      case classNames = "class_names"
      case trainImages = "train_images"
      case testImages = "test_images"
    }

    /// Whether this was made from what is there now.
    func isMade(from other: Description) -> Bool {
      source == other.source && fingerprint == other.fingerprint && files == other.files
        && imageSize == other.imageSize && classNames == other.classNames
    }
  }

  static func recordFormat(imageSize: Int, classes: Int) -> RecordFormat {
    RecordFormat(
      label: .littleEndian16, imageBytes: 3 * imageSize * imageSize, classes: classes, offset: header.count)
  }

  static func encode(_ description: Description) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(description))
  }

  /// The description of a file whose checksum is right; nil for anything else: it is then made again.
  static func read(_ path: String) -> Description? {
    let operations = FileOperations.live
    guard let descriptor = try? operations.openFile(path, flags: O_RDONLY | O_NONBLOCK) else { return nil }
    defer { _ = operations.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let size = Int(status.st_size)
    guard size >= header.count + trailerBytes, bytes(descriptor, 0, header.count) == header else { return nil }
    guard let trailer = bytes(descriptor, size - trailerBytes, trailerBytes) else { return nil }
    let (length, expected) = trailer.withUnsafeBytes {
      (Int($0.littleEndian(at: 0, as: UInt32.self)), $0.littleEndian(at: 4, as: UInt32.self))
    }
    guard length <= min(maximumDescriptionBytes, size - header.count - trailerBytes),
      checksum(descriptor, size - 4) == expected,
      let json = bytes(descriptor, size - trailerBytes - length, length),
      let description = try? JSONDecoder().decode(Description.self, from: Data(json)),
      isPossible(description, recordBytes: size - header.count - trailerBytes - length)
    else { return nil }
    return description
  }

  private static func isPossible(_ description: Description, recordBytes: Int) -> Bool {
    guard ImageSize.range.contains(description.imageSize), description.trainImages > 0, description.testImages > 0,
      description.mean.count == 3, description.deviation.count == 3,
      ImageTask.classCounts.contains(description.classNames.count)
    else { return false }
    let format = recordFormat(imageSize: description.imageSize, classes: description.classNames.count)
    let (images, overflows) = description.trainImages.addingReportingOverflow(description.testImages)
    return !overflows && recordBytes % format.recordBytes == 0 && recordBytes / format.recordBytes == images
  }

  private static func bytes(_ descriptor: Int32, _ offset: Int, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try? bytes.withUnsafeMutableBytes {
      try FileOperations.live.readAll(into: $0, from: descriptor, at: offset)
    }
    return got == count ? bytes : nil
  }

  /// The CRC-32C of the first `count` bytes; nil if they cannot be read.
  private static func checksum(_ descriptor: Int32, _ count: Int) -> UInt32? {
    var checksum: UInt32 = 0
    var offset = 0
    while offset < count {
      guard let part = bytes(descriptor, offset, min(1 << 20, count - offset)) else { return nil }
      checksum = part.withUnsafeBytes { CRC32C.checksum($0, continuing: checksum) }
      offset += part.count
    }
    return checksum
  }
}

/// How many pixels a side of an image has, that a network sees.
package enum ImageSize {
  package static let range = 8...256
  package static let standard = 32
}
