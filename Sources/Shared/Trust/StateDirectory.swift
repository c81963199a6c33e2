import Platform
import Transport

/// Where a side has its key, and those that it trusts. Nobody but its user can read it.
package struct StateDirectory: Sendable {
  package let path: String

  private static let name = "hierarchical-trainer"
  private static let keyFile = "key.pem"
  private static let certificateFile = "certificate.pem"
  /// Who may do what: the user, with files and with the directory.
  static let (fileMode, directoryMode): (mode_t, mode_t) = (0o600, 0o700)

  package init(path: String) { self.path = path }

  /// The place of the user's own: in `$XDG_STATE_HOME`, else in `~/.local/state`.
  ///
  /// - Throws: `TrustError.noStateDirectory`.
  static func own() throws(TrustError) -> String {
    // The standard says that what is not absolute does not count.
    if let base = getenv("XDG_STATE_HOME").map({ String(cString: $0) }), base.hasPrefix("/") {
      return "\(base)/\(name)"
    }
    guard let home = HomeFolder.path() else { throw .noStateDirectory }
    return "\(home)/.local/state/\(name)"
  }

  func path(of file: String) -> String { "\(path)/\(file)" }

  // MARK: The key

  /// This side's key and certificate, made if there are none. What is there is never replaced.
  ///
  /// - Throws: `TrustError.unusable`, `FileError`, `OpenSSLError`.
  func identity() throws -> Identity {
    try locked {
      let key: OpenSSLObject
      if let bytes = try contents(of: Self.keyFile) {
        key = try use(Self.keyFile) { try PEM.key(bytes) }
      } else {
        key = try Identity.makeKey()
        try write(try PEM.text(ofKey: key), to: Self.keyFile)
      }
      if let bytes = try contents(of: Self.certificateFile) {
        return try use(Self.certificateFile) { try Identity(key: key, certificate: PEM.certificate(bytes)) }
      }
      let certificate = try Identity.makeCertificate(of: key)
      try write(try PEM.text(ofCertificate: certificate), to: Self.certificateFile)
      return try Identity(key: key, certificate: certificate)
    }
  }

  /// The name of this side's key, which is made if there is none.
  ///
  /// - Throws: as `identity`.
  package func fingerprint() throws -> Fingerprint { try identity().fingerprint }

  private func use<Object>(_ file: String, _ body: () throws -> Object) throws -> Object {
    do { return try body() } catch {
      throw TrustError.unusable(path: path(of: file), reason: "\(error); what was there may be in a backup")
    }
  }

  // MARK: Files

  /// - Returns: nil if there is no such file.
  /// - Throws: `TrustError.unusable`, also if others than the user may read it.
  func contents(of file: String) throws -> [UInt8]? {
    let path = path(of: file)
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw TrustError.unusable(path: path, reason: "others than its owner may read or change it; call chmod 600")
    }
    do { return try FileOperations.live.contents(of: path) } catch let error as SystemError {
      if error.errnoCode == ENOENT { return nil }
      throw TrustError.unusable(path: path, reason: SystemError.text(of: error.errnoCode))
    }
  }

  func write(_ bytes: [UInt8], to file: String) throws {
    try AtomicFile.write(bytes, to: path(of: file), mode: Self.fileMode)
  }

  /// Runs `body` while no other process, or thread, is at work in the directory, which is made if it is not there.
  func locked<Result>(_ body: () throws -> Result) throws -> Result {
    try makeDirectory()
    let lock = path(of: ".lock")
    let descriptor = try FileOperations.live.openFile(lock, flags: O_RDWR | O_CREAT, mode: Self.fileMode)
    // Closing it gives it back.
    defer { SystemCall.close(descriptor) }
    do { try SystemCall.run("flock") { flock(descriptor, LOCK_EX) } } catch {
      throw FileError(path: lock, operation: "flock", errorNumber: error.errnoCode)
    }
    return try body()
  }

  private func makeDirectory() throws(FileError) {
    var made = path.hasPrefix("/") ? "/" : "."
    for name in path.split(separator: "/") {
      made += "/\(name)"
      if mkdir(made, Self.directoryMode) != 0, errno != EEXIST {
        // One further up may be there, and not be ours to write.
        let errorNumber = errno
        guard access(made, F_OK) != 0 else { continue }
        throw FileError(path: made, operation: "mkdir", errorNumber: errorNumber)
      }
    }
  }
}
