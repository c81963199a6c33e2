import Platform
import Transport

/// What is in a spool's directory, every byte of it checked.
struct SpoolContents {
  /// Oldest first.
  private(set) var segments: [SpoolSegment] = []
  /// Whether the file of the last segment goes on after its last record with what a crash has left.
  private(set) var isTorn = false
  /// The number in the name of a last file that a crash has left without a complete header; it is not in `segments`.
  private(set) var headless: UInt64?

  /// The number of the record after the last one; nil for a directory without segments.
  var next: UInt64? { headless ?? segments.last?.next }

  /// Reads and changes nothing.
  ///
  /// - Parameter renewable: records of this number and higher ones can be made once more.
  /// - Throws: `SpoolError`.
  init(checking directory: String, run: RunIdentifier, renewable: UInt64, operations: FileOperations) throws {
    let numbers = try Self.segmentNumbers(in: directory)
    for first in numbers {
      let path = directory + "/" + SpoolFormat.fileName(first: first)
      if let next = segments.last?.next, first != next {
        throw SpoolError.damaged(
          path: path, expected: "a segment that begins with record \(next)",
          actual: "this one as the next, which begins with record \(first)")
      }
      let isLast = first == numbers.last
      let check = try SpoolSegmentCheck(path: path, first: first, operations: operations)
      if isLast, check.size < SpoolFormat.headerBytes {
        headless = first
      } else {
        try check.checkHeader(run: run)
        let segment = try check.segment(mayBeTorn: isLast, renewable: renewable)
        isTorn = segment.byteCount < check.size
        segments.append(segment)
      }
    }
  }

  /// The numbers with which the segments begin, in order.
  static func segmentNumbers(in directory: String) throws(SpoolError) -> [UInt64] {
    let names: [String]
    do { names = try DirectoryNames.list(directory) } catch {
      throw .cannotRead(path: directory, operation: error.operation, errorNumber: error.errnoCode)
    }
    var numbers: [UInt64] = []
    for name in names {
      if let first = SpoolFormat.first(fileName: name) {
        numbers.append(first)
      } else if !AtomicFile.isTemporary(name) {
        throw .unexpectedFile(directory: directory, name: name)
      }
    }
    return numbers.sorted()
  }
}

extension Spool {
  /// Removes the spool of a run that is complete. What cannot be removed is in nobody's way.
  package static func remove(_ directory: String, operations: FileOperations = .live) {
    for first in (try? SpoolContents.segmentNumbers(in: directory)) ?? [] {
      _ = operations.unlink(directory + "/" + SpoolFormat.fileName(first: first))
    }
    rmdir(directory)
  }
}

/// The check of one segment's file.
final class SpoolSegmentCheck {
  private let path: String
  private let first: UInt64
  private let file: SpoolFile
  /// Of the file, in bytes.
  let size: Int
  private var buffer: [UInt8]

  private enum Finding {
    case whole(SpoolRecordHeader, contentChecksum: UInt32)
    case broken(expected: String, actual: String)
  }

