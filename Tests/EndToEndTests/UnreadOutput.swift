import Foundation
import Glibc

/// Where a process writes, and what nobody reads until the test does: a pipe that is full, or a terminal.
final class UnreadOutput {
  private let readEnd: Int32
  private let writeEnd: Int32
  private var text = ""

  private init(_ readEnd: Int32, _ writeEnd: Int32) {
    (self.readEnd, self.writeEnd) = (readEnd, writeEnd)
    for end in [readEnd, writeEnd] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit { for end in [readEnd, writeEnd] { close(end) } }

  static func fullPipe() throws -> UnreadOutput {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
    let pipe = UnreadOutput(ends[0], ends[1])
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    while write(ends[1], "\n", 1) == 1 {}
    _ = fcntl(ends[1], F_SETFL, 0)
    return pipe
  }

  /// - Parameter columns: of its window; nil if nobody says.
  static func terminal(columns: UInt16? = nil) throws -> UnreadOutput {
    // The module of the C library has no grantpt and the like: the calls below are what they do.
    let (unlock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
    let keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var (no, number): (Int32, Int32) = (0, 0)
    guard keyboard >= 0, ioctl(keyboard, unlock, &no) == 0, ioctl(keyboard, getNumber, &number) == 0 else {
      throw POSIXError(.ENOTTY)
    }
    let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    guard terminal >= 0 else { throw POSIXError(.ENOTTY) }
    let output = UnreadOutput(keyboard, terminal)
    if let columns { output.resize(columns: columns) }
    return output
  }

  /// Changes the window of a terminal.
  func resize(columns: UInt16) {
    var size = winsize()
    (size.ws_row, size.ws_col) = (15, columns)
    _ = ioctl(readEnd, UInt(TIOCSWINSZ), &size)
  }

  /// For the process that is to write.
  var writer: ChildProcess.StandardDescriptor { .opened(writeEnd) }

  /// Presses Ctrl and a letter in a terminal.
  func press(control letter: Character) {
    var byte = (letter.asciiValue ?? 0) & 0x1f
    _ = write(readEnd, &byte, 1)
  }

  /// All that has come.
  func readAll() -> String {
    text += readSome()
    return text
  }

  /// Reads until a text has come.
  ///
  /// - Returns: all that has come.
  /// - Throws: `TimedOutError`.
  @discardableResult func read(until end: String, from process: ChildProcess) throws -> String {
    try process.wait(for: "\"\(end)\" to be written") {
      let text = readAll()
      return text.contains(end) ? text : nil
    }
  }

  private func readSome() -> String {
    var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while poll(&entry, 1, 0) == 1 {
      let count = Glibc.read(readEnd, &part, part.count)
      if count <= 0 { break }
      bytes += part[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
