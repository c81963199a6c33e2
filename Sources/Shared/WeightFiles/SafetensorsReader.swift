import FoundationEssentials
import Platform

/// Reads files of the safetensors format with the element types F32 and I64.
///
/// The whole header is checked when the file is opened: tensors cover the data without gaps and overlaps, their sizes
/// agree with their shapes, the file ends where the last one ends. Values are read when asked for.
package final class SafetensorsReader {
  /// What the header says of one tensor.
  package struct Entry: Equatable, Sendable {
    package let elementType: SafetensorsElementType
    package let shape: [Int]
    /// The first byte, from the start of the file.
    let start: Int
    let byteCount: Int
  }

  package let metadata: [String: String]
  /// By name.
  package let entries: [String: Entry]
  private let source: SafetensorsSource

  /// Names the file in errors.
  package var path: String { source.path }

  /// Of the whole file.
  package var byteCount: Int { source.byteCount }

  /// Opens a file and checks its header.
  ///
  /// - Throws: ``SafetensorsError``.
  package convenience init(path: String) throws(SafetensorsError) {
    try self.init(SafetensorsSource(path: path))
  }

  /// Checks the header of a file that is not on disk.
  ///
  /// - Parameters:
  ///   - name: what errors call it.
  ///   - maximumHeaderBytes: a longer header is refused, since to take it apart takes many times its length.
  /// - Throws: ``SafetensorsError``.
  package convenience init(name: String, bytes: [UInt8], maximumHeaderBytes: Int) throws(SafetensorsError) {
    try self.init(SafetensorsSource(name: name, bytes: bytes), maximumHeaderBytes: maximumHeaderBytes)
  }

  private init(_ source: SafetensorsSource, maximumHeaderBytes: Int = SafetensorsFormat.maximumHeaderBytes)
    throws(SafetensorsError)
  {
    self.source = source
    (metadata, entries) = try Self.readHeader(source, maximumHeaderBytes)
  }

  /// Reads a Float32 tensor.
  ///
  /// - Parameters:
  ///   - name: the tensor's name.
  ///   - shape: the shape that it must have.
  ///   - values: receives the elements, row-major.
  /// - Throws: ``SafetensorsError``.
  package func read(_ name: String, shape: [Int], into values: UnsafeMutableBufferPointer<Float>)
    throws(SafetensorsError)
  {
    let entry = try entry(name, type: .float32, shape: shape)
    precondition(values.count * 4 == entry.byteCount, "\(name): room for \(values.count) values, shape \(shape)")
    try source.read(at: entry.start, into: UnsafeMutableRawBufferPointer(values))
  }

  /// Reads consecutive elements of a Float32 tensor, the first of which has this index.
  ///
  /// - Throws: ``SafetensorsError``.
  package func read(_ name: String, from first: Int, into values: UnsafeMutableBufferPointer<Float>)
    throws(SafetensorsError)
  {
    guard let entry = entries[name] else { throw .missingTensor(path: path, name: name) }
    precondition(
      entry.elementType == .float32 && 4 * (first + values.count) <= entry.byteCount, "\(name): no such values")
    try source.read(at: entry.start + 4 * first, into: UnsafeMutableRawBufferPointer(values))
  }

  /// The values of a Float32 tensor of this shape, row-major.
  ///
  /// - Throws: ``SafetensorsError``.
  package func floats(_ name: String, shape: [Int]) throws -> [Float] {
    // Checked before anything is allocated.
    let count = try entry(name, type: .float32, shape: shape).byteCount / 4
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      try read(name, shape: shape, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initializedCount = count
    }
  }

  /// The values of a 64-bit integer tensor of this shape, row-major.
  ///
  /// - Throws: ``SafetensorsError``.
  package func integers(_ name: String, shape: [Int]) throws -> [Int64] {
    let entry = try entry(name, type: .int64, shape: shape)
    var values = [Int64](repeating: 0, count: entry.byteCount / 8)
    try values.withUnsafeMutableBytes { try source.read(at: entry.start, into: $0) }
    return values
  }

  /// Compares the last tensor, one integer of this name, with the CRC-32C of all bytes before it.
  ///
  /// - Throws: ``SafetensorsError``, `wrongChecksum` for a file that is damaged anywhere.
  package func verifyChecksum(_ name: String) throws {
    let stored = try integers(name, shape: [])[0]
    guard let end = entries[name]?.start else { throw SafetensorsError.missingTensor(path: path, name: name) }
    var sum: UInt32 = 0
    try readBytes(upTo: end) { sum = CRC32C.checksum($0, continuing: sum) }
    if stored != Int64(sum) { throw SafetensorsError.wrongChecksum(path: path, expected: stored, actual: Int64(sum)) }
  }

  /// Reads the file from its first byte on, a chunk after the other.
  ///
  /// - Throws: ``SafetensorsError``; what `body` throws.
  package func readBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try readBytes(upTo: byteCount, body)
  }

  private func readBytes(upTo end: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { buffer in
      for offset in stride(from: 0, to: end, by: buffer.count) {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - offset)])
        try source.read(at: offset, into: part)
        try body(UnsafeRawBufferPointer(part))
      }
    }
  }

  private func entry(_ name: String, type: SafetensorsElementType, shape: [Int]) throws(SafetensorsError) -> Entry {
    guard let entry = entries[name] else { throw .missingTensor(path: path, name: name) }
    guard entry.elementType == type, entry.shape == shape else {
      throw .wrongTensor(
        path: path, name: name, expected: "\(type.rawValue) \(shape)",
        actual: "\(entry.elementType.rawValue) \(entry.shape)")
    }
    return entry
  }

  private static func readHeader(_ source: SafetensorsSource, _ maximumHeaderBytes: Int) throws(SafetensorsError) -> (
    metadata: [String: String], entries: [String: Entry]
  ) {
    let (path, fileBytes) = (source.path, source.byteCount)
    let start = try source.bytes(at: 0, count: min(ForeignFile.byteCount, fileBytes))
    if let format = ForeignFile.name(of: start) { throw .otherFormat(path: path, format: format) }
    guard fileBytes >= 8 else { throw .wrongLength(path: path, expected: 8, actual: fileBytes) }
    let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length >= 2, length <= UInt64(maximumHeaderBytes) else {
      throw .invalidHeader(
        path: path, reason: "header of \(length) bytes, expected 2 to \(maximumHeaderBytes)")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= fileBytes else { throw .wrongLength(path: path, expected: dataStart, actual: fileBytes) }
    let json = try source.bytes(at: 8, count: Int(length))
    let header: SafetensorsHeader
    do throws(SafetensorsHeader.Invalid) { header = try SafetensorsHeader(json: json) } catch {
      throw .invalidHeader(path: path, reason: error.reason)
    }
    // A damaged header may claim nearly 2^63 bytes.
    let (expectedBytes, overflow) = dataStart.addingReportingOverflow(header.dataBytes)
    guard !overflow, expectedBytes == fileBytes else {
      throw .wrongLength(path: path, expected: overflow ? Int.max : expectedBytes, actual: fileBytes)
    }
    let entries = header.tensors.mapValues {
      Entry(elementType: $0.elementType, shape: $0.shape, start: dataStart + $0.begin, byteCount: $0.end - $0.begin)
    }
    return (header.metadata, entries)
  }
}
