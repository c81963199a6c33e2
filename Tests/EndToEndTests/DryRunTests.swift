import Foundation
import Testing

/// `edge-trainer train --dry-run`: everything but the run.
@Suite struct DryRunTests {
  private static func train(_ arguments: [String], in directory: TemporaryDirectory) throws -> FinishedProcess {
    // Nobody listens there.
    try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1"] + EdgeRun.tiny.arguments + arguments, in: directory)
  }

  /// What is in the directory beside the output of the processes.
  private static func files(in directory: TemporaryDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
      !$0.hasSuffix(".out") && !$0.hasSuffix(".err")
    }
  }

  @Test(arguments: [[], ["--run-dir", "new/run"], ["--trace", "trace.json"]])
  func printsWhatARunWrites(arguments: [String]) throws {
    let directory = try TemporaryDirectory()
    let options = ["--strategy", "edge-only", "--link-rate", "3g", "--seed", "7"]
    let dry = try Self.train(options + arguments + ["--dry-run"], in: directory)
    #expect(dry.end == .exited(0), "\(dry.errors)")
    #expect(try Self.files(in: directory) == [])
    let real = try Self.train(options + ["--run-dir", "edge"], in: directory)
    #expect(real.end == .exited(0), "\(real.errors)")
    // Which has a number.
    let written = try RunFiles(directory.path("edge")).bytes(of: "config.json")
    let lines = String(decoding: written, as: UTF8.self).split(separator: "\n")
    #expect(
      dry.outputLines == lines.filter { !$0.contains(#""run_id" : "#) } && dry.outputLines.count == lines.count - 1)
  }

  @Test func needsNoCloud() throws {
    let directory = try TemporaryDirectory()
    let dry = try Self.train(["--dry-run"], in: directory)
    #expect(dry.end == .exited(0), "\(dry.errors)")
    var written = try RunTests.shared.get().edgeFiles.object("config.json")
    written["cloud"] = "127.0.0.1:1"
    #expect(written.removeValue(forKey: "run_id") != nil)
    let printed = try #require(try JSONSerialization.jsonObject(with: Data(dry.output.utf8)) as? [String: Any])
    #expect(printed as NSDictionary == written as NSDictionary)
    #expect(try Self.files(in: directory) == [])
  }

  @Test func failsAsARunWould() throws {
    let directory = try TemporaryDirectory()
    expectError(
      try Self.train(["--dry-run", "--epochs", "0"], in: directory), .edge, code: 64, mentioning: ["epochs 0"]
    )
    expectError(
      try Self.train(["--dry-run", "--data", "nowhere"], in: directory), .edge, code: 65,
      mentioning: ["nowhere"])
    try Data().write(to: URL(fileURLWithPath: directory.path("file")))
    expectError(
      try Self.train(["--dry-run", "--run-dir", "file/run"], in: directory), .edge, code: 73,
      mentioning: ["file/run", "Not a directory", "--run-dir"])
    for (options, code, words) in [
      (["--trace", "no/such/file"], Int32(74), ["no/such/file"]),
      (["--local", "--cloud-log", "no/such/log"], 74, ["no/such/log"]),
      (["--local", "--cloud-run-dir", "file"], 73, ["file", "choose another --cloud-run-dir"]),
    ] {
      let finished = try ChildProcess.run(
        .edge, ["train", "--dry-run"] + EdgeRun.tiny.arguments + options, in: directory)
      expectError(finished, .edge, code: code, mentioning: words)
    }
    let path = try directory.subdirectory("edge")
    try Data().write(to: URL(fileURLWithPath: path + "/metrics.jsonl"))
    let earlier = try Self.train(["--dry-run", "--run-dir", path], in: directory)
    expectError(earlier, .edge, code: 73, mentioning: ["holds an earlier run", "metrics.jsonl"])
    #expect(earlier.output == "")
  }
}