  /// - Throws: `SpoolError`.
  init(path: String, first: UInt64, operations: FileOperations) throws(SpoolError) {
    var status = stat()
    if lstat(path, &status) != 0 { throw .cannotRead(path: path, operation: "lstat", errorNumber: errno) }
    // Before it is opened: a pipe would wait for its writer.
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged(path: path, expected: "a regular file", actual: "none")
    }
    self.path = path
    self.first = first
    size = Int(status.st_size)
    file = try SpoolFile(reading: path, operations: operations)
    buffer = [UInt8](repeating: 0, count: min(1 << 18, max(size, SpoolFormat.headerBytes)))
  }

  /// - Throws: `SpoolError`.
  func checkHeader(run: RunIdentifier) throws {
    guard size >= SpoolFormat.headerBytes else {
      throw SpoolError.damaged(path: path, expected: "a header of \(SpoolFormat.headerBytes) bytes", actual: "\(size)")
    }
    try read(SpoolFormat.headerBytes, at: 0) {
      try SpoolFormat.checkHeader($0, path: path, run: run, first: first)
    }
  }

  /// Checks all records.
  ///
  /// - Parameters:
  ///   - mayBeTorn: whether a broken end without a record after it is no error.
  ///   - renewable: if so, one that begins with this record or a later one is none, whatever comes after it: the device
  ///     may have written the end before what is in front of it.
  /// - Returns: the index of the records before that end.
  /// - Throws: `SpoolError`.
  func segment(mayBeTorn: Bool, renewable: UInt64) throws -> SpoolSegment {
    var segment = SpoolSegment(first: first)
    while segment.byteCount < size {
      let offset = segment.byteCount
      switch try record(at: offset) {
      case .whole(let header, let checksum):
        guard header.number == segment.next else {
          throw SpoolError.damaged(
            path: path, expected: "record \(segment.next) at byte \(offset)", actual: "record \(header.number)")
        }
        segment.append(length: header.length, kind: header.kind, checksum: checksum)
      case .broken(let expected, let actual):
        if mayBeTorn && segment.next >= renewable { return segment }
        let later = mayBeTorn ? try laterRecord(after: offset, from: segment.next) : nil
        if mayBeTorn && later == nil { return segment }
        throw SpoolError.damaged(
          path: path, expected: "record \(segment.next) at byte \(offset) \(expected)",
          actual: actual + (later.map { ", and record \($0.number) behind it at byte \($0.offset)" } ?? ""))
      }
    }
    return segment
  }

  /// Looks at the record at a position before the file's end.
  private func record(at offset: Int) throws -> Finding {
    let left = size - offset - SpoolFormat.recordHeaderBytes
    guard left >= 0 else {
      return .broken(
        expected: "of \(SpoolFormat.recordHeaderBytes) bytes at least",
        actual: "\(left + SpoolFormat.recordHeaderBytes)")
    }
    let header = try read(SpoolFormat.recordHeaderBytes, at: offset) { SpoolRecordHeader(decoding: $0) }
    guard header.length <= min(left, SpoolFormat.maximumPayloadBytes) else {
      return .broken(
        expected: "with a payload of \(min(left, SpoolFormat.maximumPayloadBytes)) bytes at most",
        actual: "\(header.length)")
    }
    var checksum = SpoolFormat.checksum(kind: header.kind)
    var done = 0
    while done < header.length {
      let count = min(buffer.count, header.length - done)
      checksum = try read(count, at: offset + SpoolFormat.recordHeaderBytes + done) {
        CRC32C.checksum($0, continuing: checksum)
      }
      done += count
    }
    return header.fits(contentChecksum: checksum)
      ? .whole(header, contentChecksum: checksum)
      : .broken(expected: "with the checksum in its header", actual: "another checksum")
  }

  /// Looks at every position after one for a record that may follow there.
  ///
  /// - Parameter number: the least one that the record may have.
  private func laterRecord(after offset: Int, from number: UInt64) throws -> (offset: Int, number: UInt64)? {
    let headerBytes = SpoolFormat.recordHeaderBytes
    // More records than there are headers do not fit.
    let numbers = number...number + UInt64((size - offset) / headerBytes)
    var start = offset + 1
    while size - start >= headerBytes {
      let count = min(buffer.count, size - start)
      let candidates = try read(count, at: start) { bytes in
        (0...count - headerBytes).filter { numbers.contains(bytes.littleEndian(at: $0 + 5, as: UInt64.self)) }
      }
      for candidate in candidates {
        if case .whole(let header, _) = try record(at: start + candidate) { return (start + candidate, header.number) }
      }
      start += count - headerBytes + 1
    }
    return nil
  }

  /// Hands over bytes of the file, as many as the buffer takes at most.
  private func read<Result>(_ count: Int, at offset: Int, _ body: (UnsafeRawBufferPointer) throws -> Result)
    throws -> Result
  {
    try buffer.withUnsafeMutableBytes { buffer in
      let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      try file.read(into: bytes, at: offset)
      return try body(UnsafeRawBufferPointer(bytes))
    }
  }
}
