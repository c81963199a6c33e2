import Platform
import Testing

@testable import Terminal

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(descriptor, bytes, count)
}

@Suite struct OutputWriterTests {
  /// A pipe that is full, until the test reads it.
  private final class FullPipe {
    let readEnd: Int32
    let writeEnd: Int32
    private let filler: Int

    init(staysNonBlocking: Bool = false) throws {
      var ends: [Int32] = [-1, -1]
      try SystemCall.run("pipe") { pipe(&ends) }
      // A writer may still be at work when the test is over.
      signal(SIGPIPE, SIG_IGN)
      (readEnd, writeEnd) = (ends[0], ends[1])
      _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
      var count = 0
      while write(ends[1], "x", 1) == 1 { count += 1 }
      filler = count
      if !staysNonBlocking { _ = fcntl(writeEnd, F_SETFL, 0) }
    }

    deinit { close(readEnd) }

    /// Reads until a text has come.
    func read(until end: String) -> String {
      var bytes: [UInt8] = []
      var part = [UInt8](repeating: 0, count: 4096)
      while !String(decoding: bytes.dropFirst(filler), as: UTF8.self).hasSuffix(end) {
        let count = systemRead(readEnd, &part, part.count)
        if count <= 0 { break }
        bytes += part[..<count]
      }
      return String(decoding: bytes.dropFirst(filler), as: UTF8.self)
    }
  }

  private static func notice(_ lines: Int) -> String { "\(lines) dropped\n" }

  /// Nobody who writes waits; what is dropped is the oldest, but for the line that is being written, and is counted.
  @Test func linesAreDroppedAndCounted() throws {
    let pipe = try FullPipe()
    let writer = OutputWriter(pipe.writeEnd, path: "pipe", limit: 5, notice: Self.notice)
    writer.write("line 1\n")
    // The thread that writes has to hold it, or it is one of those that are dropped.
    while !writer.isWriting { usleep(1000) }
    for number in 2...100 { writer.write("line \(number)\n") }
    #expect(try !writer.finish(within: 0))
    let lines = pipe.read(until: "line 100\n").split(separator: "\n").map(String.init)
    #expect(try writer.finish(within: 60))
    #expect(lines == ["line 1", "94 dropped"] + (96...100).map { "line \($0)" })
  }

  @Test func ofABarOnlyTheLastStateWaits() throws {
    let pipe = try FullPipe()
    let writer = OutputWriter(pipe.writeEnd, path: "pipe", limit: 5, notice: Self.notice)
    writer.write("a\n")
    for number in 1...100 { writer.write("[\(number)]") }
    writer.write("b\n")
    #expect(pipe.read(until: "b\n") == "a\n[100]b\n")
  }

  @Test func withoutALimitNothingIsDropped() throws {
    let pipe = try FullPipe()
    let writer = OutputWriter(pipe.writeEnd, path: "pipe")
    let lines = (1...10_000).map { "line \($0)\n" }
    lines.forEach(writer.write)
    #expect(pipe.read(until: "line 10000\n") == lines.joined())
  }

  /// Another program may have made it so.
  @Test func nonBlockingDescriptor() throws {
    let pipe = try FullPipe(staysNonBlocking: true)
    let writer = OutputWriter(pipe.writeEnd, path: "pipe")
    writer.write("a\n")
    #expect(pipe.read(until: "a\n") == "a\n")
    #expect(try writer.finish(within: 60))
    #expect(fcntl(pipe.writeEnd, F_GETFL) & O_NONBLOCK != 0)
  }

  @Test func givenUp() throws {
    let pipe = try FullPipe()
    let writer = OutputWriter(pipe.writeEnd, path: "pipe")
    writer.write("a\n")
    writer.giveUp()
    #expect(try !writer.finish(within: nil))
  }

  @Test func results() throws {
    let full = open("/dev/full", O_WRONLY)
    let results = OutputWriter(full, path: "results")
    results.write("a\n")
    let error = FileError(path: "results", operation: "write", errorNumber: ENOSPC)
    #expect(throws: error) { try results.finish(within: nil) }
    results.write("b\n")
    #expect(throws: error) { try results.finish(within: nil) }
    // A log that cannot be written is no error.
    let log = OutputWriter(full, path: "log", limit: 5)
    log.write("a\n")
    #expect(try log.finish(within: nil))
  }

  @Test func droppedLinesAreNamed() {
    #expect(Console.notice(1, isTerminal: false) == "1 line was dropped, since nobody read it\n")
    #expect(Console.notice(12, isTerminal: true) == "\r\u{1b}[J12 lines were dropped, since nobody read them\n")
  }
}
