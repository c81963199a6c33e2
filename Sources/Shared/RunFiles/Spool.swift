import Platform
import Transport

/// The log on disk of what a run's edge sends: records with consecutive numbers, in segments, which are files of their
/// own, so that the oldest ones can be deleted.
///
/// Any thread may call anything. Those that change files (`append`, `discard`, `restart`, `close`) wait for each other;
/// the others do not wait for them, nor for the device, except `synchronize`, which waits for the device only. `append`
/// waits for the device when it begins a segment: all segments before the last one are on the device, so that a crash
/// tears the end of the last one at most.
package final class Spool: Sendable {
  private struct State {
    /// Without segments only while a restart has not succeeded.
    var index: SpoolIndex
    /// Of the last segment.
    var current: SpoolFile?
    /// Of the segment that was read last, if it is another one.
    var reading: (first: UInt64, file: SpoolFile)?
    var isClosed = false
  }

  /// What only those need who change files.
  private struct Tail {
    /// Whether the next record begins a segment, since a file for it may be there already.
    var isSealed = false
    /// Whether the last file may go on after its last record with a part of one that could not be written.
    var isTorn = false
  }

  private let directory: String
  private let run: RunIdentifier
  private let limit: Int
  private let segmentBytes: Int
  private let operations: FileOperations
  private let tail = Turn(Tail())
  private let state: Guarded<State>

  /// Opens the spool of a run and checks all of it, or begins one. What a crash has left at its end of a record that
  /// was being written is cut off; `next` tells. All that is there is on the device afterwards.
  ///
  /// - Parameters:
  ///   - directory: of the spool alone; made if it is missing, but not its parent.
  ///   - run: whose spool it is.
  ///   - first: the number of the first record of a spool that begins.
  ///   - renewable: records of this number and higher ones can be made once more: if a crash has broken them in the
  ///     last segment, they are cut off. By default none.
  ///   - limit: bytes of all segments together; several times `segmentBytes`, or there is no room before all records
  ///     are discarded.
  ///   - segmentBytes: a segment that has reached this length is the last one no longer.
  ///   - operations: the system calls.
  /// - Throws: `SpoolError`, `FileError`.
  package init(
    directory: String, run: RunIdentifier, first: UInt64 = 1, renewable: UInt64 = .max, limit: Int,
    segmentBytes: Int = 8 << 20,
    operations: FileOperations = .live
  ) throws {
    self.directory = directory
    self.run = run
    self.limit = limit
    self.segmentBytes = segmentBytes
    self.operations = operations
    try operations.ensureDirectory(directory)
    let contents = try SpoolContents(checking: directory, run: run, renewable: renewable, operations: operations)
    try operations.synchronizeDirectory(directory + "/..", of: directory)
    state = Guarded(State(index: SpoolIndex(segments: contents.segments, next: contents.next ?? first)))
    try tail.take { try recover(contents, &$0) }
  }

  /// The number of the oldest record that is kept; `next` if there is none.
  package var first: UInt64 { state.withLock { $0.index.first } }

  /// The number of the next record that is appended.
  package var next: UInt64 { state.withLock { $0.index.next } }

  /// Bytes of all segments together.
  package var byteCount: Int { state.withLock { $0.index.byteCount } }

  /// Whether a record with a payload of so many bytes, and the header of a segment that it may begin, fit below the
  /// limit. An empty spool has room for any record, up to 1 GiB.
  package func hasRoom(for payloadBytes: Int) -> Bool {
    payloadBytes <= SpoolFormat.maximumPayloadBytes
      && state.withLock { $0.index.isEmpty || neededBytes($0.index, payloadBytes) <= limit }
  }

  /// Appends a record.
  ///
  /// - Parameters:
  ///   - kind: what it is; the spool does not care.
  ///   - head: the first part of the payload, which is copied.
  ///   - body: the second part, which is not.
  /// - Returns: the record's number.
  /// - Throws: `SpoolError` (`full`, `tooLong`, `closed`), `FileError`; the spool is as before then, and the next try
  ///   may succeed, but for one that fails because earlier records could not be flushed to the device.
  @discardableResult
  package func append(kind: UInt8, _ head: [UInt8], _ body: ArraySlice<UInt8> = []) throws -> UInt64 {
    let length = head.count + body.count
    guard length <= SpoolFormat.maximumPayloadBytes else {
      throw SpoolError.tooLong(directory: directory, limit: SpoolFormat.maximumPayloadBytes, actual: length)
    }
    let checksum = Self.checksum(kind: kind, head, body)
    return try tail.take { tail in
      let number = try withOpenState { state in
        let needed = neededBytes(state.index, length)
        guard state.index.isEmpty || needed <= limit else {
          throw SpoolError.full(directory: directory, limit: limit, needed: needed)
        }
        return state.index.next
      }
      let file = try fileForRecord(&tail)
      let header = SpoolRecordHeader(length: length, kind: kind, number: number, contentChecksum: checksum)
      do { try file.append(header.bytes + head, body) } catch {
        tail.isTorn = true
        // The first error is the one to report; whoever needs the file next tries it again.
        try? mend(&tail)
        throw error
      }
      state.withLock { $0.index.append(length: length, kind: kind, checksum: checksum) }
      return number
    }
  }

  /// Reads a record and checks it again.
  ///
  /// - Throws: `SpoolError` (`notKept`, `cannotRead`, `damaged`, `closed`).
  package func record(_ number: UInt64) throws -> SpoolRecord {
    // Opened under the lock, so that it cannot be deleted, or another one of its name be made, before it is open.
    let (entry, file) = try withOpenState { state in
      guard let segment = state.index.segment(of: number) else {
        throw SpoolError.notKept(
          directory: directory, number: number, first: state.index.first, next: state.index.next)
      }
      return (segment[number], try fileToRead(segment, &state))
    }
    return try file.record(number, entry)
  }

  /// The checksum of a record's kind and payload; nil if the record is not kept.
  package func checksum(of number: UInt64) -> UInt32? {
    state.withLock { $0.index.segment(of: number)?[number].checksum }
  }

  /// The checksum that a record of this content has.
  package static func checksum(kind: UInt8, _ head: [UInt8], _ body: ArraySlice<UInt8> = []) -> UInt32 {
    let first = head.withUnsafeBytes { CRC32C.checksum($0, continuing: SpoolFormat.checksum(kind: kind)) }
    return body.withUnsafeBytes { CRC32C.checksum($0, continuing: first) }
  }

  /// Flushes to the device all that has been appended when it is called.
  ///
  /// - Throws: `FileError`, from then on at each call until `restart`, since what is lost stays lost.
  ///   `SpoolError.closed`.
  package func synchronize() throws { try withOpenState { $0.current }?.synchronize() }

  /// Deletes the segments all of whose records have this number or a lower one.
  ///
  /// - Throws: `FileError`; some are deleted then, the oldest ones. `SpoolError.closed`.
  package func discard(through number: UInt64) throws {
    try tail.take { tail in
      let index = try withOpenState { $0.index }
      // There is a segment at all times: its name tells where the numbers go on when the spool is opened again.
      if let last = index.segments.last, last.first < last.next, last.next - 1 <= number {
        try beginSegment(at: last.next, &tail)
      }
      for segment in index.segments where segment.first < segment.next && segment.next - 1 <= number {
        try removeOldestSegment()
      }
    }
  }

  /// Drops all records, and goes on with another number. A crash leaves the new spool, some of the old one's newest
  /// records, or none, as if there had been no spool.
  ///
  /// - Parameter number: the one that the next record gets.
  /// - Throws: `FileError`; some or all records are dropped then, the oldest ones. `SpoolError` (`invalidNumber`,
  ///   `closed`).
  package func restart(at number: UInt64) throws {
    try tail.take { tail in
      try withOpenState { _ in }
      try checkNumber(number)
      while state.withLock({ !$0.index.segments.isEmpty }) { try removeOldestSegment() }
      if tail.isSealed { try operations.removeFile(path(first: next)) }
      tail = Tail()
      state.withLock { $0.index.next = number }
      // Or a crash might bring old segments back beside the new one, with a gap between.
      try operations.synchronizeDirectory(directory, of: path(first: number))
      try beginSegment(at: number, &tail)
    }
  }

  /// Closes the files, without flushing them. What throws, throws afterwards; a second call does nothing.
  package func close() {
    tail.take { _ in
      state.withLock { state in
        state.isClosed = true
        state.current = nil
        state.reading = nil
      }
    }
  }
}

