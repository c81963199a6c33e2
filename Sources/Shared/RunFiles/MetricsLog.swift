import Platform

/// `metrics.jsonl`: a JSON object a line, each with `type`, `role` and `wall_seconds` (since the start of the log).
///
/// A line goes out in one `write`, so that a process that is killed leaves complete lines. May be used from several
/// threads; their lines do not mix.
package final class MetricsLog: Sendable {
  package let path: String
  private let role: Role
  private let elapsedSeconds: @Sendable () -> Double
  private let operations: FileOperations
  private let state: Guarded<State>

  private struct State {
    /// `nil` when finished.
    var descriptor: Int32?
    /// Bytes of complete lines.
    var length = 0
  }

  /// Creates the log of a run.
  ///
  /// - Parameters:
  ///   - directory: the run's; the log is its `metrics.jsonl`.
  ///   - role: written to every line.
  ///   - elapsedSeconds: the time since the start of the run; by default, since this call.
  /// - Throws: ``RunDirectoryError``, ``RunDirectoryError/holdsEarlierRun(path:file:)`` if there is a log already.
  package convenience init(in directory: RunDirectory, role: Role, elapsedSeconds: (@Sendable () -> Double)? = nil)
    throws(RunDirectoryError)
  {
    let path = directory.path(of: RunDirectory.metricsFile)
    do {
      try self.init(
        path: path, flags: O_CREAT | O_EXCL, role: role, elapsedSeconds: elapsedSeconds,
        operations: directory.operations)
    } catch .cannotCreate(_, _, EEXIST) { throw .holdsEarlierRun(path: directory.path, file: RunDirectory.metricsFile) }
  }

  /// Goes on with the log of a run that has ended early.
  ///
  /// - Parameters:
  ///   - directory: the run's.
  ///   - length: bytes of the log that stay; what follows is cut off.
  ///   - role: written to every line.
  ///   - elapsedSeconds: the time since the start of the run.
  ///   - beforehand: called when the directory is this process's, and the log is as it was.
  /// - Throws: ``RunDirectoryError``, `FileError`, what `beforehand` throws.
  package convenience init(
    resuming directory: RunDirectory, at length: Int, role: Role, elapsedSeconds: @escaping @Sendable () -> Double,
    after beforehand: () throws -> Void = {}
  ) throws {
    let path = directory.path(of: RunDirectory.metricsFile)
    do {
      try self.init(
        path: path, flags: 0, role: role, elapsedSeconds: elapsedSeconds, operations: directory.operations)
    } catch {
      guard case .cannotCreate(let path, let operation, let errorNumber) = error else { throw error }
      throw RunDirectoryError.cannotWrite(path: path, operation: operation, errorNumber: errorNumber)
    }
    try directory.checkWritable()
    try beforehand()
    try state.withLock { state in
      guard let descriptor = state.descriptor else { return }
      let present = Int(lseek(descriptor, 0, SEEK_END))
      guard present >= length else {
        throw RunDirectoryError.incomplete(path: path, expected: "at least \(length) bytes", actual: "\(present)")
      }
      if present > length { try operations.truncateFile(descriptor, to: length, path: path) }
      state.length = length
    }
  }

  /// Opens a log anywhere, `/dev/full` for example.
  init(
    path: String, flags: Int32, role: Role, elapsedSeconds: (@Sendable () -> Double)? = nil,
    operations: FileOperations = .live
  ) throws(RunDirectoryError) {
    self.path = path
    self.role = role
    self.operations = operations
    self.elapsedSeconds = elapsedSeconds ?? Self.stopwatch()
    let descriptor: Int32
    do throws(FileError) { descriptor = try operations.openOutput(path, flags: O_APPEND | flags) } catch {
      throw .cannotCreate(path: path, operation: error.operation, errorNumber: error.errorNumber)
    }
    state = Guarded(State(descriptor: descriptor))
    // For as long as it is open, the directory is this process's.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { throw .inUse(path: path) }
  }

  deinit {
    // Best effort: `finish` is where errors are told.
    if let descriptor = state.withLock({ $0.descriptor }) { _ = operations.close(descriptor) }
  }

  /// Appends one line.
  ///
  /// - Throws: `FileError` when the line could not be written completely; what was written of it is cut off again, so
  ///   that the file ends with a complete line. ``RunDirectoryError/finished(path:)`` after ``finish()``.
  package func append(_ record: some MetricsRecord) throws {
    try state.withLock { state in
      guard let descriptor = state.descriptor else { throw RunDirectoryError.finished(path: path) }
      // Under the lock, so that the times in the file never go back.
      let wallSeconds = (elapsedSeconds() * 1e6).rounded() / 1e6
      var line = try RunJSON.encode(MetricsLine(record: record, role: role, wallSeconds: wallSeconds), pretty: false)
      line.append(UInt8(ascii: "\n"))
      do { try line.withUnsafeBytes { try operations.writeAll($0, to: descriptor, path: path) } } catch {
        // Best effort: the first error is the one to report.
        _ = operations.truncate(descriptor, state.length)
        throw error
      }
      state.length += line.count
    }
  }

  /// Bytes of complete lines.
  package var length: Int { state.withLock { $0.length } }

  /// Flushes all lines so far to the device. Does nothing after ``finish()``, which has done it.
  ///
  /// - Throws: `FileError`.
  package func synchronize() throws {
    // Not under the lock: the device may take its time, and only `finish` closes, when nobody writes any more.
    guard let descriptor = state.withLock({ $0.descriptor }) else { return }
    try operations.synchronizeAll(descriptor, path: path)
  }

  /// Flushes the log to the device and closes it. A second call does nothing.
  ///
  /// - Throws: `FileError`; the log is closed all the same.
  package func finish() throws {
    try state.withLock { state in
      guard let descriptor = state.descriptor else { return }
      state.descriptor = nil
      let flushing = Result { try operations.synchronizeAll(descriptor, path: path) }
      let closeError = operations.close(descriptor) < 0 ? errno : 0
      try flushing.get()
      if closeError != 0, closeError != EINTR {
        throw FileError(path: path, operation: "close", errorNumber: closeError)
      }
    }
  }

  private static func stopwatch() -> @Sendable () -> Double {
    let start = MonotonicClock.seconds()
    return { MonotonicClock.seconds() - start }
  }
}

/// A record with what every line has.
private struct MetricsLine<Record: MetricsRecord>: Encodable {
  let record: Record
  let role: Role
  let wallSeconds: Double

  private enum CodingKeys: String, CodingKey { case type, role, wallSeconds }

  func encode(to encoder: any Encoder) throws {
    try record.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Record.type, forKey: .type)
    try container.encode(role, forKey: .role)
    try container.encode(wallSeconds, forKey: .wallSeconds)
  }
}
