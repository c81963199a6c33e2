import Foundation
import Glibc
import TestSupport
import Testing

@testable import Platform

/// Files that users name to be read, and what else they name.
@Suite struct InputFileTests {
  private static func read(_ path: String, limit: Int = 1000, patience: Double = 30) throws -> [UInt8] {
    try InputFile.contents(of: path, limit: limit, patience: patience)
  }

  @Test func filesAreReadWhateverTheirLength() throws {
    try withTemporaryDirectory { base in
      try AtomicFile.write([1, 2, 3], to: base + "/file")
      #expect(try Self.read(base + "/file", limit: 1) == [1, 2, 3])
    }
  }

  /// A pipe may have nothing at first, and come in pieces.
  @Test func pipesAreReadToTheirEnd() throws {
    try withTemporaryDirectory { base in
      try #require(mkfifo(base + "/pipe", 0o600) == 0)
      let writer = Background {
        let descriptor = open(base + "/pipe", O_WRONLY)
        defer { close(descriptor) }
        for _ in 0..<3 {
          sleep(milliseconds: 20)
          _ = write(descriptor, "abc", 3)
        }
      }
      #expect(try Self.read(base + "/pipe") == Array("abcabcabc".utf8))
      try writer.value()
    }
  }

  @Test func whatHasNoEndIsTooLong() {
    #expect(throws: InputFileError("it is longer than 1000 bytes")) { try Self.read("/dev/zero") }
  }

  @Test func aPipeThatNobodyWritesIsNotWaitedForForEver() throws {
    try withTemporaryDirectory { base in
      try #require(mkfifo(base + "/pipe", 0o600) == 0)
      let error = #expect(throws: InputFileError.self) { try Self.read(base + "/pipe", patience: 0.05) }
      #expect(error?.description.hasPrefix("nothing came from it for ") == true)
    }
  }

  @Test func whatIsNoFileIsSaid() throws {
    try withTemporaryDirectory { base in
      #expect(throws: InputFileError("it is no file")) { try Self.read(base) }
      #expect(throws: InputFileError("No such file or directory")) { try Self.read(base + "/none") }
    }
  }
}
