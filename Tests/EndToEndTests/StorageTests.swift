import Foundation
import Testing

/// Run directories that cannot be made, and files that cannot be written.
@Suite struct StorageTests {
  @Test func directoryBelowAFile() throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(fileURLWithPath: directory.path("file")))
    let path = directory.path("file/run")
    let finished = try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1", "--run-dir", path] + EdgeRun.tiny.arguments, in: directory)
    expectError(finished, .edge, code: 73, mentioning: [path, "Not a directory", "--run-dir"])
  }

  @Test func directoryOfAnEarlierRun() throws {
    let directory = try TemporaryDirectory()
    let earlier = Data("earlier\n".utf8)
    let path = try directory.subdirectory("edge")
    try earlier.write(to: URL(fileURLWithPath: path + "/metrics.jsonl"))
    let finished = try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1", "--run-dir", path] + EdgeRun.tiny.arguments, in: directory)
    expectError(
      finished, .edge, code: 73, mentioning: [path, "holds an earlier run", "metrics.jsonl", "--run-dir"])
    #expect(try RunFiles(path).bytes(of: "metrics.jsonl") == earlier)
  }

  @Test func cloudCannotMakeItsDirectory() throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(fileURLWithPath: directory.path("file")))
    let path = directory.path("file/runs")
    let finished = try ChildProcess.run(
      .cloud, ["--listen", "127.0.0.1:0", "--run-dir", path], in: directory)
    expectError(
      finished, .cloud, code: 73, mentioning: [directory.path("file"), "Not a directory", "--run-dir"])
    #expect(finished.output == "")
  }

  /// Results that get lost are an error.
  @Test(arguments: [
    (TestedProgram.edge, ["--help"]), (.edge, ["describe"]), (.cloud, ["--listen", "127.0.0.1:0"]),
  ])
  func standardOutputIsFull(program: TestedProgram, arguments: [String]) throws {
    let finished = try ChildProcess.run(
      program, arguments, in: TemporaryDirectory(), output: .file("/dev/full"))
    expectError(finished, program, code: 74, mentioning: ["standard output", "No space left on device"])
  }

  @Test func tableOfARunIsLost() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(cloud, in: directory, output: .file("/dev/full")).wait()
    expectError(edge, .edge, code: 74, mentioning: ["standard output", "No space left on device"])
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
    #expect(try cloud.process.wait().end == .exited(0))
  }

  /// A log that may not grow any more is what a full disk is.
  @Test func edgesDiskIsFull() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(cloud, in: directory, .endless, ["--spool", "0"], limitingFilesTo: 4)
      .wait()
    expectError(edge, .edge, code: 74, mentioning: [directory.path("edge/metrics.jsonl"), "File too large"])
    let edgeFiles = RunFiles(directory.path("edge"))
    let edgeSteps = try edgeFiles.metrics().filter { $0["type"] as? String == "step" }.count
    #expect(edgeSteps > 0)
    #expect(try edgeFiles.outcome().hasPrefix("failed: cannot write"))

    expectError(
      try cloud.process.wait(), .cloud, code: 69, mentioning: ["the edge failed (storage)", "File too large"])
    #expect(try cloud.runDirectory().outcome().hasPrefix("failed: the edge failed (storage)"))
    #expect(try cloud.runDirectory().metrics().count > 1)
  }

  @Test func cloudsDiskIsFull() throws {
    let directory = try TemporaryDirectory()
    let patience = ["--reconnect-for", "0"]
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"] + patience, limitingFilesTo: 4)
    let edge = try ChildProcess.startEdge(cloud, in: directory, .endless, patience).wait()
    expectError(edge, .edge, code: 69, mentioning: ["the cloud failed (storage)", "File too large"])
    #expect(try RunFiles(directory.path("edge")).outcome().hasPrefix("failed: the cloud failed (storage)"))
    #expect(try RunFiles(directory.path("edge")).metrics().count > 1)
    expectError(try cloud.process.wait(), .cloud, code: 74, mentioning: ["metrics.jsonl", "File too large"])
    #expect(try cloud.runDirectory().outcome().hasPrefix("failed: cannot write"))
  }
}
