import Compute
import Images
import Platform

/// Image files, decoded once and kept in a file, from which training reads as it reads CIFAR-10's.
///
/// The file is made again when a name, a size or a time of what it was made from has changed, or when it is damaged.
package struct ImageCache {
  /// How image files become what a network sees.
  package struct Settings: Sendable {
    package var imageSize = ImageSize.standard
    /// Where the file is kept.
    package var directory: String
    package var threads = 1
    /// Looked at between two pieces of work.
    package var interruption = Interruption()
    /// Told how many of so many files are decoded.
    package var progress: @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }

    package init(directory: String) { self.directory = directory }
  }

  /// What the images are made from.
  let description: ImageCacheFormat.Description
  package let path: String
  /// Whether it was there already.
  package let wasThere: Bool

  package var unreadable: [FolderListing.Unreadable] { description.unreadable }
  package var sourceSizes: SourceSizes? { description.sourceSizes }

  /// Takes the file that is there, or makes it.
  ///
  /// - Throws: `DatasetError`; `FileError` if the file cannot be written, and nothing is left of it then;
  ///   `InterruptedError`, likewise; `ThreadError`.
  init(_ listing: FolderListing, _ settings: Settings) throws {
    let wanted = ImageCacheFormat.Description(
      source: listing.root, fingerprint: listing.fingerprint, files: listing.train.count + listing.test.count,
      imageSize: settings.imageSize, classNames: listing.classNames)
    path = Self.path(listing, settings)
    if let found = ImageCacheFormat.read(path), found.isMade(from: wanted) {
      (description, wasThere) = (found, true)
      return
    }
    try FileOperations.live.ensureDirectories(settings.directory)
    description = try ImageCacheWriter(listing, settings, wanted).write(to: path)
    wasThere = false
  }

  /// One file for each folder, size, and part that is kept for testing.
  private static func path(_ listing: FolderListing, _ settings: Settings) -> String {
    let folder = listing.root.split(separator: "/").last.map(String.init) ?? "images"
    let checksum = CRC32C.checksum("\(listing.root)\0\(listing.partition)")
    let name = "\(folder.prefix(64))-\(settings.imageSize)-\(String(checksum, radix: 16)).images"
    return "\(settings.directory)/\(name)"
  }

  /// Opens both parts.
  ///
  /// - Throws: `DatasetError`.
  func open() throws(DatasetError) -> (train: RecordImages, test: RecordImages) {
    let size = description.imageSize
    let task = ImageTask(
      shape: FeatureShape(height: size, width: size, channels: 3), classes: description.classNames.count,
      mean: description.mean.map { Float($0) }, deviation: description.deviation.map { Float($0) },
      classNames: description.classNames)
    let images = description.trainImages + description.testImages
    let format = ImageCacheFormat.recordFormat(imageSize: size, classes: task.classes)
    var status = stat()
    guard stat(path, &status) == 0 else { throw .fileNotReadable(path: path, code: errno) }
    let file = try RecordFile(
      path: path, records: images, format: format,
      followed: max(0, Int(status.st_size) - format.offset - images * format.recordBytes))
    var labels: [UInt16] = []
    labels.reserveCapacity(images)
    try file.appendLabels(to: &labels)
    func part(_ range: Range<Int>) -> RecordImages {
      RecordImages(
        task, files: [file], recordsPerFile: images, skipped: range.lowerBound, labels: Array(labels[range]))
    }
    return (part(0..<description.trainImages), part(description.trainImages..<images))
  }
}
