import Platform

/// Tiny ImageNet as it is distributed: `train/<wnid>/images/*.JPEG`, and `val/images/*.JPEG` with the class of each in
/// `val/val_annotations.txt`. Its `test` has no labels and is not read.
enum TinyImageNet {
  static let annotations = "val/val_annotations.txt"

  /// Finds the files; the classes are the WordNet numbers, in their order.
  ///
  /// - Throws: `DatasetError`.
  static func list(_ directory: String) throws(DatasetError) -> FolderListing {
    var listing = try ImageFolder.listTraining(directory)
    let labels = Dictionary(uniqueKeysWithValues: zip(listing.classNames, 0..<UInt16(listing.classNames.count)))
    for (number, line) in try lines(of: "\(directory)/\(annotations)").enumerated() {
      // Name of the file, class, and four numbers of a box.
      let fields = line.split(separator: "\t")
      guard fields.count >= 2, let label = labels[String(fields[1])], !fields[0].contains("/") else {
        throw .folder(
          path: "\(directory)/\(annotations)",
          problem: "line \(number + 1) is '\(line.prefix(80))', expected a file's name, a tab and a class of train")
      }
      let path = "val/images/\(fields[0])"
      var status = stat()
      guard stat("\(directory)/\(path)", &status) == 0 else {
        listing.unreadable.append(.init(path: path, reason: SystemError.text(of: errno)))
        continue
      }
      listing.test.append(
        FolderListing.File(
          path: path, label: label, size: Int(status.st_size), modifiedSeconds: status.st_mtim.tv_sec,
          modifiedNanoseconds: status.st_mtim.tv_nsec))
    }
    listing.sort()
    return listing
  }

  private static func lines(of path: String) throws(DatasetError) -> [Substring] {
    let bytes: [UInt8]
    do { bytes = try FileOperations.live.contents(of: path) } catch {
      throw .fileNotReadable(path: path, code: (error as? SystemError)?.errnoCode ?? EIO)
    }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
  }
}
