import TestSupport
import Testing

@testable import Platform
@testable import RunFiles

/// A named pipe in place of a file: nobody writes to it, so that whoever waited for that would wait for ever.
@Suite struct NamedPipeTests {
  @Test func isNoFileOfARun() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(resuming: base)
      for file in [RunDirectory.summaryFile, RunDirectory.metricsFile] {
        try #require(mkfifo(directory.path(of: file), 0o600) == 0)
      }
      #expect(directory.outcome() == nil)
      let path = directory.path(of: RunDirectory.metricsFile)
      #expect(throws: RunDirectoryError.cannotCreate(path: path, operation: "open", errorNumber: ENXIO)) {
        try MetricsLog(path: path, flags: 0, role: .edge)
      }
    }
  }

  @Test func contentsAreThoseOfRegularFiles() throws {
    try withTemporaryDirectory { base in
      let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
      try AtomicFile.write(bytes, to: base + "/file")
      #expect(try FileOperations.live.contents(of: base + "/file") == bytes)
      // Its size is 0 for those who ask.
      #expect(try !FileOperations.live.contents(of: "/proc/self/status").isEmpty)
      try #require(mkfifo(base + "/pipe", 0o600) == 0)
      for path in [base + "/pipe", base] {
        #expect(throws: SystemError(operation: "open", errnoCode: EINVAL)) {
          try FileOperations.live.contents(of: path)
        }
      }
    }
  }

  /// Whoever has opened it to read does not.
  @Test func isNotWaitedForEither() throws {
    try withTemporaryDirectory { base in
      let path = base + "/pipe"
      try #require(mkfifo(path, 0o600) == 0)
      let reader = try SystemCall.run("open") { open(path, O_RDONLY | O_NONBLOCK) }
      defer { SystemCall.close(reader) }
      var file = try OutputFile(path: path)
      try file.write(Array("short".utf8))
      #expect(throws: FileError(path: path, operation: "wait for its reader", errorNumber: ETIMEDOUT)) {
        try file.write([UInt8](repeating: 0, count: 1 << 20))
      }
    }
  }

  /// Nor does anybody read from it.
  @Test func takesNoResult() throws {
    try withTemporaryDirectory { base in
      let path = base + "/pipe"
      try #require(mkfifo(path, 0o600) == 0)
      let error = FileError(path: path, operation: "open", errorNumber: ENXIO)
      #expect(throws: error) { try Timeline(path: path, role: .edge) }
      #expect(throws: error) { _ = try OutputFile(path: path) }
    }
  }
}
