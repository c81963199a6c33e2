/// Writes whole files so that a reader, or a run after a crash, finds the old content or the new, never a part.
package enum AtomicFile {
  /// Receives the content of a file that is being written, piece by piece.
  package struct Writer: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String
    fileprivate let operations: FileOperations

    /// Appends bytes, all of them.
    ///
    /// - Throws: `FileError`.
    package borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      try operations.writeAll(bytes, to: descriptor, path: path)
    }
  }

  /// Writes a file under a temporary name in the same directory, flushes it, renames it and flushes the directory.
  ///
  /// - Parameters:
  ///   - path: where the file shall be; an existing one is replaced.
  ///   - mode: who may do what with the file, but for what the process never allows.
  ///   - operations: the system calls.
  ///   - body: hands over the content.
  /// - Throws: `FileError`, or what `body` throws; the temporary file is gone then, and what was at `path` is as
  ///   before. (Only when the last step fails, flushing the directory, the new content is already there.)
  package static func write(
    to path: String, mode: mode_t = 0o666, operations: FileOperations = .live, _ body: (borrowing Writer) throws -> Void
  ) throws {
    let (directory, name) = split(path)
    let temporaryPath = temporaryPath(in: directory, for: name)
    let descriptor = try operations.openFile(
      temporaryPath, flags: O_WRONLY | O_CREAT | O_EXCL, reportedAs: path, mode: mode)
    var isOpen = true
    do {
      try body(Writer(descriptor: descriptor, path: path, operations: operations))
      try operations.synchronizeAll(descriptor, path: path)
      isOpen = false
      // After EINTR the descriptor is released all the same, and the content was flushed before.
      if operations.close(descriptor) < 0, errno != EINTR {
        throw FileError(path: path, operation: "close", errorNumber: errno)
      }
      if operations.rename(temporaryPath, path) < 0 {
        throw FileError(path: path, operation: "rename", errorNumber: errno)
      }
    } catch {
      // Best effort: the first error is the one to report.
      if isOpen { _ = operations.close(descriptor) }
      _ = operations.unlink(temporaryPath)
      throw error
    }
    try operations.synchronizeDirectory(directory, of: path)
  }

  /// Writes a file of these bytes, likewise.
  package static func write(
    _ bytes: [UInt8], to path: String, mode: mode_t = 0o666, operations: FileOperations = .live
  ) throws {
    try write(to: path, mode: mode, operations: operations) { writer in
      try bytes.withUnsafeBytes { try writer.write($0) }
    }
  }

  /// A hidden name that no other process or thread takes.
  package static func temporaryPath(in directory: String, for name: String) -> String {
    "\(directory)/.\(name).\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 36)).tmp"
  }

  /// Whether a file's name is one of those of `temporaryPath`: a crash leaves such files, and nobody needs them.
  package static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".tmp") }

  /// The directory of a path ("." if it has none) and the last component.
  static func split(_ path: String) -> (directory: String, name: String) {
    // Not a FilePath: in a debug build it takes milliseconds, which tests with many files feel.
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...]))
  }
}
