import Compute
import Datasets
import Foundation
import NeuralNetwork
import Platform
import Testing
import Training
import Transport

/// What a run takes of memory is known before any of it is taken.
@Suite struct MemoryTests {
  @Test func cloudRefusesWhatDoesNotFit() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--max-memory", "30MB", "--sessions", "1"])
    let edge = try ChildProcess.startEdge(cloud, in: directory).wait()
    expectError(
      edge, .edge, code: 75,
      mentioning: ["the run takes up to ", "in cloud-trainer, which may take 30.0 MB", "a later --cut", "--max-memory"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("cloud")))
    cloud.process.send(signal: SIGTERM)
    #expect(try cloud.process.wait().end == .exited(130))
  }

  /// As long as a thread gets its stack: it had ended by a signal before, when a layer got no memory.
  @Test func cloudWithoutMemoryLives() throws {
    let directory = try TemporaryDirectory()
    let cloud = try ChildProcess(
      "/bin/sh",
      ["-c", "ulimit -v 700000; exec \"$@\"", "sh", TestedProgram.cloud.path()]
        + ["--listen", "127.0.0.1:0", "--run-dir", directory.path("cloud"), "--sessions", "1", "--threads", "1"],
      in: directory)
    let address = try cloud.wait(for: "the address") { cloud.output.split(separator: " ").last.map(String.init) }
    let edge = try ChildProcess.run(
      .edge,
      ["train", "--cloud", address.trimmingCharacters(in: .newlines), "--run-dir", directory.path("edge")]
        + EdgeRun.tiny.arguments + ["--architecture", "resnet18", "--batch-size", "256", "--train-limit", "256"],
      in: directory)
    expectError(edge, .edge, code: 75, mentioning: ["of memory in cloud-trainer", "a smaller --batch-size"])
    cloud.send(signal: SIGTERM)
    #expect(try cloud.wait().end == .exited(130))
  }

  @Test func edgeRefusesWhatDoesNotFitBeforeItConnects() throws {
    let directory = try TemporaryDirectory()
    let finished = try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1", "--max-memory", "30MB"] + EdgeRun.tiny.arguments, in: directory)
    expectError(
      finished, .edge, code: 64,
      mentioning: ["in edge-trainer, which may take 30.0 MB", "a smaller --batch-size", "an earlier --cut"])
  }

  /// The numbers of a run are below what was computed for it, but not by far.
  @Test(arguments: [[], ["--freeze-front", "--cut", "3", "--exit-head", "conv"]])
  func whatIsComputedIsWhatIsTaken(words: [String]) throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, .tiny, ["--batch-size", "128", "--train-limit", "256", "--test-limit", "128"] + words
    ).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
    let files = [(Role.edge, RunFiles(directory.path("edge"))), (.cloud, try cloud.runDirectory())]
    for (role, files) in files {
      let configuration = try JSONDecoder().decode(RunConfiguration.self, from: files.bytes(of: "config.json"))
      let need = try configuration.memoryNeed(of: role, ComputeSettings(threads: 1))
      let peak = try #require(files.summary()["peak_memory_bytes"] as? Int)
      #expect(peak <= need && need < 2 * peak, "\(role): \(need) were computed, \(peak) taken")
    }
  }
}
