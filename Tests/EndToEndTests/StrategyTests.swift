import Foundation
import Testing

/// The strategies beside the hierarchical one, as processes.
@Suite struct StrategyTests {
  private static let tiny = EdgeRun.tiny.arguments

  @Test func edgeOnlyNeedsNoCloud() throws {
    let directory = try TemporaryDirectory()
    let edge = try ChildProcess.run(
      .edge,
      [
        "train", "--strategy", "edge-only", "--run-dir", directory.path("edge"), "--cloud", "127.0.0.1:1",
        "--link-rate", "cat1", "--link-delay", "10s",
      ] + Self.tiny, in: directory)
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(
      edge.errors.contains(
        "strategy edge-only has no use for --cloud, --link-rate, --link-delay, --exit-head, --cut: ignored"),
      "\(edge.errors)")
    #expect(edge.errors.contains("vgg8, uncut, seed 0"))
    let files = RunFiles(directory.path("edge"))
    #expect(files.names == ["config.json", "metrics.jsonl", "summary.json", "edge.safetensors"])
    let summary = try files.summary()
    #expect(summary["strategy"] as? String == "edge-only")
    #expect(summary["final_accuracy"] is Double)
    for key in ["exit_accuracy", "cut", "bits", "full_scale"] { #expect(summary[key] is NSNull, "\(key)") }
    for key in ["train_payload_bytes", "evaluation_bytes", "sent_bytes", "received_bytes"] {
      #expect(summary[key] as? Int == 0, "\(key)")
    }
    #expect(summary["link_busy_seconds"] as? Double == 0)
    let configuration = try files.object("config.json")
    for key in ["cut", "exit_head", "bits", "window", "link_rate", "link_delay"] {
      #expect(configuration[key] == nil, "\(key)")
    }
    #expect(edge.outputLines.contains { $0.hasPrefix("network") && $0.hasSuffix("vgg8, uncut") })

    let prediction = try ChildProcess.run(
      .edge,
      [
        "predict", "--edge-weights", directory.path("edge/edge.safetensors"), "--data", "synthetic",
        "--images",
        "32", "--batch-size", "16", "--threads", "1",
      ], in: directory)
    #expect(prediction.end == .exited(0), "\(prediction.errors)")
    func accuracy(_ lines: [Substring]) -> Substring? {
      lines.first { $0.hasPrefix("final accuracy") }?.split(separator: " ").dropLast().last
    }
    #expect(accuracy(prediction.outputLines.map { $0[...] }) == accuracy(edge.outputLines.map { $0[...] }))
    #expect(!prediction.output.contains("exit"))
  }

  @Test func floatingPointFeaturesHaveNoScale() throws {
    let edge = try ChildProcess.run(
      .edge,
      ["train", "--cloud", "127.0.0.1:1", "--bits", "32", "--scale", "channel", "--full-scale", "0.5"]
        + ["--data", "synthetic", "--train-limit", "16", "--test-limit", "16"], in: TemporaryDirectory())
    #expect(edge.end == .exited(69), "\(edge.errors)")
    #expect(edge.errors.contains("32-bit features have no use for --scale, --full-scale: ignored"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func userEndsEdgeOnly(signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let edge = try ChildProcess.start(
      .edge,
      ["train", "--strategy", "edge-only", "--run-dir", directory.path("edge")] + EdgeRun.endless.arguments,
      in: directory)
    let files = RunFiles(directory.path("edge"))
    try edge.wait(for: "steps") { files.loggedSteps > 2 ? true : nil }
    edge.send(signal: signal)
    expectError(try edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
    try EndingTests.expectCompleteLogs(files, event: "interrupted", outcome: "interrupted")
  }

  // MARK: With a cloud

  /// A strategy, and what its run of `EdgeRun.tiny` leaves on both sides: 64 images of training and 32 of testing.
  struct Case: CustomTestStringConvertible {
    let name: String
    let edgeFile: Bool
    /// Bytes of payload.
    let train: Int
    let evaluation: Int
    let gradient: Int

    var testDescription: String { name }
  }

  /// vgg8 after block 1 has 16×16×32 values; a batch has 16 images.
  static let cases = [
    Case(
      name: "split", edgeFile: true, train: 4 * (4 + 2 * 16 + 24 + 5) + 64 * 4096,
      evaluation: 2 * (4 + 2 * 16 + 24 + 5) + 32 * 4096, gradient: 4 * 24 + 64 * 8192 * 4),
    Case(
      name: "cloud-stream", edgeFile: false, train: 4 * 4 + 64 * 3074, evaluation: 2 * 4 + 32 * 3074,
      gradient: 0),
    Case(
      name: "cloud-upload-once", edgeFile: false, train: 4 * 4 + 64 * 3074, evaluation: 2 * 4 + 32 * 3074,
      gradient: 0),
  ]

  @Test(arguments: cases) func bothSidesSucceedAndAgree(_ test: Case) throws {
    let directory = try TemporaryDirectory()
    let running = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(running, in: directory, .tiny, ["--strategy", test.name]).wait()
    let cloud = try running.process.wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(cloud.end == .exited(0), "\(cloud.errors)")
    let (edgeFiles, cloudFiles) = (RunFiles(directory.path("edge")), try running.runDirectory())
    let common: Set = ["config.json", "metrics.jsonl", "summary.json"]
    #expect(edgeFiles.names == common.union(test.edgeFile ? ["edge.safetensors"] : []))
    #expect(cloudFiles.names == common.union(["cloud.safetensors"]))
    let summaries = [try edgeFiles.summary(), try cloudFiles.summary()]
    for summary in summaries {
      #expect(summary["strategy"] as? String == test.name)
      #expect(summary["train_payload_bytes"] as? Int == test.train)
      #expect(summary["evaluation_bytes"] as? Int == test.evaluation)
      #expect(summary["gradient_payload_bytes"] as? Int == test.gradient)
      #expect(summary["exit_accuracy"] is NSNull)
      #expect(summary["completed_steps"] as? Int == 4)
    }
    #expect(summaries[0]["sent_bytes"] as? Int == summaries[1]["received_bytes"] as? Int)
    #expect(summaries[0]["received_bytes"] as? Int == summaries[1]["sent_bytes"] as? Int)
    let accuracy = try #require(summaries[0]["final_accuracy"] as? Double)
    #expect(summaries[1]["final_accuracy"] as? Double == accuracy)

    // The weights classify as the run said; a part alone is refused.
    let cloudWeights = ["--cloud-weights", cloudFiles.directory + "/cloud.safetensors"]
    let edgeWeights = ["--edge-weights", directory.path("edge/edge.safetensors")]
    func predict(_ weights: [String]) throws -> FinishedProcess {
      try ChildProcess.run(
        .edge,
        ["predict", "--data", "synthetic", "--images", "32", "--batch-size", "16", "--threads", "1"]
          + weights,
        in: directory)
    }
    let prediction = try predict(cloudWeights + (test.edgeFile ? edgeWeights : []))
    #expect(prediction.end == .exited(0), "\(prediction.errors)")
    let percent = edge.outputLines.first { $0.hasPrefix("final accuracy") }?.split(separator: " ").dropLast()
      .last
    let line = prediction.outputLines.first { $0.hasPrefix("final accuracy") }
    #expect(line?.split(separator: " ").dropLast().last == percent)
    guard test.edgeFile else { return }
    expectError(
      try predict(edgeWeights), .edge, code: 65, mentioning: ["without an early exit", "--cloud-weights"])
    expectError(
      try predict(cloudWeights), .edge, code: 65, mentioning: ["the rest of a network", "--edge-weights"])
  }

  @Test func cloudWithoutRoomForTheImagesSaysSo() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--max-image-bytes", "100000"])
    let edge = try ChildProcess.startEdge(cloud, in: directory, .tiny, ["--strategy", "cloud-upload-once"])
      .wait()
    expectError(
      edge, .edge, code: 75,
      mentioning: ["the images take 295104 bytes", "--max-image-bytes of the cloud is 100000"])
    cloud.process.send(signal: SIGTERM)
    expectError(try cloud.process.wait(), .cloud, code: 130, mentioning: ["interrupted"])
  }
}
