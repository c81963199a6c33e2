#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes whole files so that a reader, or a run after a crash, finds the old content or the new, never a
/// part.
package enum AtomicFile {
  /// Receives the content of a file that is being written, piece by piece.
  package struct Writer: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String
    fileprivate let operations: FileOperations

    /// Appends bytes, all of them.
    ///
    /// - Throws: ``RunDirectoryError/cannotWrite(path:operation:errorNumber:)``.
    package borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(RunDirectoryError) {
      if let errorNumber = operations.writeAll(bytes, to: descriptor) {
        throw .cannotWrite(path: path, operation: "write", errorNumber: errorNumber)
      }
    }
  }

  /// Writes a file under a temporary name in the same directory, flushes it, renames it and flushes the
  /// directory.
  ///
  /// - Parameters:
  ///   - path: where the file shall be; an existing one is replaced.
  ///   - operations: the system calls.
  ///   - body: hands over the content.
  /// - Throws: ``RunDirectoryError/cannotWrite(path:operation:errorNumber:)``, or what `body` throws; the
  ///   temporary file is gone then, and what was at `path` is as before. (Only when the last step fails,
  ///   flushing the directory, the new content is already there.)
  package static func write(
    to path: String, operations: FileOperations = .live, _ body: (borrowing Writer) throws -> Void
  ) throws {
    func failure(_ operation: String, _ errorNumber: Int32) -> RunDirectoryError {
      .cannotWrite(path: path, operation: operation, errorNumber: errorNumber)
    }

    let (directory, name) = split(path)
    let unique = String(UInt32.random(in: 0 ... .max), radix: 36)
    let temporaryPath = directory + "/.\(name).\(getpid())-\(unique).tmp"
    let descriptor: Int32
    switch operations.openFile(temporaryPath, flags: O_WRONLY | O_CREAT | O_EXCL) {
    case .success(let opened): descriptor = opened
    case .failure(let error): throw failure("open", error.value)
    }

    var isOpen = true
    do {
      try body(Writer(descriptor: descriptor, path: path, operations: operations))
      if let errorNumber = operations.synchronizeAll(descriptor) { throw failure("fsync", errorNumber) }
      isOpen = false
      if operations.close(descriptor) < 0 {
        let errorNumber = errno
        // The descriptor is released all the same and the content was flushed before.
        if errorNumber != EINTR { throw failure("close", errorNumber) }
      }
      if operations.rename(temporaryPath, path) < 0 { throw failure("rename", errno) }
    } catch {
      // Best effort: the first error is the one to report.
      if isOpen { _ = operations.close(descriptor) }
      _ = operations.unlink(temporaryPath)
      throw error
    }

    switch operations.openFile(directory, flags: O_RDONLY | O_DIRECTORY) {
    case .success(let opened):
      let errorNumber = operations.synchronizeAll(opened)
      _ = operations.close(opened)
      if let errorNumber { throw failure("fsync directory of", errorNumber) }
    case .failure(let error): throw failure("open directory of", error.value)
    }
  }

  /// Writes a file of these bytes, as ``write(to:operations:_:)`` does.
  package static func write(_ bytes: [UInt8], to path: String, operations: FileOperations = .live) throws {
    try write(to: path, operations: operations) { writer in
      try bytes.withUnsafeBytes { try writer.write($0) }
    }
  }

  /// The directory of a path ("." if it has none) and the last component.
  static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let directory = String(path[..<slash])
    return (directory.isEmpty ? "/." : directory, String(path[path.utf8.index(after: slash)...]))
  }
}
