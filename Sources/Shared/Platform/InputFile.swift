/// What the user has named to be read: a file, or a pipe such as the shell makes of `<(command)`.
package enum InputFile {
  /// All that is in it.
  ///
  /// - Parameters:
  ///   - path: of a regular file, or of what can only be read to its end.
  ///   - limit: the most bytes that the latter may have.
  ///   - patience: seconds in which each of its pieces has to come.
  /// - Throws: `InputFileError`.
  package static func contents(of path: String, limit: Int, patience: Double) throws(InputFileError) -> [UInt8] {
    var status = stat()
    guard stat(path, &status) == 0 else { throw InputFileError(SystemError.text(of: errno)) }
    do {
      switch status.st_mode & S_IFMT {
      case S_IFREG: return try FileOperations.live.contents(of: path)
      case S_IFIFO, S_IFCHR: return try stream(path, limit: limit, patience: patience)
      default: throw InputFileError("it is no file")
      }
    } catch let error as InputFileError { throw error } catch { throw InputFileError("\(error)") }
  }

  private static func stream(_ path: String, limit: Int, patience: Double) throws -> [UInt8] {
    // Non-blocking, so that a pipe that nobody opens to write is waited for in `poll`, which ends.
    let descriptor = try SystemCall.run("open") { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    defer { SystemCall.close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = try SystemCall.run("poll") { poll(&entry, 1, Int32(patience * 1000)) }
      if ready == 0 { throw InputFileError("nothing came from it for \(Int(patience)) s") }
      let count = read(descriptor, &part, part.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { continue }
        throw SystemError(operation: "read", errnoCode: errno)
      }
      bytes += part[..<count]
      if bytes.count > limit { throw InputFileError("it is longer than \(limit) bytes") }
    }
  }
}

/// Why what the user has named cannot be read.
package struct InputFileError: Error, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
