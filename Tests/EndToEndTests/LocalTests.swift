import CommandLineSupport
import Compute
import Foundation
import Planning
import Testing
import Training

@testable import EdgeTrainer

/// `--local`: the edge starts its cloud, and ends it.
@Suite struct LocalTests {
  private static let directories = ["--run-dir", "edge", "--cloud-run-dir", "cloud"]

  static func start(
    _ arguments: [String], _ run: EdgeRun = .tiny, in directory: TemporaryDirectory
  ) throws -> ChildProcess {
    try ChildProcess.start(.edge, ["train", "--local"] + run.arguments + arguments, in: directory)
  }

  /// The cloud's process, once the edge has named it.
  static func cloud(of edge: ChildProcess) throws -> pid_t {
    try edge.wait(for: "the cloud") {
      edge.errors.firstMatch(of: /started cloud-trainer at .*, process (\d+)\n/).flatMap { pid_t($0.1) }
    }
  }

  private static func isRunning(_ process: pid_t) -> Bool {
    let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // What has ended may wait for someone to ask.
    return status.map { !$0.contains(") Z ") && !$0.contains(") X ") } ?? false
  }

  static func expectEnd(of process: pid_t) {
    let deadline = Date(timeIntervalSinceNow: ChildProcess.limit)
    while isRunning(process) && Date() < deadline { usleep(10_000) }
    #expect(!isRunning(process), "the cloud, process \(process), still runs")
  }

  static func onlyRun(in directory: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    try #require(names.count == 1, "\(names)")
    return directory + "/" + names[0]
  }

  /// An endless run in which both sides have logged some steps.
  struct RunUnderWay {
    let directory: TemporaryDirectory
    let edge: ChildProcess
    let cloud: pid_t
    let edgeFiles: RunFiles
    let cloudFiles: RunFiles

    init(_ arguments: [String] = []) throws {
      directory = try TemporaryDirectory()
      edge = try LocalTests.start(LocalTests.directories + arguments, .endless, in: directory)
      cloud = try LocalTests.cloud(of: edge)
      edgeFiles = RunFiles(directory.path("edge"))
      try edge.wait(for: "steps of the edge") { [edgeFiles] in edgeFiles.loggedSteps > 2 ? true : nil }
      cloudFiles = RunFiles(try LocalTests.onlyRun(in: directory.path("cloud")))
      try edge.wait(for: "steps of the cloud") { [cloudFiles] in cloudFiles.loggedSteps > 2 ? true : nil }
    }
  }

  @Test(arguments: [[], directories + ["--cloud-log", "cloud.log", "--convolution", "winograd"]])
  func trains(arguments: [String]) throws {
    let directory = try TemporaryDirectory()
    let edge = try Self.start(arguments, in: directory)
    let cloud = try Self.cloud(of: edge)
    let finished = try edge.wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    Self.expectEnd(of: cloud)
    #expect(finished.outputLines.first?.hasPrefix("run ") == true)
    #expect(finished.outputLines.filter { $0.hasPrefix("role") }.count == 1)
    #expect(!finished.errors.contains("last words"))

    let isDefault = arguments.isEmpty
    let run = try Self.onlyRun(in: directory.path(isDefault ? "runs" : "cloud"))
    let edgeFiles = RunFiles(isDefault ? run + "/edge" : directory.path("edge"))
    let cloudFiles = RunFiles(isDefault ? run + "/cloud" : run)
    #expect(edgeFiles.names == ["config.json", "metrics.jsonl", "summary.json", "edge.safetensors"])
    #expect(cloudFiles.names == ["config.json", "metrics.jsonl", "summary.json", "cloud.safetensors"])
    let prefix = directory.path + "/"
    for files in [edgeFiles, cloudFiles] {
      let summary = try files.summary()
      #expect(summary["outcome"] as? String == "completed")
      #expect(summary["threads"] as? Int == 1)
      #expect(summary["convolution"] as? String == (isDefault ? "im2col" : "winograd"))
      #expect(finished.errors.contains(files.directory.dropFirst(prefix.count)))
    }
    #expect(finished.errors.contains("the files of the run: "))
    if !isDefault {
      #expect(try String(contentsOfFile: directory.path("cloud.log"), encoding: .utf8).contains("serving"))
    }
  }

