import Platform
import SystemPackage
import Transport

/// The directory of one run on one side: `config.json`, `metrics.jsonl`, `summary.json` and checkpoints.
package struct RunDirectory: Sendable {
  /// The directory, as it was given, without a slash at the end.
  package let path: String
  /// The system calls with which the run's files are written.
  package let operations: FileOperations

  package static let configurationFile = "config.json"
  package static let metricsFile = "metrics.jsonl"
  package static let summaryFile = "summary.json"

  /// Creates the directory with its parents, or takes an existing one that holds no run yet, and checks that a file can
  /// be created in it.
  ///
  /// - Throws: ``RunDirectoryError/holdsEarlierRun(path:file:)`` or
  ///   ``RunDirectoryError/cannotCreate(path:operation:errorNumber:)``.
  package init(creating path: String, operations: FileOperations = .live) throws(RunDirectoryError) {
    self.path = FilePath(path).string
    self.operations = operations
    try Self.createDirectories(self.path, operations)
    for file in [Self.metricsFile, Self.summaryFile, Self.configurationFile] {
      var status = stat()
      if lstat(self.path(of: file), &status) == 0 { throw .holdsEarlierRun(path: self.path, file: file) }
      let errorNumber = errno
      if errorNumber != ENOENT {
        throw .cannotCreate(path: self.path(of: file), operation: "lstat", errorNumber: errorNumber)
      }
    }
    try Self.checkThatFilesCanBeCreated(in: self.path, operations)
  }

  /// Takes the directory of a run that has begun.
  ///
  /// - Throws: ``RunDirectoryError/incomplete(path:expected:actual:)`` if there is none.
  package init(resuming path: String, operations: FileOperations = .live) throws(RunDirectoryError) {
    self.path = FilePath(path).string
    self.operations = operations
    var status = stat()
    guard stat(self.path, &status) == 0 else {
      throw .incomplete(path: self.path, expected: "the directory of a run", actual: SystemError.text(of: errno))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .incomplete(path: self.path, expected: "the directory of a run", actual: "a file")
    }
  }

  /// Checks that a run that has begun can write here.
  ///
  /// - Throws: ``RunDirectoryError/cannotWrite(path:operation:errorNumber:)``.
  func checkWritable() throws(RunDirectoryError) {
    do throws(RunDirectoryError) { try Self.checkThatFilesCanBeCreated(in: path, operations) } catch {
      guard case .cannotCreate(let path, let operation, let errorNumber) = error else { throw error }
      throw .cannotWrite(path: path, operation: operation, errorNumber: errorNumber)
    }
  }

  /// The path of a file in this directory.
  package func path(of file: String) -> String { path + "/" + file }

  /// Writes `config.json`: the keys of the configuration and of the command in snake_case, sorted, with `role` and
  /// `run_id`, by which both sides of a run are known to belong together from its beginning.
  ///
  /// - Parameters:
  ///   - configuration: encodes as an object (a keyed container).
  ///   - command: likewise; what it has under the same name is written instead. Nil for nothing more.
  ///   - role: the side that writes.
  ///   - run: its number.
  /// - Throws: `FileError`.
  package func writeConfiguration(
    _ configuration: some Encodable, _ command: (any Encodable)? = nil, role: Role, run: RunIdentifier
  ) throws {
    try AtomicFile.write(
      Self.configurationBytes(configuration, command, role: role, run: run), to: path(of: Self.configurationFile),
      operations: operations)
  }

  /// What `writeConfiguration` writes; without a number for a run that does not begin.
  package static func configurationBytes(
    _ configuration: some Encodable, _ command: (any Encodable)? = nil, role: Role, run: RunIdentifier? = nil
  ) throws -> [UInt8] {
    let file = ConfigurationFile(configuration: configuration, command: command, role: role, run: run)
    return try RunJSON.encode(file, pretty: true)
  }

  /// Writes `summary.json`; an earlier one of this run is replaced.
  ///
  /// - Throws: `FileError`.
  package func writeSummary(_ summary: RunSummary) throws { try writeJSON(summary, to: Self.summaryFile) }

  /// How the run ended, as its summary says.
  ///
  /// - Returns: nil if it has none that can be read: it was ended before it could write one.
  package func outcome() -> RunOutcome? {
    guard let bytes = try? operations.contents(of: path(of: Self.summaryFile)) else { return nil }
    return try? RunJSON.decode(RunSummary.self, from: bytes).outcome
  }

  /// Removes the files of a run that has come to nothing, so that it can begin once more.
  ///
  /// - Throws: `FileError`.
  package func removeRun() throws {
    for file in [Self.configurationFile, Self.metricsFile, Self.summaryFile] {
      try operations.removeFile(path(of: file))
    }
  }

  private func writeJSON(_ value: some Encodable, to file: String) throws {
    let bytes = try RunJSON.encode(value, pretty: true)
    try AtomicFile.write(bytes, to: path(of: file), operations: operations)
  }

  /// Checks that a directory for runs can be made and written; leaves nothing behind.
  ///
  /// - Throws: ``RunDirectoryError/cannotCreate(path:operation:errorNumber:)``.
  package static func checkBase(_ path: String) throws(RunDirectoryError) {
    let new = missing(path)
    defer { for path in new { rmdir(path) } }
    try createDirectories(path, .live)
    try checkThatFilesCanBeCreated(in: path, .live)
  }

  /// Bytes that are free where a directory is, or would be made; nil if the system does not tell.
  package static func freeBytes(at path: String) -> Int? {
    let existing = missing(path).last.map { FilePath($0).removingLastComponent().string } ?? path
    var status = statvfs()
    guard statvfs(existing.isEmpty ? "." : existing, &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
  }

  /// The directories that would have to be made for this one, itself first, its outermost parent last.
  package static func missing(_ path: String) -> [String] {
    var missing: [String] = []
    var path = path
    var status = stat()
    while stat(path, &status) != 0, errno == ENOENT {
      missing.append(path)
      let parent = FilePath(path).removingLastComponent()
      if parent.string == path { break }
      path = parent.isEmpty ? "." : parent.string
    }
    return missing
  }

  /// `mkdir -p`, and what is made is there after a crash, too. A component that exists but is no directory gives
  /// `ENOTDIR`.
  private static func createDirectories(_ path: String, _ operations: FileOperations) throws(RunDirectoryError) {
    let parent = FilePath(path).removingLastComponent()
    func make() throws(RunDirectoryError) -> Bool {
      guard operations.makeDirectory(path, 0o777) == 0 else { return false }
      do throws(FileError) {
        try operations.synchronizeDirectory(parent.isEmpty ? "." : parent.string, of: path)
      } catch { throw .cannotCreate(path: path, operation: error.operation, errorNumber: error.errorNumber) }
      return true
    }
    if try make() { return }
    var errorNumber = errno
    if errorNumber == ENOENT, !parent.isEmpty, parent.string != path {
      try createDirectories(parent.string, operations)
      if try make() { return }
      errorNumber = errno
    }
    if errorNumber == EEXIST {
      var status = stat()
      // A link may lead nowhere, or to itself.
      let isThere = stat(path, &status) == 0
      if isThere, status.st_mode & S_IFMT == S_IFDIR { return }
      errorNumber = isThere ? ENOTDIR : errno
    }
    throw .cannotCreate(path: path, operation: "mkdir", errorNumber: errorNumber)
  }

  private static func checkThatFilesCanBeCreated(in path: String, _ operations: FileOperations)
    throws(RunDirectoryError)
  {
    do throws(FileError) {
      let probe = AtomicFile.temporaryPath(in: path, for: "probe")
      _ = operations.close(try operations.openFile(probe, flags: O_WRONLY | O_CREAT | O_EXCL))
      _ = operations.unlink(probe)
    } catch { throw .cannotCreate(path: path, operation: "create a file in", errorNumber: error.errorNumber) }
  }
}

/// The content of `config.json`: the keys of a configuration and of a command, the role and the run's number side by
/// side.
private struct ConfigurationFile<Configuration: Encodable>: Encodable {
  let configuration: Configuration
  let command: (any Encodable)?
  let role: Role
  let run: RunIdentifier?

  private enum CodingKeys: String, CodingKey {
    case role
    case run = "run_id"
  }

  func encode(to encoder: any Encoder) throws {
    try configuration.encode(to: encoder)
    try command?.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(role, forKey: .role)
    try container.encodeIfPresent(run, forKey: .run)
  }
}