extension Spool {
  /// Makes the files what `contents` says, and opens the last one.
  private func recover(_ contents: SpoolContents, _ tail: inout Tail) throws {
    if let headless = contents.headless { try operations.removeFile(path(first: headless)) }
    guard let last = contents.segments.last else {
      try beginSegment(at: next, &tail)
      return
    }
    let file = try SpoolFile(appendingTo: path(first: last.first), operations: operations)
    if contents.isTorn { try file.truncate(to: last.byteCount) }
    try file.synchronize()
    try operations.synchronizeDirectory(directory, of: file.path)
    state.withLock { $0.current = file }
  }

  /// The file that takes the next record.
  private func fileForRecord(_ tail: inout Tail) throws -> SpoolFile {
    let (current, last, next) = state.withLock { ($0.current, $0.index.segments.last, $0.index.next) }
    guard let current, let last, !tail.isSealed, last.byteCount < segmentBytes || last.first == next else {
      return try beginSegment(at: next, &tail)
    }
    try mend(&tail)
    return current
  }

  /// Begins the segment of a record, when all before it is on the device.
  @discardableResult private func beginSegment(at number: UInt64, _ tail: inout Tail) throws -> SpoolFile {
    try checkNumber(number)
    try mend(&tail)
    try state.withLock { $0.current }?.synchronize()
    tail.isSealed = true
    let path = path(first: number)
    let file: SpoolFile
    do {
      try AtomicFile.write(SpoolFormat.header(run: run, first: number), to: path, operations: operations)
      file = try SpoolFile(appendingTo: path, operations: operations)
    } catch {
      // Best effort: it may not be there, or stay; then the next try replaces it.
      _ = operations.unlink(path)
      throw error
    }
    tail.isSealed = false
    state.withLock { state in
      state.index.segments.append(SpoolSegment(first: number))
      state.current = file
    }
    return file
  }

