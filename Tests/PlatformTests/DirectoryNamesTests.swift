import Glibc
import TestSupport
import Testing

@testable import Platform

@Suite struct DirectoryNamesTests {
  @Test func namesThatAreNoTextAreRepairedAndMarked() throws {
    try withTemporaryDirectory { base in
      for name in [Array("ä".utf8), Array(".hidden".utf8), [0x66, 0xff]] {
        let path = (Array(base.utf8) + [UInt8(ascii: "/")] + name + [0]).map { CChar(bitPattern: $0) }
        try #require(mkdir(path, 0o700) == 0)
      }
      let found = try DirectoryNames.found(base).sorted { $0.name < $1.name }
      #expect(found.map(\.name) == [".hidden", "f\u{fffd}", "ä"].sorted())
      #expect(found.filter { !$0.isText }.map(\.name) == ["f\u{fffd}"])
      #expect(try DirectoryNames.list(base).sorted() == found.map(\.name))
      #expect(throws: SystemError(operation: "opendir", errnoCode: ENOENT)) { try DirectoryNames.list(base + "/none") }
    }
  }
}
