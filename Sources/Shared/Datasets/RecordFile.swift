import Platform

/// An open file of CIFAR-10 records; closed when the last reference goes.
///
/// `pread` keeps no position, so any thread may read at any time.
final class RecordFile: Sendable {
  static let labelBytes = 1
  static let recordBytes = labelBytes + ImageTask.cifar10.imageBytes

  private let path: String
  private let records: Int
  private let descriptor: Int32
  /// When the file was last written to, as it was when it was opened.
  private let written: timespec

  /// Throws `DatasetError` unless `path` is a directory.
  static func checkDirectory(_ path: String) throws(DatasetError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .directoryNotReadable(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path: path) }
  }

  /// Opens a file that must have exactly `records` records.
  init(path: String, records: Int) throws(DatasetError) {
    self.path = path
    self.records = records
    // Non-blocking, so that a named pipe in place of the file is an error and not a wait.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .fileNotReadable(path: path, code: errno) }
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .fileNotReadable(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
    written = status.st_mtim
    let expected = records * Self.recordBytes
    guard Int(status.st_size) == expected else {
      var magic: [UInt8] = [0, 0]
      if pread(descriptor, &magic, 2, 0) == 2, magic == [0x1f, 0x8b] { throw .compressed(path: path) }
      throw .wrongFileSize(path: path, expectedBytes: expected, actualBytes: Int(status.st_size))
    }
  }

  deinit { close(descriptor) }

  /// Reads the file once from start to end, checks every label and appends it.
  func appendLabels(to labels: inout [UInt16]) throws(DatasetError) {
    let recordsPerRead = min(records, 64)
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: recordsPerRead * Self.recordBytes)
    defer { buffer.deallocate() }
    var record = 0
    while record < records {
      let count = min(recordsPerRead, records - record)
      try read(count * Self.recordBytes, at: record * Self.recordBytes, into: buffer)
      for offset in 0..<count {
        let label = buffer[offset * Self.recordBytes]
        guard label < ImageTask.cifar10.classes else {
          throw .invalidLabel(path: path, record: record + offset, value: label)
        }
        labels.append(UInt16(label))
      }
      record += count
    }
  }

  /// Reads the pixels of one record.
  func readPixels(ofRecord record: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    try read(ImageTask.cifar10.imageBytes, at: record * Self.recordBytes + Self.labelBytes, into: pixels)
  }

  private func read(_ byteCount: Int, at offset: Int, into buffer: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    var done = 0
    while done < byteCount {
      let record = (offset + done) / Self.recordBytes
      let got: Int
      do throws(SystemError) {
        got = try SystemCall.run("pread") { pread(descriptor, buffer + done, byteCount - done, off_t(offset + done)) }
      } catch { throw .readFailed(path: path, record: record, code: error.errnoCode) }
      if got == 0 {
        throw .truncatedWhileReading(
          path: path, record: record, expectedBytes: Self.recordBytes, actualBytes: bytesLeft(ofRecord: record))
      }
      done += got
    }
    try checkUnchanged()
  }

  /// Another program may write a new file over this one, while the labels are those of the old one.
  private func checkUnchanged() throws(DatasetError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .fileNotReadable(path: path, code: errno) }
    guard status.st_mtim.tv_sec == written.tv_sec, status.st_mtim.tv_nsec == written.tv_nsec else {
      throw .changedWhileReading(path: path)
    }
  }

  /// How many bytes of a record the file now has.
  private func bytesLeft(ofRecord record: Int) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return 0 }
    return max(0, min(Self.recordBytes, Int(status.st_size) - record * Self.recordBytes))
  }
}
