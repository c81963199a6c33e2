import Platform

/// Where the bytes of a safetensors file are.
final class SafetensorsSource {
  /// Names them in errors.
  let path: String
  let byteCount: Int
  private let content: Content

  private enum Content {
    case file(descriptor: Int32)
    case memory([UInt8])
  }

  /// Opens a file.
  ///
  /// - Throws: ``SafetensorsError``.
  init(path: String) throws(SafetensorsError) {
    self.path = path
    // Non-blocking, so that a named pipe in place of the file is an error and not a wait.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw .cannotRead(path: path, operation: "open", errorNumber: errno) }
    content = .file(descriptor: descriptor)
    var status = stat()
    let isThere = fstat(descriptor, &status) == 0
    byteCount = Int(status.st_size)
    // From here on, deinit closes it.
    guard isThere else { throw .cannotRead(path: path, operation: "stat", errorNumber: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .invalidHeader(path: path, reason: "no regular file") }
  }

  /// A file that is not on disk.
  init(name: String, bytes: [UInt8]) {
    path = name
    byteCount = bytes.count
    content = .memory(bytes)
  }

  deinit { if case .file(let descriptor) = content { close(descriptor) } }

  /// Fills a buffer with the bytes from `offset` on.
  ///
  /// - Throws: ``SafetensorsError``, `wrongLength` if there are not so many.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SafetensorsError) {
    let count: Int
    switch content {
    case .file(let descriptor):
      do throws(SystemError) {
        count = try FileOperations.live.readAll(into: buffer, from: descriptor, at: offset)
      } catch { throw .cannotRead(path: path, operation: "read", errorNumber: error.errnoCode) }
    case .memory(let bytes):
      let part = bytes.dropFirst(offset).prefix(buffer.count)
      buffer.copyBytes(from: part)
      count = part.count
    }
    // Shortened since it was opened.
    if count < buffer.count {
      throw .wrongLength(path: path, expected: offset + buffer.count, actual: offset + count)
    }
  }

  /// The bytes from `offset` on.
  ///
  /// - Throws: as `read(at:into:)`.
  func bytes(at offset: Int, count: Int) throws(SafetensorsError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let failure: SafetensorsError? = bytes.withUnsafeMutableBytes { buffer in
      do throws(SafetensorsError) {
        try read(at: offset, into: buffer)
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
    return bytes
  }
}
