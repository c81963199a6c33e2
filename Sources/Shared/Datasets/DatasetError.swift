import Platform

/// What can go wrong with data that comes from outside. Each description is one line.
package enum DatasetError: Error, Equatable {
  /// The data directory cannot be examined; `code` is errno.
  case directoryNotReadable(path: String, code: Int32)
  /// The data directory is something else, for example a file.
  case notADirectory(path: String)
  /// A data file cannot be opened; `code` is errno.
  case fileNotReadable(path: String, code: Int32)
  /// A data file is something else, for example a directory.
  case notARegularFile(path: String)
  /// A data file is shorter or longer than its records.
  case wrongFileSize(path: String, expectedBytes: Int, actualBytes: Int)
  /// A data file is compressed with gzip.
  case compressed(path: String)
  /// A record's label is not a class.
  case invalidLabel(path: String, record: Int, value: Int, classes: Int)
  /// Reading a record failed; `code` is errno.
  case readFailed(path: String, record: Int, code: Int32)
  /// A file became shorter after it was opened.
  case truncatedWhileReading(path: String, record: Int, expectedBytes: Int, actualBytes: Int)
  /// More images are asked for than there are, or fewer than one.
  case limitOutOfRange(limit: Int, available: Int)
  /// A file was written to after it was opened.
  case changedWhileReading(path: String)
  /// Every class is to be drawn equally often, and one has none of the training images.
  case classWithoutImages(name: String, images: Int)
  /// The next batch was asked for after the loader had been stopped.
  case loaderStopped
  /// A folder of images is not what it should be; `path` is the part at fault.
  case folder(path: String, problem: String)
  /// Image files cannot be read; `first` is one of them, and why.
  case unreadableImages(count: Int, first: String)
  /// Of all images for a purpose none can be read; all files that cannot.
  case nothingReadable(path: String, purpose: String, files: [FolderListing.Unreadable])
  /// Image files that the user has named cannot be read, so many of all; `first` is one of them.
  case unreadableFiles(count: Int, all: Int, first: String)
}

extension DatasetError: CustomStringConvertible {
  private static let wayOut =
    "give the folder of a data set with --data (scripts/fetch-cifar10.sh downloads CIFAR-10), or --data synthetic"

  /// The way out, unless the trouble is the system's and not the path's: too many open files, for example.
  private static func hint(_ code: Int32) -> String {
    [ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG].contains(code) ? "; " + wayOut : ""
  }

  /// Two labels and an image.
  private static let cifar100RecordBytes = 2 + ImageTask.cifar10.imageBytes

  private static func reason(_ code: Int32) -> String { SystemError.text(of: code) }

  package var description: String {
    switch self {
    case .directoryNotReadable(let path, let code): "data directory \(path): \(Self.reason(code))\(Self.hint(code))"
    case .notADirectory(let path): "data directory \(path): not a directory; \(Self.wayOut)"
    case .fileNotReadable(let path, let code): "data file \(path): \(Self.reason(code))\(Self.hint(code))"
    case .notARegularFile(let path): "data file \(path): not a regular file; \(Self.wayOut)"
    case .wrongFileSize(let path, let expectedBytes, let actualBytes):
      "data file \(path): expected \(expectedBytes) bytes, found \(actualBytes)"
        + (actualBytes > 0 && actualBytes % Self.cifar100RecordBytes == 0
          ? ", which is \(actualBytes / Self.cifar100RecordBytes) records of CIFAR-100; " : "; ") + Self.wayOut
    case .compressed(let path): "data file \(path): compressed with gzip; unpack it first (gunzip)"
    case .invalidLabel(let path, let record, let value, let classes):
      "data file \(path): record \(record) has label \(value), expected 0 to \(classes - 1); \(Self.wayOut)"
    case .readFailed(let path, let record, let code):
      "data file \(path): reading record \(record) failed: \(Self.reason(code))"
    case .truncatedWhileReading(let path, let record, let expectedBytes, let actualBytes):
      "data file \(path): became shorter while in use: record \(record) has \(actualBytes) of"
        + " \(expectedBytes) bytes; restore the file and start again"
    case .changedWhileReading(let path):
      "data file \(path): was written to while in use; restore the file and start again"
    case .limitOutOfRange(let limit, let available):
      "limit of \(limit) images: expected 1 to \(available), the number of images there are"
    case .classWithoutImages(let name, let images):
      "class \(name) has none of the \(images) training images: expected at least one of each class with --balance"
    case .loaderStopped: "the batch loader has been stopped"
    case .folder(let path, let problem): "data directory \(path): \(problem)"
    case .unreadableImages(1, let first): "\(first); --skip-unreadable leaves it out"
    case .unreadableImages(let count, let first):
      "\(count) images cannot be read, the first of them \(first); --skip-unreadable leaves them out"
    case .nothingReadable(let path, let purpose, let files):
      "data directory \(path): no image for \(purpose) can be read\(files.first.map { ", among them \($0)" } ?? "")"
    case .unreadableFiles(1, 1, let first): "the image file cannot be read: \(first)"
    case .unreadableFiles(1, let all, let first): "1 of \(all) image files cannot be read: \(first)"
    case .unreadableFiles(let count, let all, let first):
      "\(count) of \(all) image files cannot be read, the first of them \(first)"
    }
  }
}
