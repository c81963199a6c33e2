import CommandLineSupport
import Foundation
import NeuralNetwork
import RunFiles
import TestSupport
import Testing
import Training
import Transport

@testable import EdgeTrainer
@testable import Planning

/// `edge-trainer plan`: end to end, and its parts that need no processes.
@Suite struct PlanTests {
  private static let arguments = [
    "plan", "--data", "synthetic", "--train-limit", "64", "--test-limit", "16", "--batch-size", "8",
    "--exit-head", "pool", "--threads", "1", "--steps", "1",
  ]

  /// The plan, and then the run that it recommends, word for word.
  @Test func recommendationCanBeRun() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "2"])
    let file = directory.path("plan.json")
    let planned = try ChildProcess.run(
      .edge,
      Self.arguments + [
        "--cloud", "\(cloud.endpoint)", "--cuts", "2,3", "--bits=4,2", "--strategies",
        "hierarchical,split,edge-only", "--min-cut", "3", "--output", file, "--link-rate", "wifi",
      ], in: directory)
    #expect(planned.end == .exited(0), "\(planned.errors)")
    let lines = planned.output.split(separator: "\n").map(String.init)
    try #require(lines.count > 3)
    #expect(
      lines[0].hasPrefix("vgg8, exit head pool; an epoch of 64 images, training only; link "), "\(lines[0])")
    #expect(lines[1].split(separator: " ").prefix(3) == ["strategy", "cut", "bits"])
    // Two strategies at cut 3 in 4 and in 2 bits, and the edge alone.
    #expect(lines.filter { $0.hasPrefix("hierarchical ") || $0.hasPrefix("split ") }.count == 4)
    #expect(
      lines.contains { $0.hasPrefix("left out: 4 settings (hierarchical, cut 2, 4 bits, ...): fewer blocks") }
    )
    #expect(lines.contains { $0.hasPrefix("recommended: ") })
    #expect(planned.errors.contains("info edge, hierarchical, cut 3: "))

    let document = try RunJSON.decode(
      PlanDocument.self, from: [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
    #expect(document.rows.count == 5 && document.excluded.count == 4)
    let command = try #require(lines.last).split(separator: " ").map(String.init)
    #expect(document.command == lines.last)
    #expect(command.prefix(2) == ["edge-trainer", "train"])
    let trained = try ChildProcess.run(
      .edge, Array(command.dropFirst()) + ["--epochs", "1", "--run-dir", directory.path("edge")],
      in: directory)
    #expect(trained.end == .exited(0), "\(trained.errors)")
    let summary = try RunFiles(directory.path("edge")).summary()
    #expect(summary["strategy"] as? String == document.recommended.strategy.rawValue)
    #expect(summary["bits"] as? Int == document.recommended.bits)
    cloud.process.send(signal: SIGTERM)
    #expect(try cloud.process.wait().errors.contains("has measured"))
  }

  @Test func nobodyAtTheAddress() throws {
    let directory = try TemporaryDirectory()
    let finished = try ChildProcess.run(
      .edge, Self.arguments + ["--cloud", "127.0.0.1:1", "--output", directory.path("plan.json")],
      in: directory)
    expectError(finished, .edge, code: 69, mentioning: ["127.0.0.1:1"])
    #expect(finished.output == "")
    #expect(!FileManager.default.fileExists(atPath: directory.path("plan.json")))
  }

  @Test func cloudThatIsBusy() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory)
    let other = try ChildProcess.startEdge(cloud, in: directory, .endless)
    try other.wait(for: "the first step") { RunFiles(directory.path("edge")).loggedSteps > 0 ? true : nil }
    let finished = try ChildProcess.run(
      .edge, Self.arguments + ["--cloud", "\(cloud.endpoint)"], in: directory)
    expectError(finished, .edge, code: 75, mentioning: ["busy"])
    other.send(signal: SIGTERM)
    _ = try other.wait()
    cloud.process.send(signal: SIGTERM)
    _ = try cloud.process.wait()
  }

  @Test func nothingLeft() throws {
    let directory = try TemporaryDirectory()
    let finished = try ChildProcess.run(
      .edge, Self.arguments + ["--strategies", "edge-only", "--max-edge-memory", "1MB"], in: directory)
    expectError(
      finished, .edge, code: 64, mentioning: ["no setting is left", "1 setting: more edge memory", "1.0 MB"])
  }

  /// Nobody is called whose answer cannot matter.
  @Test func cloudIsNotNeededForWhatIsLeft() throws {
    let directory = try TemporaryDirectory()
    let hopeless = try ChildProcess.run(
      .edge,
      Self.arguments + ["--strategies", "cloud-stream", "--min-cut", "1", "--cloud", "127.0.0.1:1"],
      in: directory)
    expectError(hopeless, .edge, code: 64, mentioning: ["no setting is left", "--min-cut 1"])
    let alone = try ChildProcess.run(
      .edge,
      Self.arguments + [
        "--strategies", "cloud-stream,edge-only", "--min-cut", "3", "--cloud", "127.0.0.1:1",
        "--link-rate", "3g", "--compression", "zstd", "--learning-rate", "0.05",
      ], in: directory)
    #expect(alone.end == .exited(0), "\(alone.errors)")
    let command = try #require(alone.outputLines.last)
    #expect(command.hasPrefix("edge-trainer train --strategy edge-only "))
    #expect(command.contains("--learning-rate 0.05"))
    // Only what means something without a cloud, and without a cut.
    for option in ["--cloud", "--link-rate", "--compression", "--exit-head"] {
      #expect(!command.contains(option), "\(command)")
    }
  }

  @Test func outputThatCannotBeWritten() throws {
    let directory = try TemporaryDirectory()
    let finished = try ChildProcess.run(
      .edge, Self.arguments + ["--strategies", "edge-only", "--output", directory.path("no/such/plan.json")],
      in: directory)
    expectError(finished, .edge, code: 74, mentioning: ["no/such/plan.json"])
    #expect(finished.output == "")
  }

  // MARK: Parts

  @Test func commandKeepsWhatTrainKnows() {
    let line = RecommendedCommand.line(
      ["--cloud", "a:1", "--bits", "1,2", "--cuts=1", "--data", "my images/it's", "--seed=7"],
      without: ["--bits", "--cuts"], adding: ["--strategy", "split", "--cut", "2", "--bits", "4"])
    #expect(
      line
        == "edge-trainer train --strategy split --cut 2 --bits 4 --cloud a:1 --data 'my images/it'\\''s' --seed=7"
    )
    // Options without a value, before one that is left out, and at the end.
    #expect(
      RecommendedCommand.line(
        ["--balance", "--cuts", "1,2", "--skip-unreadable", "--seed", "-1", "--tls"], without: ["--cuts"], adding: [])
        == "edge-trainer train --balance --skip-unreadable --seed -1 --tls")
  }

  @Test(arguments: [
    ("0", 0), ("4096", 4096), ("1B", 1), ("300MB", 300_000_000), ("1.5gb", 1_500_000_000), ("2KiB", 2048),
    ("0.5MiB", 524_288), ("3GiB", 3_221_225_472),
  ]) func sizes(text: String, bytes: Int) { #expect(ByteSize(argument: text)?.bytes == bytes) }

  @Test(arguments: ["", "MB", "-1MB", "1 MB", "1TB", "1e3", "1.2.3", "9999999GB", "nan"])
  func noSizes(text: String) { #expect(ByteSize(argument: text) == nil) }

  @Test func lists() {
    #expect(NumberList(argument: "1,2,32")?.numbers == [1, 2, 32])
    #expect(NumberList(argument: "7")?.numbers == [7])
    for text in ["", ",", "1,", "1,,2", "1, 2", "a"] { #expect(NumberList(argument: text) == nil, "\(text)") }
    #expect(NumberList([1, 2, 3, 2]).repeated == 2)
    #expect(NumberList([1, 2]).repeated == nil)
  }
}
