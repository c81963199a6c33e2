import Foundation
import Testing

/// `edge-trainer train --wait`: the edge is there before its cloud.
@Suite struct WaitTests {
  @Test func cloudComesLater() throws {
    let directory = try TemporaryDirectory()
    // An address that is free again.
    let gone = try RunningCloud(in: directory)
    gone.process.send(signal: SIGTERM)
    _ = try gone.process.wait()
    let arguments = ["--cloud", "\(gone.endpoint)", "--run-dir", "edge"] + EdgeRun.tiny.arguments
    expectError(
      try ChildProcess.run(.edge, ["train"] + arguments, in: directory), .edge, code: 69, mentioning: ["cannot connect"]
    )

    let edge = try ChildProcess.start(.edge, ["train", "--wait"] + arguments, in: directory)
    try edge.wait(for: "the wait") {
      edge.errors.contains("notice waiting for the cloud at \(gone.endpoint): cannot connect") ? true : nil
    }
    let cloud = try RunningCloud(in: directory, listen: "\(gone.endpoint)", ["--sessions", "1"])
    let finished = try edge.wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
  }

  @Test func interruptedWait() throws {
    let directory = try TemporaryDirectory()
    let edge = try ChildProcess.start(
      .edge, ["train", "--wait", "--cloud", "127.0.0.1:1", "--run-dir", "edge"] + EdgeRun.tiny.arguments, in: directory)
    try edge.wait(for: "the wait") { edge.errors.contains("notice waiting for the cloud") ? true : nil }
    edge.send(signal: SIGINT)
    expectError(try edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("edge")))
  }
}