  @Test func userEndsTheEdge() throws {
    let run = try RunUnderWay()
    run.edge.send(signal: SIGTERM)
    let finished = try run.edge.wait()
    expectError(finished, .edge, code: 130, mentioning: ["interrupted"])
    #expect(!finished.errors.contains("last words"))
    #expect(!Self.isRunning(run.cloud))
    try EndingTests.expectCompleteLogs(run.edgeFiles, event: "interrupted", outcome: "interrupted")
    try EndingTests.expectCompleteLogs(
      run.cloudFiles, event: "failed", outcome: "failed: the edge was interrupted by its user")
  }

  @Test func edgeIsKilled() throws {
    let run = try RunUnderWay()
    run.edge.send(signal: SIGKILL)
    #expect(try run.edge.wait().end == .killed(signal: SIGKILL))
    Self.expectEnd(of: run.cloud)
    #expect(run.cloudFiles.names.contains("summary.json"))
  }

  @Test(arguments: [[], ["--cloud-log", "cloud.log"]])
  func cloudIsKilled(arguments: [String]) throws {
    let run = try RunUnderWay(arguments)
    kill(run.cloud, SIGKILL)
    let finished = try run.edge.wait()
    expectError(finished, .edge, code: 69, mentioning: ["the cloud "])
    #expect(finished.errors.contains("the last words of cloud-trainer:\n") == arguments.isEmpty)
    #expect(finished.errors.contains("serving the edge at") == arguments.isEmpty)
  }

  @Test func coreEach() throws {
    guard Processors.oneOfEachCore().count > 1 else {
      let finished = try Self.start(["--one-core-each"], in: TemporaryDirectory()).wait()
      return expectError(finished, .edge, code: 64, mentioning: ["--one-core-each", "2 processor cores"])
    }
    let run = try RunUnderWay(["--one-core-each"])
    func processors(_ process: pid_t) throws -> Substring? {
      try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        .firstMatch(of: /Cpus_allowed_list:\s*(\S+)/)?.1
    }
    let cores = Processors.oneOfEachCore()
    #expect(try processors(run.edge.identifier) == "\(cores[0])")
    #expect(try processors(run.cloud) == "\(cores[1])")
    run.edge.send(signal: SIGTERM)
    #expect(try run.edge.wait().end == .exited(130))
    #expect(try run.edgeFiles.summary()["threads"] as? Int == 1)
    #expect(try run.cloudFiles.summary()["threads"] as? Int == 1)
  }

  @Test func edgeOnlyStartsNoCloud() throws {
    let directory = try TemporaryDirectory()
    let finished = try Self.start(
      ["--strategy", "edge-only", "--one-core-each"] + Self.directories, in: directory
    ).wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    #expect(finished.errors.contains("edge-only has no use for --local, --cloud-run-dir, "))
    #expect(!finished.errors.contains("cloud-trainer"))
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
    #expect(!FileManager.default.fileExists(atPath: directory.path("cloud")))
  }

  /// A copy of edge-trainer, without cloud-trainer beside it. Made by another process: a child that a test beside this
  /// one starts may inherit what is open for writing here, and then the copy cannot be run.
  private func copy(into directory: TemporaryDirectory) throws -> String {
    let program = directory.path("edge-trainer")
    let copied = try ChildProcess("/bin/cp", [TestedProgram.edge.path(), program], in: directory, environment: [:])
      .wait()
    #expect(copied.end == .exited(0))
    return program
  }

