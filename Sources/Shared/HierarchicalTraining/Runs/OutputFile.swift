#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that the user has named for a result, which may also be a device or a link: opened before the work, so that a
/// wrong path costs none. What it held stays until the result is written; a new one is gone if there is none.
package struct OutputFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private let isNew: Bool
  private var isWritten = false

  /// - Throws: ``RunDirectoryError/cannotWrite(path:operation:errorNumber:)``.
  package init(path: String) throws(RunDirectoryError) {
    self.path = path
    let operations = FileOperations.live
    var opened = operations.openFile(path, flags: O_WRONLY | O_CREAT | O_EXCL)
    if case .success = opened {
      isNew = true
    } else {
      isNew = false
      opened = operations.openFile(path, flags: O_WRONLY | O_CREAT)
    }
    switch opened {
    case .success(let descriptor): self.descriptor = descriptor
    case .failure(let error):
      throw .cannotWrite(path: path, operation: "open", errorNumber: error.value)
    }
  }

  /// Replaces what the file held.
  ///
  /// - Throws: ``RunDirectoryError/cannotWrite(path:operation:errorNumber:)``.
  package mutating func write(_ bytes: [UInt8]) throws(RunDirectoryError) {
    isWritten = true
    // What has no length cannot be cut, and need not be.
    while ftruncate(descriptor, 0) < 0 && errno == EINTR {}
    let operations = FileOperations.live
    if let errorNumber = bytes.withUnsafeBytes({ operations.writeAll($0, to: descriptor) }) {
      throw .cannotWrite(path: path, operation: "write", errorNumber: errorNumber)
    }
    if let errorNumber = operations.synchronizeAll(descriptor) {
      throw .cannotWrite(path: path, operation: "fsync", errorNumber: errorNumber)
    }
  }

  deinit {
    _ = FileOperations.live.close(descriptor)
    if isNew && !isWritten { _ = FileOperations.live.unlink(path) }
  }
}
