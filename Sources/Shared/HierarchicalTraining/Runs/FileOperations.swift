#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The few system calls through which a run writes its files, replaceable in tests (a full disk, a failing
/// rename).
///
/// Each closure has the convention of its C function: a negative result means failure with the reason in
/// `errno`. Interrupted calls (`EINTR`) are retried by the users of this type.
package struct FileOperations: Sendable {
  /// `open(path, flags, mode)`; `O_CLOEXEC` is added.
  package var open: @Sendable (_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32
  /// `write(descriptor, bytes, count)`.
  package var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int
  /// `fsync(descriptor)`.
  package var synchronize: @Sendable (_ descriptor: Int32) -> Int32
  /// `ftruncate(descriptor, length)`, length in bytes.
  package var truncate: @Sendable (_ descriptor: Int32, _ length: Int) -> Int32
  /// `close(descriptor)`; never retried.
  package var close: @Sendable (_ descriptor: Int32) -> Int32
  /// `rename(from, to)`.
  package var rename: @Sendable (_ from: String, _ to: String) -> Int32
  /// `unlink(path)`.
  package var unlink: @Sendable (_ path: String) -> Int32

  /// The calls of this system.
  package static let live = FileOperations(
    open: { path, flags, mode in systemOpen(path, flags | O_CLOEXEC, mode) },
    write: { descriptor, bytes, count in systemWrite(descriptor, bytes, count) },
    synchronize: { descriptor in fsync(descriptor) },
    truncate: { descriptor, length in ftruncate(descriptor, off_t(length)) },
    close: { descriptor in systemClose(descriptor) },
    rename: { from, to in systemRename(from, to) },
    unlink: { path in systemUnlink(path) })

  /// Writes all bytes, going on after short writes and interruptions.
  ///
  /// - Returns: `nil`, or the error number of the call that failed. A call that writes nothing counts as
  ///   `EIO`.
  func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var offset = 0
    while offset < bytes.count {
      guard let start = bytes.baseAddress else { return nil }
      let written = write(descriptor, start + offset, bytes.count - offset)
      if written > 0 {
        offset += written
      } else if written == 0 {
        return EIO
      } else {
        let errorNumber = errno
        if errorNumber != EINTR { return errorNumber }
      }
    }
    return nil
  }

  /// Flushes a file to the device.
  ///
  /// - Returns: `nil`, or the error number. What cannot be flushed by its nature (`EINVAL`, `EROFS`: pipes,
  ///   character devices, directories on some file systems) counts as flushed.
  func synchronizeAll(_ descriptor: Int32) -> Int32? {
    while synchronize(descriptor) < 0 {
      let errorNumber = errno
      if errorNumber == EINVAL || errorNumber == EROFS { return nil }
      if errorNumber != EINTR { return errorNumber }
    }
    return nil
  }

  /// Opens a file, retrying when interrupted.
  func openFile(_ path: String, flags: Int32, mode: mode_t = 0o666) -> Result<Int32, SystemErrorNumber> {
    while true {
      let descriptor = open(path, flags, mode)
      if descriptor >= 0 { return .success(descriptor) }
      let errorNumber = errno
      if errorNumber != EINTR { return .failure(SystemErrorNumber(errorNumber)) }
    }
  }
}

/// A value of `errno`, as an error.
struct SystemErrorNumber: Error, Equatable {
  let value: Int32

  init(_ value: Int32) { self.value = value }
}

/// The system's text for an error number, "No space left on device".
func errorText(_ errorNumber: Int32) -> String {
  guard let text = strerror(errorNumber) else { return "error \(errorNumber)" }
  return String(cString: text)
}

// The C functions under names that the members above do not shadow.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
private func systemUnlink(_ path: String) -> Int32 { unlink(path) }
