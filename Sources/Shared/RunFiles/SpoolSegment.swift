import Platform
import Transport

/// A record of the spool.
package struct SpoolRecord: Equatable, Sendable {
  package let number: UInt64
  package let kind: UInt8
  package let payload: [UInt8]
}

/// Where a record is in its segment, and what it must be.
struct SpoolEntry: Sendable {
  /// Of the payload, in bytes from the start of the file.
  let offset: Int
  /// Of the payload, in bytes.
  let length: Int
  let kind: UInt8
  /// Of kind and payload.
  let checksum: UInt32
}

/// The index of one segment.
struct SpoolSegment: Sendable {
  /// The number of the first record.
  let first: UInt64
  private(set) var entries: [SpoolEntry] = []
  /// Of the header and all records.
  private(set) var byteCount = SpoolFormat.headerBytes

  init(first: UInt64) { self.first = first }

  /// The number of the record after the last one.
  var next: UInt64 { first + UInt64(entries.count) }

  /// The entry of a record that the segment holds.
  subscript(number: UInt64) -> SpoolEntry { entries[Int(number - first)] }

  /// Adds the record that follows.
  mutating func append(length: Int, kind: UInt8, checksum: UInt32) {
    let offset = byteCount + SpoolFormat.recordHeaderBytes
    entries.append(SpoolEntry(offset: offset, length: length, kind: kind, checksum: checksum))
    byteCount = offset + length
  }
}

/// The index of all segments.
struct SpoolIndex: Sendable {
  /// Oldest first.
  var segments: [SpoolSegment]
  /// The number of the next record.
  var next: UInt64

  /// The number of the oldest record; `next` if there is none.
  var first: UInt64 { segments.first?.first ?? next }
  var isEmpty: Bool { first == next }
  /// Of all segments.
  var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }

  /// The segment that holds a record.
  func segment(of number: UInt64) -> SpoolSegment? {
    number < next ? segments.last { $0.first <= number } : nil
  }

  /// Adds the next record to the last segment.
  mutating func append(length: Int, kind: UInt8, checksum: UInt32) {
    segments[segments.count - 1].append(length: length, kind: kind, checksum: checksum)
    next += 1
  }
}

/// The open file of a segment, closed when nobody uses it any more: who reads or flushes it outside the spool's lock
/// may go on when the file is deleted meanwhile.
final class SpoolFile: Sendable {
  let path: String
  private let descriptor: Int32
  private let operations: FileOperations
  /// Why a flush failed. The system tells only one of those who flush a file that bytes of it are lost, and only once:
  /// the next flush succeeds, without them.
  private let flushing = Turn<FileError?>(nil)

  private init(path: String, flags: Int32, operations: FileOperations) throws(FileError) {
    self.path = path
    self.operations = operations
    descriptor = try operations.openFile(path, flags: flags)
  }

  /// Opens a file to be read and appended to.
  ///
  /// - Throws: `FileError`.
  convenience init(appendingTo path: String, operations: FileOperations) throws(FileError) {
    try self.init(path: path, flags: O_RDWR | O_APPEND, operations: operations)
  }

  /// Opens a file to be read.
  ///
  /// - Throws: `SpoolError.cannotRead`.
  convenience init(reading path: String, operations: FileOperations) throws(SpoolError) {
    do throws(FileError) { try self.init(path: path, flags: O_RDONLY, operations: operations) } catch {
      throw .cannotRead(path: path, operation: error.operation, errorNumber: error.errorNumber)
    }
  }

  deinit { _ = operations.close(descriptor) }

  /// Appends bytes in two pieces.
  ///
  /// - Throws: `FileError`; a part may have been written.
  func append(_ head: [UInt8], _ body: ArraySlice<UInt8>) throws {
    try head.withUnsafeBytes { try operations.writeAll($0, to: descriptor, path: path) }
    try body.withUnsafeBytes { try operations.writeAll($0, to: descriptor, path: path) }
  }

  /// Cuts the file off.
  ///
  /// - Parameter length: the bytes that stay.
  /// - Throws: `FileError`.
  func truncate(to length: Int) throws(FileError) {
    try operations.truncateFile(descriptor, to: length, path: path)
  }

  /// Flushes what has been appended to the device.
  ///
  /// - Throws: `FileError`, and the same one at every further call.
  func synchronize() throws {
    try flushing.take { failure in
      if let failure { throw failure }
      do throws(FileError) { try operations.synchronizeAll(descriptor, path: path) } catch {
        failure = error
        throw error
      }
    }
  }

  /// Fills `bytes` from a position.
  ///
  /// - Throws: `SpoolError`: `damaged` if the file ends before.
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SpoolError) {
    let count: Int
    do throws(SystemError) { count = try operations.readAll(into: bytes, from: descriptor, at: offset) } catch {
      throw .cannotRead(path: path, operation: error.operation, errorNumber: error.errnoCode)
    }
    guard count == bytes.count else {
      throw .damaged(
        path: path, expected: "\(offset + bytes.count) bytes at least, as before", actual: "\(offset + count)")
    }
  }

  /// Reads a record and compares it with its checksum.
  ///
  /// - Throws: `SpoolError`: `cannotRead`, `damaged`.
  func record(_ number: UInt64, _ entry: SpoolEntry) throws -> SpoolRecord {
    var payload = [UInt8](repeating: 0, count: entry.length)
    try payload.withUnsafeMutableBytes { try read(into: $0, at: entry.offset) }
    let checksum = Spool.checksum(kind: entry.kind, payload)
    guard checksum == entry.checksum else {
      throw SpoolError.damaged(
        path: path, expected: "record \(number) at byte \(entry.offset) with checksum \(entry.checksum)",
        actual: "\(checksum)")
    }
    return SpoolRecord(number: number, kind: entry.kind, payload: payload)
  }
}
