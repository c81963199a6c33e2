/// A file that the user has named for a result, which may also be a device or a link: opened before the work, so that a
/// wrong path costs none. What it held stays until the result is written; a new one is gone if there is none.
package struct OutputFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private let isNew: Bool
  private var isWritten = false

  /// - Throws: `FileError`.
  package init(path: String) throws(FileError) {
    let operations = FileOperations.live
    if let new = try? operations.openOutput(path, flags: O_CREAT | O_EXCL) {
      (descriptor, isNew) = (new, true)
    } else {
      (descriptor, isNew) = (try operations.openOutput(path, flags: O_CREAT), false)
    }
    // Only now that nothing is thrown any more: Swift 6.2 would release it twice.
    self.path = path
  }

  /// Replaces what the file held.
  ///
  /// - Throws: `FileError`.
  package mutating func write(_ bytes: [UInt8]) throws(FileError) {
    isWritten = true
    // What has no length cannot be cut, and need not be.
    _ = try? SystemCall.run("ftruncate") { ftruncate(descriptor, 0) }
    let operations = FileOperations.live
    let copy = (path: path, descriptor: descriptor)
    let outcome = bytes.withUnsafeBytes { bytes -> Result<Void, FileError> in
      do throws(FileError) {
        return .success(try operations.writeAll(bytes, to: copy.descriptor, path: copy.path))
      } catch { return .failure(error) }
    }
    try outcome.get()
    try operations.synchronizeAll(descriptor, path: path)
  }

  /// Replaces a file as a whole: if that fails, it is as it was. What is no regular file, a device or a link, is
  /// written to.
  ///
  /// - Throws: `FileError`.
  package static func replace(_ path: String, with bytes: [UInt8]) throws {
    var status = stat()
    guard lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
      var file = try OutputFile(path: path)
      return try file.write(bytes)
    }
    try AtomicFile.write(bytes, to: path)
  }

  deinit {
    _ = FileOperations.live.close(descriptor)
    if isNew && !isWritten { _ = FileOperations.live.unlink(path) }
  }
}
