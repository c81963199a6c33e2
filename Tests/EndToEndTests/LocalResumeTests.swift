import Foundation
import Testing

/// Runs whose cloud is on this machine, for a while: how they are seen, and go on.
@Suite struct LocalResumeTests {
  /// Before there is a summary of either side.
  @Test func aRunUnderWayIsListedOnce() throws {
    let run = try LocalTests.RunUnderWay(["--name", "mine"])
    let listed = try ChildProcess.run(.edge, ["runs", "."], in: run.directory)
    #expect(listed.end == .exited(0), "\(listed.errors)")
    #expect(listed.outputLines.count == 3 && listed.outputLines.last?.hasPrefix("mine ") == true, "\(listed.output)")
  }

  /// The way to a cloud elsewhere, and back to the one of before.
  @Test func resumedHereAfterAnotherCloud() throws {
    let run = try LocalTests.RunUnderWay()
    run.edge.send(signal: SIGTERM)
    #expect(try run.edge.wait().end == .exited(130))
    let elsewhere = try ChildProcess.run(
      .edge, ["resume", "edge", "--cloud", "127.0.0.1:1", "--reconnect-for", "0"], in: run.directory)
    expectError(elsewhere, .edge, code: 69, mentioning: ["127.0.0.1:1"])
    let steps = run.cloudFiles.loggedSteps
    let resumed = try ChildProcess.start(.edge, ["resume", "edge", "--local"], in: run.directory)
    let cloud = try LocalTests.cloud(of: resumed)
    try resumed.wait(for: "steps of the cloud") { run.cloudFiles.loggedSteps > steps + 2 ? true : nil }
    resumed.send(signal: SIGTERM)
    #expect(try resumed.wait().end == .exited(130))
    LocalTests.expectEnd(of: cloud)
    // Its files are those of before.
    #expect(try LocalTests.onlyRun(in: run.directory.path("cloud")) == run.cloudFiles.directory)
    #expect(try run.cloudFiles.metrics().contains { $0["event"] as? String == "resumed" })
  }

  @Test func offlineRunsAreDeliveredHere() throws {
    let directory = try TemporaryDirectory()
    let arguments = ["train", "--offline", "--run-dir", "edge"] + EdgeRun.tiny.arguments
    #expect(try ChildProcess.run(.edge, arguments, in: directory).end == .exited(0))
    let delivered = try ChildProcess.run(.edge, ["resume", "edge", "--local"], in: directory)
    #expect(delivered.end == .exited(0), "\(delivered.errors)")
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
    #expect(try RunFiles(LocalTests.onlyRun(in: directory.path("runs")) + "/cloud").outcome() == "completed")
  }

  /// A run without a cloud needs none when it goes on either, whatever the command said.
  @Test func edgeOnlyIsResumedWithoutACloud() throws {
    let directory = try TemporaryDirectory()
    let edge = try LocalTests.start(["--strategy", "edge-only", "--run-dir", "edge"], .endless, in: directory)
    let files = RunFiles(directory.path("edge"))
    try edge.wait(for: "steps") { files.loggedSteps > 2 ? true : nil }
    edge.send(signal: SIGTERM)
    #expect(try edge.wait().end == .exited(130))
    for words in [["--local"], ["--cloud", "127.0.0.1:1"]] {
      expectError(
        try ChildProcess.run(.edge, ["resume", "edge"] + words, in: directory), .edge, code: 64,
        mentioning: [words.joined(separator: " ") + ": the run has no cloud"])
    }
    let steps = files.loggedSteps
    let resumed = try ChildProcess.start(.edge, ["resume", "edge"], in: directory)
    try resumed.wait(for: "more steps") { files.loggedSteps > steps + 2 ? true : nil }
    resumed.send(signal: SIGTERM)
    let finished = try resumed.wait()
    #expect(finished.end == .exited(130) && !finished.errors.contains("started cloud-trainer"), "\(finished.errors)")
  }
}
