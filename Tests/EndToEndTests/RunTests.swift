import Foundation
import Platform
import RunFiles
import Terminal
import Testing
import Training
import Transport

/// Runs that go well.
@Suite struct RunTests {
  /// What a run has left behind on both sides.
  struct CompletedRun {
    let directory: TemporaryDirectory
    let edge: FinishedProcess
    let cloud: FinishedProcess
    let edgeFiles: RunFiles
    let cloudFiles: RunFiles

    /// Runs one edge and one cloud to their end.
    init(edgeInput: ChildProcess.StandardDescriptor = .null) throws {
      directory = try TemporaryDirectory()
      let running = try RunningCloud(in: directory, ["--sessions", "1"])
      edge = try ChildProcess.startEdge(running, in: directory, input: edgeInput).wait()
      cloud = try running.process.wait()
      edgeFiles = RunFiles(directory.path("edge"))
      cloudFiles = try running.runDirectory()
    }
  }

  /// One run that several tests look at.
  static let shared: Result<CompletedRun, any Error> = Result {
    // What is static is never released.
    atexit { try? RunTests.shared.get().directory.remove() }
    return try CompletedRun()
  }

  @Test func bothSidesSucceed() throws {
    let run = try Self.shared.get()
    #expect(run.edge.end == .exited(0), "\(run.edge.errors)")
    #expect(run.cloud.end == .exited(0), "\(run.cloud.errors)")
  }

  @Test func filesArePresentAndNoOthers() throws {
    let run = try Self.shared.get()
    #expect(run.edgeFiles.names == ["config.json", "metrics.jsonl", "summary.json", "edge.safetensors"])
    #expect(run.cloudFiles.names == ["config.json", "metrics.jsonl", "summary.json", "cloud.safetensors"])
  }

  @Test func edgeAnnouncesTheRun() throws {
    let run = try Self.shared.get()
    let errors = run.edge.errors
    for fragment in [
      "OpenBLAS kernels", "1 thread\n", "synthetic data: 64 images for training, 32 for testing",
      "vgg8, cut after block 1 of 3, exit head pool, seed 0", "front (edge):", "exit (edge):",
      "rest (cloud):",
      "MACs", "a batch of 16 images:", "bytes on the wire (4-bit features), raw 49152", "files in",
      "connected to the cloud",
    ] {
      #expect(errors.contains(fragment), "\(fragment) is not in:\n\(errors)")
    }
    #if DEBUG
      #expect(errors.contains("DEBUG BUILD"))
    #endif
  }

  /// The bytes announced for a batch are those that both sides then count.
  @Test func announcedBytesAreTheBytesSent() throws {
    let run = try Self.shared.get()
    let line = try #require(run.edge.errorLines.first { $0.contains("a batch of 16 images:") })
    let words = line.split(separator: " ")
    let announced = try #require(words.firstIndex(of: "bytes").flatMap { Int(words[$0 - 1]) })
    for files in [run.edgeFiles, run.cloudFiles] {
      let payload = try #require(try files.summary()["train_payload_bytes"] as? Int)
      #expect(payload == 4 * (announced - FrameHeader.byteCount))
    }
  }

