import Platform
import Transport

/// Where a side has its key, and those that it trusts. Nobody but its user can read it.
package struct StateDirectory: Sendable {
  package let path: String
  /// The system calls; others in tests, a full disk for example.
  private let operations: FileOperations
  /// For how long another process is waited for that changes something here: it takes milliseconds.
  private let lockSeconds: Double

  private static let name = "hierarchical-trainer"
  private static let keyFile = "key.pem"
  private static let lockFile = ".lock"
  /// Microseconds between two tries to lock.
  private static let lockPause: UInt32 = 10_000
  /// Who may do what: the user, with files and with the directory.
  static let (fileMode, directoryMode): (mode_t, mode_t) = (0o600, 0o700)

  package init(path: String) { self.init(path: path, operations: .live) }

  init(path: String, operations: FileOperations = .live, lockSeconds: Double = 2) {
    self.path = path
    self.operations = operations
    self.lockSeconds = lockSeconds
  }

  /// The place of the user's own: in `$XDG_STATE_HOME`, else in `~/.local/state`.
  ///
  /// - Throws: `TrustError.noStateDirectory`.
  static func own() throws(TrustError) -> String {
    guard let base = HomeFolder.base("XDG_STATE_HOME", otherwise: ".local/state") else { throw .noStateDirectory }
    return "\(base)/\(name)"
  }

  func path(of file: String) -> String { "\(path)/\(file)" }

  // MARK: The key

  /// This side's key, and a certificate of it. Nothing is written.
  ///
  /// - Throws: `TrustError.noKey`, `TrustError.unusable`, `OpenSSLError`.
  func identity() throws -> Identity {
    guard let identity = try storedIdentity() else { throw TrustError.noKey(path: path(of: Self.keyFile)) }
    return identity
  }

  /// The same; a key is made if there is none. What is there is never replaced.
  ///
  /// - Throws: `TrustError.unusable`, `FileError`, `OpenSSLError`.
  func identityOrNew() throws -> Identity {
    if let identity = try storedIdentity() { return identity }
    return try locked {
      // Another process may have made it meanwhile.
      if let identity = try storedIdentity() { return identity }
      let key = try Identity.makeKey()
      try write(try PEM.text(ofKey: key), to: Self.keyFile)
      return try Identity(key: key)
    }
  }

  /// The name of this side's key, which is made if there is none.
  ///
  /// - Throws: as `identityOrNew`.
  package func fingerprint() throws -> Fingerprint { try identityOrNew().fingerprint }

  /// The name of this side's key; nil if there is none.
  ///
  /// - Throws: `TrustError.unusable`, `OpenSSLError`.
  package func storedFingerprint() throws -> Fingerprint? { try storedIdentity()?.fingerprint }

  private func storedIdentity() throws -> Identity? {
    guard let bytes = try contents(of: Self.keyFile) else { return nil }
    do { return try Identity(key: PEM.key(bytes)) } catch {
      throw TrustError.unusable(
        path: path(of: Self.keyFile),
        reason: """
          it holds no private key in PEM without a password (\(error.reason)); take it from a backup, or delete it: the \
          next one has to join anew
          """)
    }
  }

  // MARK: Files

  /// Waits for no other process: what is read was written as a whole.
  ///
  /// - Returns: nil if there is no such file.
  /// - Throws: `TrustError.unusable`, also if others than the user may read or replace it.
  func contents(of file: String) throws -> [UInt8]? {
    try requirePrivacy(of: path, isDirectory: true)
    let path = path(of: file)
    try requirePrivacy(of: path)
    do { return try operations.contents(of: path) } catch let error as SystemError {
      if error.errnoCode == ENOENT { return nil }
      throw TrustError.unusable(path: path, reason: SystemError.text(of: error.errnoCode))
    }
  }

  private func requirePrivacy(of path: String, isDirectory: Bool = false) throws(TrustError) {
    if let problem = Privacy.problem(of: path, isDirectory: isDirectory) {
      throw .unusable(path: path, reason: problem)
    }
  }

  func write(_ bytes: [UInt8], to file: String) throws {
    try AtomicFile.write(bytes, to: path(of: file), mode: Self.fileMode, operations: operations)
  }

  /// Runs `body` while no other process, or thread, changes anything in the directory, which is made if it is not
  /// there.
  ///
  /// - Throws: `FileError`, `TrustError.unusable`, also if another process does not give it back; what `body` throws.
  func locked<Result>(_ body: () throws -> Result) throws -> Result {
    try operations.ensureDirectories(path, mode: Self.directoryMode)
    try requirePrivacy(of: path, isDirectory: true)
    let lock = path(of: Self.lockFile)
    let descriptor = try operations.openFile(lock, flags: O_RDWR | O_CREAT, mode: Self.fileMode)
    // Closing it gives it back.
    defer { SystemCall.close(descriptor) }
    let deadline = Deadline(secondsFromNow: lockSeconds)
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let errorNumber = errno
      guard errorNumber == EWOULDBLOCK || errorNumber == EINTR else {
        throw FileError(path: lock, operation: "flock", errorNumber: errorNumber)
      }
      guard deadline.secondsLeft > 0 else {
        throw TrustError.unusable(
          path: lock, reason: "another process has held it for \(lockSeconds) s; end that one, and try again")
      }
      usleep(Self.lockPause)
    }
    return try body()
  }
}

/// Whether a file, or a directory, is its user's alone: nobody else, but the system's administrator, can read or
/// replace what is in it.
enum Privacy {
  /// - Returns: what is wrong, and the way out; nil if nothing is, or nothing is there.
  static func problem(of path: String, isDirectory: Bool = false) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == (isDirectory ? S_IFDIR : S_IFREG) else {
      return isDirectory ? "it is no directory" : "it is no file"
    }
    let user = geteuid()
    guard status.st_uid == user || status.st_uid == 0 else {
      return "it belongs to another user, of number \(status.st_uid); call this as that user, or chown"
    }
    if isDirectory {
      return status.st_mode & 0o022 == 0 ? nil : "others than its owner may change what is in it; call chmod 700"
    }
    // The administrator may share a file with a group that this user belongs to.
    let others: mode_t = status.st_uid == user ? 0o077 : 0o037
    return status.st_mode & others == 0 ? nil : "others than its owner may read or change it; call chmod 600"
  }
}
