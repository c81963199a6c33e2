import Platform
import Transport

/// The bytes of a spool's files, one for each segment. All numbers are little-endian.
///
/// A segment is named by the number of its first record, in 19 digits, ".spool", and begins with its header:
///
/// ```
/// byte  0       4         6          8               16               80         84
///       ┌───────┬─────────┬──────────┬───────────────┬────────────────┬──────────┬───────────┐
///       │ magic │ version │ reserved │ first number  │ run identifier │ checksum │ records … │
///       │ HTSP  │ UInt16  │ 0        │ UInt64        │ zeros behind   │ UInt32   │           │
///       └───────┴─────────┴──────────┴───────────────┴────────────────┴──────────┴───────────┘
///       └────────────────────── CRC-32C over these ──────────────────┘
/// ```
///
/// The records follow each other without gaps:
///
/// ```
/// byte  0                4      5        13         17
///       ┌────────────────┬──────┬────────┬──────────┬──────────────┐
///       │ payload length │ kind │ number │ checksum │ payload …    │
///       │ UInt32         │ UInt8│ UInt64 │ UInt32   │ length bytes │
///       └────────────────┴──────┴────────┴──────────┴──────────────┘
/// ```
///
/// A record's checksum is the CRC-32C over kind, payload, payload length and number, in this order: so the checksum of
/// the content (kind and payload), with which records are compared, is on the way to it, and each byte is taken once.
enum SpoolFormat {
  static let magic = Array("HTSP".utf8)
  static let version: UInt16 = 2
  static let headerBytes = 84
  static let recordHeaderBytes = 17
  /// A record with its header takes 1 GiB at most.
  static let maximumPayloadBytes = 1 << 30 - recordHeaderBytes
  /// So that counting on from any number in a file's name does not overflow.
  static let maximumNumber = UInt64(Int64.max)

  private static let suffix = ".spool"
  private static let digits = 19

  /// The name of the segment that begins with a record.
  static func fileName(first: UInt64) -> String {
    let number = String(first)
    return String(repeating: "0", count: max(0, digits - number.count)) + number + suffix
  }

  /// The number of the record with which the segment of this name begins; nil for another file.
  static func first(fileName: String) -> UInt64? {
    guard fileName.hasSuffix(suffix), let number = UInt64(fileName.dropLast(suffix.count)),
      (1...maximumNumber).contains(number), self.fileName(first: number) == fileName
    else { return nil }
    return number
  }

  /// The header of a segment.
  static func header(run: RunIdentifier, first: UInt64) -> [UInt8] {
    var bytes = magic
    bytes.appendLittleEndian(version)
    bytes.appendLittleEndian(0 as UInt16)
    bytes.appendLittleEndian(first)
    bytes += run.description.utf8
    bytes += [UInt8](repeating: 0, count: headerBytes - 4 - bytes.count)
    bytes.appendLittleEndian(bytes.withUnsafeBytes { CRC32C.checksum($0) })
    return bytes
  }

  /// Checks the header of a segment.
  ///
  /// - Parameters:
  ///   - bytes: all of the header.
  ///   - path: the file that an error names.
  ///   - run: whose spool it must be.
  ///   - first: the number in the file's name.
  /// - Throws: `SpoolError`: `damaged`, `otherVersion`, `otherRun`.
  static func checkHeader(_ bytes: UnsafeRawBufferPointer, path: String, run: RunIdentifier, first: UInt64)
    throws(SpoolError)
  {
    guard bytes.prefix(4).elementsEqual(magic) else {
      throw .damaged(
        path: path, expected: "a segment of a spool, which begins with bytes \(magic)",
        actual: "\(Array(bytes.prefix(4)))")
    }
    // The version comes before the checksum, which may be elsewhere in another one.
    let version = bytes.littleEndian(at: 4, as: UInt16.self)
    guard version == self.version else { throw .otherVersion(path: path, expected: self.version, actual: version) }
    let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<80]))
    let stored = bytes.littleEndian(at: 80, as: UInt32.self)
    guard checksum == stored else {
      throw .damaged(path: path, expected: "a header with checksum \(stored)", actual: "\(checksum)")
    }
    let text = String(decoding: bytes[16..<80].prefix { $0 != 0 }, as: UTF8.self)
    guard let actual = try? RunIdentifier(validating: text) else {
      throw .damaged(path: path, expected: "the identifier of a run", actual: text.debugDescription)
    }
    guard actual == run else { throw .otherRun(path: path, expected: run, actual: actual) }
    let number = bytes.littleEndian(at: 8, as: UInt64.self)
    guard number == first else {
      throw .damaged(path: path, expected: "\(first) as the first record's number", actual: "\(number)")
    }
  }

  /// The checksum of a content's first byte, its kind, with which that of its payload goes on.
  static func checksum(kind: UInt8) -> UInt32 { withUnsafeBytes(of: kind) { CRC32C.checksum($0) } }
}

/// What is in front of a record's payload.
struct SpoolRecordHeader {
  /// Bytes of the payload.
  let length: Int
  let kind: UInt8
  let number: UInt64
  let checksum: UInt32

  /// The header of a record whose content has this checksum.
  init(length: Int, kind: UInt8, number: UInt64, contentChecksum: UInt32) {
    self.length = length
    self.kind = kind
    self.number = number
    checksum = Self.checksum(content: contentChecksum, length: length, number: number)
  }

  /// Reads a header and checks nothing.
  init(decoding bytes: UnsafeRawBufferPointer) {
    length = Int(bytes.littleEndian(at: 0, as: UInt32.self))
    kind = bytes[4]
    number = bytes.littleEndian(at: 5, as: UInt64.self)
    checksum = bytes.littleEndian(at: 13, as: UInt32.self)
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(UInt32(length))
    bytes.append(kind)
    bytes.appendLittleEndian(number)
    bytes.appendLittleEndian(checksum)
    return bytes
  }

  /// Whether it belongs to a content with this checksum.
  func fits(contentChecksum: UInt32) -> Bool {
    checksum == Self.checksum(content: contentChecksum, length: length, number: number)
  }

  private static func checksum(content: UInt32, length: Int, number: UInt64) -> UInt32 {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(UInt32(length))
    bytes.appendLittleEndian(number)
    return bytes.withUnsafeBytes { CRC32C.checksum($0, continuing: content) }
  }
}