  /// Another program of that name says something else, or nothing.
  @Test func cloudTrainerIsAnotherProgram() throws {
    let directory = try TemporaryDirectory()
    let program = try copy(into: directory)
    let other = directory.path("cloud-trainer")
    for (script, reason) in [
      ("echo hello; sleep 5", "it said \"hello\""), ("exit 1", "it said nothing"),
      ("echo listening on x", "listening on x"),
    ] {
      try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: other))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other)
      let finished = try ChildProcess(
        program, ["train", "--local"] + EdgeRun.tiny.arguments, in: directory, environment: [:]
      ).wait()
      expectError(finished, .edge, code: 69, mentioning: ["cloud-trainer did not start", reason])
    }
  }

  @Test func programIsMissing() throws {
    let directory = try TemporaryDirectory()
    let program = try copy(into: directory)
    let finished = try ChildProcess(
      program, ["train", "--local"] + EdgeRun.tiny.arguments, in: directory,
      environment: ["PATH": "/nowhere:/none"]
    ).wait()
    expectError(
      finished, .edge, code: 69,
      mentioning: ["cloud-trainer", directory.path, "/nowhere:/none", "scripts/build.sh"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("runs")))
  }

  @Test func whereTheCloudCannotWrite() throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(fileURLWithPath: directory.path("file")))
    expectError(
      try Self.start(["--cloud-run-dir", "file/runs"], in: directory).wait(), .edge, code: 73,
      mentioning: ["file", "Not a directory"])
    expectError(
      try Self.start(["--cloud-log", "file/log"], in: directory).wait(), .edge, code: 74,
      mentioning: ["file/log", "Not a directory"])
    try Data().write(to: URL(fileURLWithPath: directory.path("runs")))
    expectError(
      try Self.start([], in: directory).wait(), .edge, code: 73,
      mentioning: [
        "runs: Not a directory; call it from a directory that can be written",
        "--cloud-run-dir, and for train --run-dir",
      ])
    try FileManager.default.removeItem(atPath: directory.path("runs"))
    // What is wrong on the edge alone ends a cloud that nobody has called.
    let edge = try Self.start(["--run-dir", "file/edge"], in: directory)
    let cloud = try? Self.cloud(of: edge)
    expectError(try edge.wait(), .edge, code: 73, mentioning: ["file/edge"])
    if let cloud { Self.expectEnd(of: cloud) }
  }

  /// The plan, and then the run that it recommends, word for word.
  @Test func plan() throws {
    let directory = try TemporaryDirectory()
    let planned = try ChildProcess.run(
      .edge,
      ["plan", "--local", "--data", "synthetic", "--train-limit", "64", "--test-limit", "16"]
        + ["--batch-size", "8", "--threads", "1", "--steps", "1", "--cuts", "3", "--bits", "4"]
        + ["--strategies", "hierarchical", "--timeout", "30"], in: directory)
    #expect(planned.end == .exited(0), "\(planned.errors)")
    let command = try #require(planned.outputLines.last).split(separator: " ").map(String.init)
    #expect(command.contains("--local"))
    let trained = try ChildProcess.run(
      .edge, Array(command.dropFirst()) + ["--epochs", "1"] + Self.directories, in: directory)
    #expect(trained.end == .exited(0), "\(trained.errors)")
    #expect(try RunFiles(Self.onlyRun(in: directory.path("cloud"))).outcome() == "completed")
  }

  @Test func planThatCallsNoCloudEndsItsOwn() throws {
    let directory = try TemporaryDirectory()
    let planned = try ChildProcess.run(
      .edge,
      ["plan", "--local", "--data", "synthetic", "--train-limit", "16", "--test-limit", "16", "--steps", "1"]
        + ["--batch-size", "8", "--strategies", "cloud-stream,edge-only", "--min-cut", "3"], in: directory)
    #expect(planned.end == .exited(0), "\(planned.errors)")
    #expect(planned.outputLines.last?.contains("--local") == false)
    let cloud = planned.errors.firstMatch(of: /process (\d+)\n/).flatMap { pid_t($0.1) }
    #expect(!Self.isRunning(try #require(cloud)))
  }

  @Test func flagsHaveNoValue() {
    let line = RecommendedCommand.line(
      ["--local", "--bits", "1,2", "--one-core-each", "--seed", "7"], without: ["--local", "--bits"],
      adding: ["--cut", "2"])
    #expect(line == "edge-trainer train --cut 2 --one-core-each --seed 7")
  }
}
