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
    let whole = RunFiles(directory.path("whole"))
    #expect(try files.bytes(of: "edge.safetensors") == whole.bytes(of: "edge.safetensors"))
    var configurations = [try files.object("config.json"), try whole.object("config.json")]
    let numbers = configurations.indices.map { configurations[$0].removeValue(forKey: "run_id") as? String }
    #expect(numbers == [try files.summary(), try whole.summary()].map { $0["run_id"] as? String })
    #expect(configurations[0] as NSDictionary == configurations[1] as NSDictionary)
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
      ("nothing", "nothing: no such directory, and no run of that name below runs; see 'edge-trainer runs'"),
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
    expectError(try ChildProcess.run(.edge, ["resume"], in: directory), .edge, code: 64, mentioning: ["<run>"])
  }

  /// What is resumed is the edge's side.
  @Test func theCloudsSideIsNotTheEdges() throws {
    let directory = try TemporaryDirectory()
    let (run, alone) = ("runs/20261123-081502-3f9a1c", "clouds/20261123-081502-3f9a1d")
    for (path, role) in [("\(run)/edge", "edge"), ("\(run)/cloud", "cloud"), (alone, "cloud")] {
      let file = try directory.subdirectory(path) + "/config.json"
      try Data(#"{"role": "\#(role)"}"#.utf8).write(to: URL(filePath: file))
    }
    func expect(_ path: String, _ words: String...) throws {
      let finished = try ChildProcess.run(.edge, ["resume", path], in: directory)
      expectError(finished, .edge, code: 65, mentioning: words)
    }
    try expect("\(run)/cloud", "\(run)/cloud: this is the cloud's side", "edge-trainer resume \(run)")
    try expect("\(run)/cloud/", "this is the cloud's side", "edge-trainer resume \(run)")
    try expect(alone, "\(alone): this is the cloud's side", "edge-trainer resume, there, with the edge's directory")
    // Both sides' directory, and the number, are the edge's.
    for text in [run, "20261123"] { try expect(text, "\(run)/edge: expected checkpoint-1.safetensors") }
    for path in ["runs/20261123-081502-3f9a1e/cloud", "runs/20261123-081502-3f9a1f/edge"] {
      let role = path.hasSuffix("edge") ? "edge" : "cloud"
      let file = try directory.subdirectory(path) + "/config.json"
      try Data(#"{"role": "\#(role)"}"#.utf8).write(to: URL(filePath: file))
    }
    try expect("20261123-081502-3f9a1e", "3f9a1e/cloud: this is the cloud's side")
    try expect("20261123", "20261123: 3 runs of that name below runs, expected one")
  }
}
