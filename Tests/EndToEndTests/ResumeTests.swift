import Foundation
import Testing

/// `edge-trainer resume` of a process that was killed, and of what is no such run.
@Suite struct ResumeTests {
  private static let options = [
    "--strategy", "edge-only", "--data", "synthetic", "--train-limit", "400", "--test-limit", "40", "--batch-size", "8",
    "--epochs", "1", "--threads", "1",
  ]

  @Test func killedAndResumed() throws {
    let directory = try TemporaryDirectory()
    #expect(
      try ChildProcess.run(
        .edge, ["train", "--run-dir", "whole", "--checkpoint-interval", "0.1"] + Self.options, in: directory
      ).end == .exited(0))
    let files = RunFiles(directory.path("part"))
    var process = try ChildProcess.start(
      .edge, ["train", "--run-dir", "part", "--checkpoint-interval", "0.1"] + Self.options, in: directory)
    for steps in [5, 15, 25] {
      try process.wait(for: "step \(steps)") { files.loggedSteps > steps ? true : nil }
      process.send(signal: SIGKILL)
      _ = try process.wait()
      process = try ChildProcess.start(.edge, ["resume", "part"], in: directory)
    }
    let finished = try process.wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    for file in ["edge.safetensors", "config.json"] {
      #expect(
        try Data(contentsOf: URL(filePath: directory.path("part/\(file)")))
          == Data(contentsOf: URL(filePath: directory.path("whole/\(file)"))), "\(file)")
    }
    try EndingTests.expectCompleteLogs(files, event: "completed", outcome: "completed")

    let again = try ChildProcess.run(.edge, ["resume", "part"], in: directory)
    expectError(again, .edge, code: 64, mentioning: ["part: the run is complete, there is nothing to resume"])
  }

  @Test func interruptedSaysHowToGoOn() throws {
    let directory = try TemporaryDirectory()
    let process = try ChildProcess.start(.edge, ["train", "--run-dir", "run"] + Self.options, in: directory)
    let files = RunFiles(directory.path("run"))
    try process.wait(for: "steps") { files.loggedSteps > 2 ? true : nil }
    process.send(signal: SIGINT)
    let finished = try process.wait()
    #expect(finished.end == .exited(130))
    #expect(finished.errors.contains("to go on: edge-trainer resume run"))
    for (epochs, reason) in [
      ("0", "--epochs 0: expected more than the 1"), ("2", "--schedule one-cycle are laid out for"),
    ] {
      expectError(
        try ChildProcess.run(.edge, ["resume", "run", "--epochs", epochs], in: directory), .edge, code: 64,
        mentioning: [reason])
    }
    #expect(try ChildProcess.run(.edge, ["resume", "run", "--threads", "2"], in: directory).end == .exited(0))
    try EndingTests.expectCompleteLogs(files, event: "completed", outcome: "completed")
  }

  @Test func nothingToResume() throws {
    let directory = try TemporaryDirectory()
    for (path, reason) in [
      ("nothing", "nothing: expected the directory of a run, found No such file or directory"),
      (".", "expected checkpoint-1.safetensors"),
    ] {
      expectError(try ChildProcess.run(.edge, ["resume", path], in: directory), .edge, code: 65, mentioning: [reason])
    }
    try Data("no weights".utf8).write(to: URL(filePath: directory.path("edge.safetensors")))
    expectError(
      try ChildProcess.run(.edge, ["resume", "edge.safetensors"], in: directory), .edge, code: 65,
      mentioning: ["expected the directory of a run, found a file"])
    try Data("no state".utf8).write(to: URL(filePath: directory.path("checkpoint-1.safetensors")))
    expectError(
      try ChildProcess.run(.edge, ["resume", "."], in: directory), .edge, code: 65,
      mentioning: ["checkpoint-1.safetensors"])
    expectError(try ChildProcess.run(.edge, ["resume"], in: directory), .edge, code: 64, mentioning: ["<dir>"])
  }
}
