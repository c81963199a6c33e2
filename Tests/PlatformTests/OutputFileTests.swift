import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct RunsOutputFileTests {
  private func content(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func replacesTheContentAtTheEnd() throws {
    try withTemporaryDirectory { base in
      try "what was there before".write(toFile: base + "/file", atomically: false, encoding: .utf8)
      var file = try OutputFile(path: base + "/file")
      #expect(try content(base + "/file") == "what was there before")
      try file.write(Array("new".utf8))
      #expect(try content(base + "/file") == "new")
    }
  }

  @Test func withoutAResultNothingChanges() throws {
    try withTemporaryDirectory { base in
      try "old".write(toFile: base + "/old", atomically: false, encoding: .utf8)
      for name in ["old", "new"] { _ = try OutputFile(path: base + "/" + name) }
      #expect(try content(base + "/old") == "old")
      #expect(!FileManager.default.fileExists(atPath: base + "/new"))
    }
  }

  @Test func aLinkStaysALink() throws {
    try withTemporaryDirectory { base in
      try FileManager.default.createSymbolicLink(atPath: base + "/link", withDestinationPath: "target")
      try "old".write(toFile: base + "/target", atomically: false, encoding: .utf8)
      var file = try OutputFile(path: base + "/link")
      try file.write(Array("new".utf8))
      #expect(try content(base + "/target") == "new")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: base + "/link") == "target")
    }
  }

  @Test func replacingWritesThroughLinksAndLeavesNoTrace() throws {
    try withTemporaryDirectory { base in
      try FileManager.default.createSymbolicLink(atPath: base + "/link", withDestinationPath: "target")
      for (path, target) in [("/target", "/target"), ("/link", "/target"), ("/target", "/target"), ("/new", "/new")] {
        try OutputFile.replace(base + path, with: Array("to \(path)".utf8))
        #expect(try content(base + target) == "to \(path)")
      }
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: base + "/link") == "target")
      #expect(try FileManager.default.contentsOfDirectory(atPath: base).sorted() == ["link", "new", "target"])
    }
  }

  @Test func aFullDeviceIsAnErrorAndStays() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    var file = try OutputFile(path: "/dev/full")
    #expect(throws: FileError(path: "/dev/full", operation: "write", errorNumber: ENOSPC)) {
      try file.write([1])
    }
    #expect(throws: FileError(path: "/dev/full", operation: "write", errorNumber: ENOSPC)) {
      try OutputFile.replace("/dev/full", with: [1])
    }
    let type = try FileManager.default.attributesOfItem(atPath: "/dev/full")[.type] as? FileAttributeType
    #expect(type == .typeCharacterSpecial)
  }

  @Test func aPathThatCannotBeOpened() throws {
    #expect(throws: FileError(path: "/nowhere/x", operation: "open", errorNumber: ENOENT)) {
      _ = try OutputFile(path: "/nowhere/x")
    }
  }
}
