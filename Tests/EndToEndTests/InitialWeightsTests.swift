import Foundation
import Testing

/// `--initial-weights` of both programs.
@Suite struct InitialWeightsTests {
  private static let options = ["--local", "--cloud-run-dir", "cloud"] + EdgeRun.tiny.arguments

  /// Whole runs, one after the other, in one folder.
  private func train(_ words: [String], _ run: String, in directory: TemporaryDirectory) throws -> FinishedProcess {
    try ChildProcess.run(
      .edge, ["train", "--run-dir", run, "--cloud-log", "\(run).log"] + Self.options + words, in: directory)
  }

  private func log(_ run: String, in directory: TemporaryDirectory) throws -> String {
    try String(contentsOfFile: directory.path("\(run).log"), encoding: .utf8)
  }

  /// With `--local` each side begins with what the files hold of its part.
  @Test func localPassesThemOn() throws {
    let directory = try TemporaryDirectory()
    #expect(try train(["--strategy", "edge-only"], "whole", in: directory).end == .exited(0))
    let words = ["--initial-weights", "whole/edge.safetensors"]
    let both = try train(words, "both", in: directory)
    #expect(both.end == .exited(0), "\(both.errors)")
    #expect(
      both.errors.contains(
        "initial weights: 12 of 14 tensors of this side are from whole/edge.safetensors\n"))
    #expect(
      both.errors.contains("initial weights: start anew: exit.classifier (not in whole/edge.safetensors)\n"))
    #expect(try log("both", in: directory).contains("initial weights: 26 of 26 tensors of this side"))
    let digest = try #require(try RunFiles(directory.path("both")).summary()["initial_weights"] as? String)
    #expect(digest.count == 64)

    // Where the network is in the cloud, all goes there; where nothing is for one side, the seed makes its part.
    let streamed = try train(words + ["--strategy", "cloud-stream"], "stream", in: directory)
    #expect(streamed.end == .exited(0), "\(streamed.errors)")
    #expect(try log("stream", in: directory).contains("initial weights: 38 of 38 tensors of this side"))
    let front = try train(["--initial-weights", "both/edge.safetensors"], "front", in: directory)
    #expect(front.end == .exited(0), "\(front.errors)")
    #expect(front.errors.contains("initial weights: 14 of 14 tensors"))
    #expect(try !log("front", in: directory).contains("initial weights"))
  }

  /// What the run is resumed with: the cloud is gone with all that it had.
  @Test func cloudBeginsOnceMore() throws {
    let directory = try TemporaryDirectory()
    #expect(try train(["--strategy", "edge-only"], "whole", in: directory).end == .exited(0))
    let words = ["--strategy", "cloud-stream", "--initial-weights", "whole/edge.safetensors"]
    let endless = ["train", "--run-dir", "run", "--local", "--cloud-run-dir", "cloud"] + EdgeRun.endless.arguments
    let process = try ChildProcess.start(.edge, endless + words, in: directory)
    let files = RunFiles(directory.path("run"))
    try process.wait(for: "steps") { files.loggedSteps > 2 ? true : nil }
    process.send(signal: SIGINT)
    #expect(try process.wait().end == .exited(130))
    try FileManager.default.removeItem(atPath: directory.path("cloud"))
    try FileManager.default.moveItem(
      atPath: directory.path("whole"), toPath: directory.path("elsewhere"))
    let refused = try ChildProcess.run(.edge, ["resume", "run"], in: directory)
    expectError(
      refused, .edge, code: 75, mentioning: ["began from files with the SHA-256", "those that its seed makes"])
    #expect(refused.errors.contains("is not there any more: the cloud is started without it"))
    try FileManager.default.moveItem(
      atPath: directory.path("elsewhere"), toPath: directory.path("whole"))
    let steps = files.loggedSteps
    let resumed = try ChildProcess.start(.edge, ["resume", "run"], in: directory)
    try resumed.wait(for: "steps") { files.loggedSteps > steps + 2 ? true : nil }
    resumed.send(signal: SIGINT)
    #expect(try resumed.wait().end == .exited(130))
  }

  /// A cloud that has no files gets its part from the edge.
  @Test func edgeSendsThem() throws {
    let directory = try TemporaryDirectory()
    #expect(try train(["--strategy", "edge-only"], "whole", in: directory).end == .exited(0))
    let words = ["--initial-weights", "whole/edge.safetensors"]
    #expect(try train(words, "local", in: directory).end == .exited(0))
    let cloud = try RunningCloud(in: directory, runDirectory: directory.path("far"), ["--sessions", "1"])
    let sent = try ChildProcess.startEdge(
      cloud, in: directory, runDirectory: directory.path("sent"), ["--send-weights"] + words
    ).wait()
    #expect(sent.end == .exited(0), "\(sent.errors)")
    #expect(sent.errors.contains("sending the weights with which the cloud begins: "))
    let end = try cloud.process.wait()
    #expect(end.end == .exited(0), "\(end.errors)")
    #expect(end.errors.contains("receiving the weights of run "))
    #expect(
      try Data(contentsOf: URL(filePath: directory.path("sent/edge.safetensors")))
        == Data(contentsOf: URL(filePath: directory.path("local/edge.safetensors"))))
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path("cloud"))
    #expect(
      try cloud.runDirectory().bytes(of: "cloud.safetensors")
        == Data(contentsOf: URL(filePath: directory.path("cloud/\(try #require(names.first))/cloud.safetensors"))))
    #expect(!RunFiles(directory.path("sent")).names.contains { $0.hasPrefix("initial-weights") })
  }

  @Test func sendingNeedsFilesAndACloud() throws {
    let directory = try TemporaryDirectory()
    for (words, reason) in [
      (["--cloud", "localhost:1"], "--send-weights needs --initial-weights"),
      (["--initial-weights", "x", "--local"], "--send-weights does not go with --local"),
      (["--initial-weights", "x", "--strategy", "edge-only"], "--send-weights: --strategy edge-only has no cloud"),
    ] {
      let run = try ChildProcess.run(.edge, ["train", "--data", "synthetic", "--send-weights"] + words, in: directory)
      expectError(run, .edge, code: 64, mentioning: [reason])
    }
    let words = ["--initial-weights", "x", "--strategy", "cloud-stream", "--cloud", "localhost:1"]
    let run = try ChildProcess.run(.edge, ["train", "--data", "synthetic"] + words, in: directory)
    expectError(run, .edge, code: 64, mentioning: ["add --send-weights, or give the files to cloud-trainer"])
  }

  @Test func filesThatCannotBeUsed() throws {
    let directory = try TemporaryDirectory()
    try Data("no weights".utf8).write(to: URL(filePath: directory.path("text")))
    for (file, reason) in [("none", "open none: No such file or directory"), ("text", "text: ")] {
      let arguments = ["--initial-weights", file]
      expectError(try train(arguments, "run", in: directory), .edge, code: 65, mentioning: [reason])
      expectError(
        try ChildProcess.run(.cloud, ["--listen", "127.0.0.1:0"] + arguments, in: directory), .cloud, code: 65,
        mentioning: [reason])
    }
    expectError(
      try train(["--initial-weights", "a,,b"], "run", in: directory), .edge, code: 64,
      mentioning: ["expected 1 to 16 files, separated by commas"])
    expectError(
      try ChildProcess.run(
        .edge, ["train", "--strategy", "cloud-stream", "--initial-weights", "text"], in: directory), .edge, code: 64,
      mentioning: ["with --strategy cloud-stream the network is in the cloud"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("run")))
  }
}
