import Platform
import RunFiles
import Transport

/// Records in the spool of the run's directory, until the cloud has what it made of them safely on its disk.
final class SpooledRecords: RecordStore {
  static let directory = "spool"

  private let spool: Spool

  /// Opens the spool of a run, or begins one.
  ///
  /// - Parameters:
  ///   - first: the number of the first record that will be made: of one that begins, the first of all.
  ///   - limit: bytes.
  /// - Throws: `SpoolError`, `FileError`.
  init(in directory: RunDirectory, run: RunIdentifier, first: UInt64, limit: Int) throws {
    spool = try Spool(
      directory: directory.path(of: Self.directory), run: run, first: first, renewable: first, limit: limit,
      segmentBytes: min(8 << 20, max(limit / 8, 1)), operations: directory.operations)
  }

  var first: UInt64 { spool.first }
  var next: UInt64 { spool.next }

  func message(_ sequence: UInt64) throws -> Message {
    let record = try spool.record(sequence)
    return try Message(storedRecord: record.kind, sequence: sequence, payload: record.payload)
  }

  func hasRoom(for message: Message, unanswered: Int) -> Bool {
    // The largest control message is small beside a batch's labels and features.
    spool.hasRoom(for: max(message.samplesByteCount, 4096))
  }

  func append(_ message: Message) throws {
    let record = try message.storedRecord()
    try spool.append(kind: record.type, record.head, record.body)
  }

  func holds(_ message: Message) -> Bool? {
    guard let sequence = message.recordSequence, let checksum = spool.checksum(of: sequence),
      let record = try? message.storedRecord()
    else { return nil }
    return checksum == Spool.checksum(kind: record.type, record.head, record.body)
  }

  func answered(through sequence: UInt64) {}

  func durable(through sequence: UInt64) throws { try spool.discard(through: sequence) }

  func synchronize() throws { try spool.synchronize() }

  /// Removes the spool of a run that is complete.
  static func remove(from directory: RunDirectory) {
    Spool.remove(directory.path(of: Self.directory), operations: directory.operations)
  }
}
