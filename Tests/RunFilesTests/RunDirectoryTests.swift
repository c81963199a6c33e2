import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

@Suite struct RunsDirectoryTests {
  @Test func createsParents() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/a/b/c///")
      #expect(directory.path == base + "/a/b/c")
      #expect(directory.path(of: "x") == base + "/a/b/c/x")
      #expect(try names(in: directory.path) == [])
    }
  }

  @Test func takesAnExistingDirectoryWithOtherFiles() throws {
    try withTemporaryDirectory { base in
      try AtomicFile.write([1], to: base + "/notes.txt")
      _ = try RunDirectory(creating: base)
      #expect(try names(in: base) == ["notes.txt"])
    }
  }

  @Test(arguments: ["metrics.jsonl", "summary.json", "config.json"])
  func refusesAnEarlierRun(file: String) throws {
    try withTemporaryDirectory { base in
      try AtomicFile.write([], to: base + "/" + file)
      let error = RunDirectoryError.holdsEarlierRun(path: base, file: file)
      #expect(throws: error) { try RunDirectory(creating: base) }
      #expect(error.description == "\(base) holds an earlier run (\(file)); choose another --run-dir")
    }
  }

  @Test func refusesAFileAndWhatIsBelowIt() throws {
    try withTemporaryDirectory { base in
      try AtomicFile.write([], to: base + "/file")
      let atFile = RunDirectoryError.cannotCreate(
        path: base + "/file", operation: "mkdir", errorNumber: ENOTDIR)
      #expect(throws: atFile) { try RunDirectory(creating: base + "/file") }
      #expect(atFile.description.contains("\(base)/file: Not a directory"))
      #expect(
        throws: RunDirectoryError.cannotCreate(
          path: base + "/file/run", operation: "mkdir", errorNumber: ENOTDIR)
      ) { try RunDirectory(creating: base + "/file/run") }
      #expect(
        throws: RunDirectoryError.cannotCreate(path: "", operation: "mkdir", errorNumber: ENOENT)
      ) { try RunDirectory(creating: "") }
    }
  }

  @Test(arguments: [("link", ELOOP), ("nowhere", ENOENT)])
  func refusesALinkThatLeadsNowhere(target: String, errorNumber: Int32) throws {
    try withTemporaryDirectory { base in
      let path = base + "/link"
      try #require(symlink(target, path) == 0)
      #expect(
        throws: RunDirectoryError.cannotCreate(path: path, operation: "mkdir", errorNumber: errorNumber)
      ) { try RunDirectory(creating: path) }
    }
  }

  @Test func refusesADirectoryWhereNothingCanBeWritten() throws {
    try withTemporaryDirectory { base in
      var operations = FileOperations.live
      operations.open = { _, _, _ in
        errno = EROFS
        return -1
      }
      #expect(
        throws: RunDirectoryError.cannotCreate(
          path: base, operation: "create a file in", errorNumber: EROFS)
      ) { try RunDirectory(creating: base, operations: operations) }
    }
  }

  @Test func checkOfADirectoryForRunsLeavesNothing() throws {
    try withTemporaryDirectory { base in
      #expect(RunDirectory.missing(base + "/a/b") == [base + "/a/b", base + "/a"])
      for path in [base, base + "/a/b", base + "/a/b//"] { try RunDirectory.checkBase(path) }
      #expect(try names(in: base) == [])
      try AtomicFile.write([], to: base + "/file")
      let error = RunDirectoryError.cannotCreate(
        path: base + "/file/a", operation: "mkdir", errorNumber: ENOTDIR)
      #expect(throws: error) { try RunDirectory.checkBase(base + "/file/a") }
      #expect(try names(in: base) == ["file"])
    }
  }

  @Test func configurationHasItsKeysTheRoleAndTheNumber() throws {
    struct Configuration: Encodable {
      var learningRate: Float = 0.1
      var dataPath = "a/b"
      var momentum = Double.nan
    }
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base)
      try directory.writeConfiguration(Configuration(), role: .cloud, run: RunIdentifier(validating: "one"))
      #expect(
        try text(base + "/config.json") == """
          {
            "data_path" : "a/b",
            "learning_rate" : 0.1,
            "momentum" : null,
            "role" : "cloud",
            "run_id" : "one"
          }

          """)
    }
  }
}
