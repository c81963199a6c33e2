/// The few system calls through which files are written, and read back where they are also written, replaceable in
/// tests (a full disk, a failing rename).
///
/// Each closure has the convention of its C function: a negative result means failure with the reason in `errno`.
/// Interrupted calls (`EINTR`) are retried by the functions below.
package struct FileOperations: Sendable {
  /// `open(path, flags, mode)`; `O_CLOEXEC` is added.
  package var open: @Sendable (_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32
  /// `write(descriptor, bytes, count)`.
  package var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int
  /// `pread(descriptor, bytes, count, offset)`, the offset in bytes from the start.
  package var read:
    @Sendable (_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int, _ offset: Int) -> Int
  /// `fsync(descriptor)`.
  var synchronize: @Sendable (_ descriptor: Int32) -> Int32
  /// `ftruncate(descriptor, length)`, length in bytes.
  package var truncate: @Sendable (_ descriptor: Int32, _ length: Int) -> Int32
  /// `close(descriptor)`; never retried.
  package var close: @Sendable (_ descriptor: Int32) -> Int32
  /// `rename(from, to)`.
  var rename: @Sendable (_ from: String, _ to: String) -> Int32
  /// `unlink(path)`.
  package var unlink: @Sendable (_ path: String) -> Int32
  /// `mkdir(path, mode)`.
  package var makeDirectory: @Sendable (_ path: String, _ mode: mode_t) -> Int32

  /// The calls of this system.
  package static let live = FileOperations(
    open: { path, flags, mode in systemOpen(path, flags | O_CLOEXEC, mode) },
    write: { descriptor, bytes, count in systemWrite(descriptor, bytes, count) },
    read: { descriptor, bytes, count, offset in pread(descriptor, bytes, count, off_t(offset)) },
    synchronize: { descriptor in fsync(descriptor) },
    truncate: { descriptor, length in ftruncate(descriptor, off_t(length)) },
    close: { descriptor in systemClose(descriptor) }, rename: { from, to in systemRename(from, to) },
    unlink: { path in systemUnlink(path) }, makeDirectory: { path, mode in mkdir(path, mode) })

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: what is opened.
  ///   - flags: of `open`.
  ///   - reported: the file that an error names, if not this one.
  ///   - operation: what an error says was tried.
  ///   - mode: who may do what with a file that is made, but for what the process never allows.
  /// - Throws: `FileError`.
  package func openFile(
    _ path: String, flags: Int32, reportedAs reported: String? = nil, operation: String = "open", mode: mode_t = 0o666
  ) throws(FileError) -> Int32 { try Self.named(reported ?? path, operation) { open(path, flags, mode) } }

  /// Opens a file that the user has named for a result. A pipe that nobody has opened to read is an error, and not
  /// waited for; `writeAll` waits some seconds for a reader that does not read.
  ///
  /// - Throws: `FileError`.
  package func openOutput(_ path: String, flags: Int32) throws(FileError) -> Int32 {
    try openFile(path, flags: O_WRONLY | O_NONBLOCK | flags)
  }

  /// Milliseconds in which the reader of a pipe may leave it full.
  private static let readerMilliseconds: Int32 = 5000

  /// Writes all bytes, going on after short writes and interruptions.
  ///
  /// - Parameter path: the file that an error names.
  /// - Throws: `FileError`; a call that writes nothing counts as `EIO`.
  package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(FileError) {
    var offset = 0
    while offset < bytes.count, let start = bytes.baseAddress {
      do throws(FileError) {
        let written = try Self.named(path, "write") { write(descriptor, start + offset, bytes.count - offset) }
        if written == 0 { throw FileError(path: path, operation: "write", errorNumber: EIO) }
        offset += written
      } catch {
        guard error.errorNumber == EAGAIN else { throw error }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = try Self.named(path, "poll") { poll(&entry, 1, Self.readerMilliseconds) }
        if ready == 0 { throw FileError(path: path, operation: "wait for its reader", errorNumber: ETIMEDOUT) }
      }
    }
  }

  /// Fills a buffer from a position in a file, going on after short reads and interruptions.
  ///
  /// - Parameter offset: bytes from the start of the file.
  /// - Returns: how many bytes there were; fewer than the buffer takes only at the end of the file.
  /// - Throws: `SystemError`.
  package func readAll(into bytes: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int)
    throws(SystemError) -> Int
  {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = try SystemCall.run("read") { read(descriptor, start + done, bytes.count - done, offset + done) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// The bytes of a file, which is also one that the system makes up, as those below `/proc` are.
  ///
  /// - Throws: `SystemError`, with `EINVAL` for what is no regular file.
  package func contents(of path: String) throws -> [UInt8] {
    // Non-blocking, so that a named pipe in place of the file is an error and not a wait.
    let descriptor = try SystemCall.run("open") { open(path, O_RDONLY | O_NONBLOCK, 0) }
    defer { _ = close(descriptor) }
    var status = stat()
    try SystemCall.run("fstat") { fstat(descriptor, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(operation: "open", errnoCode: EINVAL) }
    var bytes: [UInt8] = []
    while true {
      // Files of the system have no size.
      var part = [UInt8](repeating: 0, count: max(4096, Int(status.st_size) + 1 - bytes.count))
      let count = try part.withUnsafeMutableBytes { try readAll(into: $0, from: descriptor, at: bytes.count) }
      bytes += part[..<count]
      if count < part.count { return bytes }
    }
  }

  /// Cuts a file off.
  ///
  /// - Parameters:
  ///   - length: the bytes that stay.
  ///   - path: the file that an error names.
  /// - Throws: `FileError`.
  package func truncateFile(_ descriptor: Int32, to length: Int, path: String) throws(FileError) {
    try Self.named(path, "ftruncate") { truncate(descriptor, length) }
  }

  /// Gives a file another name; one that has that name already is replaced.
  ///
  /// - Throws: `FileError`.
  package func renameFile(_ path: String, to new: String) throws(FileError) {
    guard rename(path, new) == 0 else { throw FileError(path: new, operation: "rename", errorNumber: errno) }
  }

  /// Deletes a file, if it is there.
  ///
  /// - Throws: `FileError`.
  package func removeFile(_ path: String) throws(FileError) {
    do throws(FileError) { try Self.named(path, "unlink") { unlink(path) } } catch {
      if error.errorNumber != ENOENT { throw error }
    }
  }

  /// Makes a directory, if there is nothing of its name; its parent has to be there.
  ///
  /// - Throws: `FileError`.
  package func ensureDirectory(_ path: String) throws(FileError) {
    do throws(FileError) { try Self.named(path, "mkdir") { makeDirectory(path, 0o777) } } catch {
      if error.errorNumber != EEXIST { throw error }
    }
  }

  /// Makes a directory with all that it lies in, as far as they are not there.
  ///
  /// - Throws: `FileError` naming the first that cannot be made.
  package func ensureDirectories(_ path: String, mode: mode_t = 0o777) throws(FileError) {
    var made = path.hasPrefix("/") ? "" : "."
    for name in path.split(separator: "/") {
      made += "/\(name)"
      if makeDirectory(made, mode) != 0, errno != EEXIST {
        // One further up may be there, and not be ours to write.
        let errorNumber = errno
        guard access(made, F_OK) != 0 else { continue }
        throw FileError(path: made, operation: "mkdir", errorNumber: errorNumber)
      }
    }
  }

  /// Flushes a directory, so that a file is there under its name, or gone, after a crash, too.
  ///
  /// - Parameter path: of the file, which an error names.
  /// - Throws: `FileError`.
  package func synchronizeDirectory(_ directory: String, of path: String) throws(FileError) {
    let descriptor = try openFile(
      directory, flags: O_RDONLY | O_DIRECTORY, reportedAs: path, operation: "open directory of")
    defer { _ = close(descriptor) }
    try synchronizeAll(descriptor, path: path, operation: "fsync directory of")
  }

  /// Flushes a file to the device. What cannot be flushed by its nature (`EINVAL`, `EROFS`: pipes, character devices,
  /// directories on some file systems) counts as flushed.
  ///
  /// - Throws: `FileError`.
  package func synchronizeAll(_ descriptor: Int32, path: String, operation: String = "fsync") throws(FileError) {
    do throws(FileError) { try Self.named(path, operation) { synchronize(descriptor) } } catch {
      if error.errorNumber != EINVAL && error.errorNumber != EROFS { throw error }
    }
  }

  @discardableResult private static func named<Result: SignedInteger>(
    _ path: String, _ operation: String, _ call: () -> Result
  ) throws(FileError) -> Result {
    do throws(SystemError) { return try SystemCall.run(operation, call) } catch {
      throw FileError(path: path, operation: operation, errorNumber: error.errnoCode)
    }
  }
}

// The C functions under names that the members above do not shadow.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
private func systemUnlink(_ path: String) -> Int32 { unlink(path) }