  /// Cuts off the part of a record that could not be written.
  private func mend(_ tail: inout Tail) throws {
    guard tail.isTorn else { return }
    let (file, length) = state.withLock { ($0.current, $0.index.segments.last?.byteCount ?? 0) }
    try file?.truncate(to: length)
    tail.isTorn = false
  }

  private func removeOldestSegment() throws {
    // Out of the index first, so that nobody opens a file that is gone.
    let segment = state.withLock { $0.index.segments.removeFirst() }
    do throws(FileError) { try operations.removeFile(path(first: segment.first)) } catch {
      state.withLock { $0.index.segments.insert(segment, at: 0) }
      throw error
    }
    state.withLock { state in
      if state.reading?.first == segment.first { state.reading = nil }
      if state.index.segments.isEmpty { state.current = nil }
    }
  }

  private func fileToRead(_ segment: SpoolSegment, _ state: inout State) throws -> SpoolFile {
    if let current = state.current, segment.first == state.index.segments.last?.first { return current }
    if let reading = state.reading, reading.first == segment.first { return reading.file }
    let file = try SpoolFile(reading: path(first: segment.first), operations: operations)
    state.reading = (segment.first, file)
    return file
  }

  private func withOpenState<Result>(_ body: (inout State) throws -> Result) throws -> Result {
    try state.withLock { state in
      if state.isClosed { throw SpoolError.closed(directory: directory) }
      return try body(&state)
    }
  }

  /// Bytes of all segments with a further record that begins one.
  private func neededBytes(_ index: SpoolIndex, _ payloadBytes: Int) -> Int {
    index.byteCount + SpoolFormat.headerBytes + SpoolFormat.recordHeaderBytes + payloadBytes
  }

  private func checkNumber(_ number: UInt64) throws(SpoolError) {
    guard (1...SpoolFormat.maximumNumber).contains(number) else {
      throw .invalidNumber(directory: directory, number: number)
    }
  }

  private func path(first: UInt64) -> String { directory + "/" + SpoolFormat.fileName(first: first) }
}
