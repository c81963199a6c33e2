import Foundation
import TestSupport
import Testing

@testable import Platform

private struct Stop: Error {}

@Suite struct RunsAtomicFileTests {
  @Test func replacesTheFileAndLeavesNothingElse() throws {
    try withTemporaryDirectory { base in
      let path = base + "/weights"
      try AtomicFile.write([1, 2, 3, 4], to: path)
      try AtomicFile.write([5, 6], to: path)
      #expect(try contents(path) == [5, 6])
      #expect(try names(in: base) == ["weights"])
    }
  }

  @Test func fullDiskKeepsTheOldFile() throws {
    try withTemporaryDirectory { base in
      let path = base + "/weights"
      try AtomicFile.write([1, 2, 3], to: path)
      let error = FileError(path: path, operation: "write", errorNumber: ENOSPC)
      #expect(throws: error) {
        try AtomicFile.write([UInt8](repeating: 9, count: 100), to: path, operations: .disk(bytes: 64))
      }
      #expect(
        error.description
          == "cannot write \(path): No space left on device; free space there, or write elsewhere"
      )
      #expect(try contents(path) == [1, 2, 3])
      #expect(try names(in: base) == ["weights"])
    }
  }

  @Test(arguments: ["open", "fsync", "close", "rename"])
  func eachFailureIsNamedAndCleanedUp(operation: String) throws {
    @Sendable func fail(_ number: Int32) -> Int32 {
      errno = number
      return -1
    }
    try withTemporaryDirectory { base in
      let path = base + "/file"
      try AtomicFile.write([7], to: path)
      var operations = FileOperations.live
      switch operation {
      case "open": operations.open = { _, _, _ in fail(EIO) }
      case "fsync": operations.synchronize = { _ in fail(EIO) }
      case "close":
        operations.close = { descriptor in
          _ = FileOperations.live.close(descriptor)
          return fail(EIO)
        }
      default: operations.rename = { _, _ in fail(EIO) }
      }
      #expect(
        throws: FileError(path: path, operation: operation, errorNumber: EIO)
      ) { try AtomicFile.write([8, 8], to: path, operations: operations) }
      #expect(try contents(path) == [7])
      #expect(try names(in: base) == ["file"])
    }
  }

  @Test func anErrorOfTheContentPassesThrough() throws {
    try withTemporaryDirectory { base in
      #expect(throws: Stop.self) { try AtomicFile.write(to: base + "/file") { _ in throw Stop() } }
      let left = try names(in: base)
      #expect(left == [])
    }
  }

  @Test func interruptedAndShortWritesGoOn() throws {
    try withTemporaryDirectory { base in
      let calls = Counter()
      var operations = FileOperations.live
      operations.write = { descriptor, start, count in
        if calls.next() % 2 == 0 {
          errno = EINTR
          return -1
        }
        return FileOperations.live.write(descriptor, start, min(3, count))
      }
      let bytes = [UInt8](0..<100)
      try AtomicFile.write(bytes, to: base + "/file", operations: operations)
      #expect(try contents(base + "/file") == bytes)
    }
  }

  @Test func flushesFileBeforeRenameAndDirectoryAfter() throws {
    try withTemporaryDirectory { base in
      let log = Trace()
      var operations = FileOperations.live
      operations.synchronize = { log.append("fsync", FileOperations.live.synchronize($0)) }
      operations.rename = { log.append("rename", FileOperations.live.rename($0, $1)) }
      try AtomicFile.write([1], to: base + "/file", operations: operations)
      #expect(log.names == ["fsync", "rename", "fsync"])
    }
  }

  @Test func splitsPaths() {
    #expect(AtomicFile.split("a/b/c") == ("a/b", "c"))
    #expect(AtomicFile.split("c") == (".", "c"))
    #expect(AtomicFile.split("/c") == ("/", "c"))
  }
}