  @Test func standardOutputIsTheTableAndNothingElse() throws {
    let run = try Self.shared.get()
    let names = [
      "run", "---", "role", "strategy", "network", "bits", "epochs", "exit accuracy", "final accuracy",
      "training images/s", "wall time", "training: busy, idle", "training payload", "gradient payload",
      "evaluation payload", "sent, received", "peak memory",
    ]
    let cloudLines = run.cloud.outputLines
    #expect(cloudLines.first?.hasPrefix("listening on 127.0.0.1:") == true)
    for lines in [run.edge.outputLines, Array(cloudLines.dropFirst())] {
      #expect(lines.count == names.count, "\(lines)")
      for (line, name) in zip(lines, names) { #expect(line.hasPrefix(name), "\(line)") }
    }
    #expect(!run.edge.output.contains("\n\n"))
  }

  @Test func tableShowsWhatTheSummaryHas() throws {
    let run = try Self.shared.get()
    let summary = try run.edgeFiles.summary()
    for (row, key) in [("exit accuracy", "exit_accuracy"), ("final accuracy", "final_accuracy")] {
      let line = try #require(run.edge.outputLines.first { $0.hasPrefix(row) })
      let accuracy = try #require(summary[key] as? Double)
      #expect(line.hasSuffix(" " + Formatting.percent(accuracy)), "\(line)")
    }
    let identifier = try #require(summary["run_id"] as? String)
    #expect(run.edge.outputLines.first?.hasSuffix(identifier) == true)
    #expect(run.cloudFiles.directory.hasSuffix("/" + identifier))
  }

  @Test func summariesHaveEveryKey() throws {
    let run = try Self.shared.get()
    for (files, role) in [(run.edgeFiles, "edge"), (run.cloudFiles, "cloud")] {
      let summary = try files.summary()
      #expect(summary["role"] as? String == role)
      #expect(summary["strategy"] as? String == "hierarchical")
      #expect(summary["architecture"] as? String == "vgg8")
      #expect(summary["outcome"] as? String == "completed")
      for (key, value) in ["cut": 1, "bits": 4, "epochs": 1, "seed": 0, "threads": 1, "completed_steps": 4] {
        #expect(summary[key] as? Int == value, "\(role) \(key)")
      }
      for key in [
        "exit_accuracy", "final_accuracy", "train_images_per_second", "wall_seconds", "training_seconds",
        "busy_seconds", "idle_seconds",
      ] {
        let value = try #require(summary[key] as? Double, "\(role) \(key)")
        #expect(value >= 0, "\(role) \(key)")
      }
      #expect(summary["full_scale"] as? Double == 1)
      #expect(summary["gradient_payload_bytes"] as? Int == 0)
      for key in [
        "train_payload_bytes", "evaluation_bytes", "sent_bytes", "received_bytes", "peak_memory_bytes",
      ] {
        let value = try #require(summary[key] as? Int, "\(role) \(key)")
        #expect(value > 0, "\(role) \(key)")
      }
    }
  }

  @Test func ledgersAgree() throws {
    let run = try Self.shared.get()
    let edge = try run.edgeFiles.summary()
    let cloud = try run.cloudFiles.summary()
    for (here, there) in [
      ("sent_bytes", "received_bytes"), ("received_bytes", "sent_bytes"),
      ("train_payload_bytes", "train_payload_bytes"), ("evaluation_bytes", "evaluation_bytes"),
      ("exit_accuracy", "exit_accuracy"), ("final_accuracy", "final_accuracy"),
    ] {
      let (left, right) = (try #require(edge[here] as? Double), try #require(cloud[there] as? Double))
      #expect(left == right, "\(here) of the edge, \(there) of the cloud")
    }
  }

  @Test func metricsHaveEveryStepAndEpoch() throws {
    let run = try Self.shared.get()
    for files in [run.edgeFiles, run.cloudFiles] {
      let types = try files.metrics().map { try #require($0["type"] as? String) }
      #expect(types == ["event", "step", "step", "step", "step", "epoch", "event"])
    }
  }

  /// But for how the edge was called, which nobody else is told.
  @Test func configurationIsTheSameOnBothSides() throws {
    let run = try Self.shared.get()
    var configurations: [NSDictionary] = []
    for files in [run.edgeFiles, run.cloudFiles] {
      var configuration = try files.object("config.json")
      #expect(configuration.removeValue(forKey: "role") != nil)
      for option in ["cloud", "threads", "convolution"] {
        #expect((configuration.removeValue(forKey: option) != nil) == (files.directory == run.edgeFiles.directory))
      }
      configurations.append(configuration as NSDictionary)
    }
    #expect(configurations[0] == configurations[1])
    #expect(configurations[0]["data"] as? String == "synthetic")
  }

  /// The second run has no standard input, which must not matter either.
  @Test func sameSeedGivesTheSameWeights() throws {
    let first = try Self.shared.get()
    let second = try CompletedRun(edgeInput: .closed)
    #expect(second.edge.end == .exited(0), "\(second.edge.errors)")
    #expect(
      try first.edgeFiles.bytes(of: "edge.safetensors") == second.edgeFiles.bytes(of: "edge.safetensors"))
    #expect(
      try first.cloudFiles.bytes(of: "cloud.safetensors") == second.cloudFiles.bytes(of: "cloud.safetensors"))
  }

  /// The weights tell how many images the run was tested with.
  @Test func predictionTakesTheRunsTestImages() throws {
    let run = try Self.shared.get()
    for (arguments, count) in [([], 32), (["--images", "48"], 48)] {
      let prediction = try ChildProcess.run(
        .edge,
        ["predict", "--edge-weights", run.edgeFiles.directory + "/edge.safetensors", "--threads", "1"]
          + ["--data", "synthetic"] + arguments, in: run.directory)
      #expect(prediction.end == .exited(0), "\(prediction.errors)")
      #expect(prediction.output.contains(" \(count) in batches of 16\n"), "\(prediction.output)")
      #expect(prediction.errors.contains("32 test images, as many as in the run\n") == (count == 32))
    }
  }

  @Test func twoSessionsOneAfterTheOther() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "2"])
    for run in ["first", "second"] {
      let edge = try ChildProcess.startEdge(cloud, in: directory, runDirectory: directory.path(run)).wait()
      #expect(edge.end == .exited(0), "\(edge.errors)")
    }
    let finished = try cloud.process.wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: cloud.directory).count == 2)
    #expect(finished.outputLines.filter { $0.hasPrefix("final accuracy") }.count == 2)
  }

  @Test func directoriesDefaultToTheRunsName() throws {
    let directory = try TemporaryDirectory()
    let cloud = try ChildProcess.start(
      .cloud, ["--listen", "127.0.0.1:0", "--sessions", "1"], in: directory)
    let address = try cloud.wait(for: "the address") {
      cloud.output.hasSuffix("\n") ? cloud.output.dropFirst("listening on ".count).dropLast() : nil
    }
    let edge = try ChildProcess.run(
      .edge, ["train", "--cloud", String(address)] + EdgeRun.tiny.arguments, in: directory)
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.wait().end == .exited(0))
    let runs = try FileManager.default.contentsOfDirectory(atPath: directory.path("runs"))
    #expect(runs.count == 1)
    let run = directory.path("runs/\(runs.first ?? "")")
    #expect(RunFiles(run + "/edge").names.contains("edge.safetensors"))
    #expect(RunFiles(run + "/cloud").names.contains("cloud.safetensors"))
  }
}
