import Platform

/// How a file's images lie: records of one length, each a label and the image's planes, row by row.
package struct RecordFormat: Equatable, Sendable {
  /// What stands before a record's planes.
  enum Label: Equatable, Sendable {
    /// So many bytes, of which the one at `index` is the label.
    case byte(index: Int, of: Int)
    /// Two bytes, little-endian.
    case littleEndian16

    var byteCount: Int {
      switch self {
      case .byte(_, let count): count
      case .littleEndian16: 2
      }
    }

    func value(_ bytes: UnsafePointer<UInt8>) -> UInt16 {
      switch self {
      case .byte(let index, _): UInt16(bytes[index])
      case .littleEndian16: UInt16(bytes[0]) | UInt16(bytes[1]) << 8
      }
    }
  }

  let label: Label
  /// Of one image.
  let imageBytes: Int
  let classes: Int
  /// Where the first record begins.
  var offset = 0

  var recordBytes: Int { label.byteCount + imageBytes }
}

/// An open file of records; closed when the last reference goes.
///
/// `pread` keeps no position, so any thread may read at any time.
final class RecordFile: Sendable {
  private let path: String
  private let records: Int
  private let format: RecordFormat
  private let descriptor: Int32
  /// When the file was last written to, as it was when it was opened.
  private let written: timespec

  /// Throws `DatasetError` unless `path` is a directory.
  static func checkDirectory(_ path: String) throws(DatasetError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .directoryNotReadable(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path: path) }
  }

  /// Opens a file that must have exactly `records` records and nothing else, unless `followed` by so many bytes.
  init(path: String, records: Int, format: RecordFormat, followed: Int = 0) throws(DatasetError) {
    self.path = path
    self.records = records
    self.format = format
    // Non-blocking, so that a named pipe in place of the file is an error and not a wait.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .fileNotReadable(path: path, code: errno) }
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .fileNotReadable(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(path: path) }
    written = status.st_mtim
    let expected = format.offset + records * format.recordBytes + followed
    guard Int(status.st_size) == expected else {
      var magic: [UInt8] = [0, 0]
      if pread(descriptor, &magic, 2, 0) == 2, magic == [0x1f, 0x8b] { throw .compressed(path: path) }
      throw .wrongFileSize(path: path, expectedBytes: expected, actualBytes: Int(status.st_size))
    }
  }

  deinit { close(descriptor) }

  /// Reads the records once from start to end, checks every label and appends it.
  func appendLabels(to labels: inout [UInt16]) throws(DatasetError) {
    let recordsPerRead = min(records, 64)
    let size = format.recordBytes
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: recordsPerRead * size)
    defer { buffer.deallocate() }
    var record = 0
    while record < records {
      let count = min(recordsPerRead, records - record)
      try read(count * size, ofRecord: record, into: buffer)
      for offset in 0..<count {
        let label = format.label.value(buffer + offset * size)
        guard label < format.classes else {
          throw .invalidLabel(path: path, record: record + offset, value: Int(label), classes: format.classes)
        }
        labels.append(label)
      }
      record += count
    }
  }

  /// Reads the pixels of one record.
  func readPixels(ofRecord record: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    try read(format.imageBytes, ofRecord: record, from: format.label.byteCount, into: pixels)
  }

  private func read(
    _ byteCount: Int, ofRecord first: Int, from start: Int = 0, into buffer: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    var done = 0
    while done < byteCount {
      let position = first * format.recordBytes + start + done
      let record = position / format.recordBytes
      let got: Int
      do throws(SystemError) {
        got = try SystemCall.run("pread") {
          pread(descriptor, buffer + done, byteCount - done, off_t(format.offset + position))
        }
      } catch { throw .readFailed(path: path, record: record, code: error.errnoCode) }
      if got == 0 {
        throw .truncatedWhileReading(
          path: path, record: record, expectedBytes: format.recordBytes, actualBytes: bytesLeft(ofRecord: record))
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
    return max(0, min(format.recordBytes, Int(status.st_size) - format.offset - record * format.recordBytes))
  }
}
