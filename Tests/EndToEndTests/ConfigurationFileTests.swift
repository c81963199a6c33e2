import Foundation
import Testing

/// `edge-trainer train --config`, `runs` and `compare`.
@Suite struct ConfigurationFileTests {
  private static func dryRun(_ arguments: [String], in directory: TemporaryDirectory) throws -> [String: Any] {
    let finished = try ChildProcess.run(.edge, ["train", "--dry-run"] + arguments, in: directory)
    try #require(finished.end == .exited(0), "\(finished.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any])
  }

  private static func write(_ text: String, in directory: TemporaryDirectory) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: directory.path("config.json")))
  }

  /// What a run leaves gives the same run again, down to the last option.
  @Test(arguments: [
    [
      "--bits", "2", "--compression", "zstd", "--link-rate", "3g", "--link-delay", "50ms", "--window", "7", "--name",
      "a \"b\" c", "--cloud", "cloud.example.org:7070", "--spool", "0", "--lr", "0.05", "--balance", "--timeout", "9",
      "--checkpoint-interval", "5", "--reconnect-for", "30", "--insecure", "--convolution", "winograd",
      "--image-size", "16", "--classes", "4", "--freeze-front", "--keep-weights", "best", "--label-smoothing", "0.1",
    ],
    ["--strategy", "edge-only"], ["--strategy", "cloud-stream", "--local", "--seed", "18446744073709551615"],
    ["--offline", "--schedule", "cosine", "--normalization", "imagenet"],
  ])
  func whatARunLeavesGivesItAgain(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let tiny = ["--data", "synthetic", "--train-limit", "64", "--test-limit", "32", "--threads", "1"]
    let first = try ChildProcess.run(.edge, ["train", "--dry-run"] + tiny + options, in: directory)
    #expect(first.end == .exited(0), "\(first.errors)")
    try Self.write(first.output, in: directory)
    let again = try ChildProcess.run(.edge, ["train", "--config", "config.json", "--dry-run"], in: directory)
    #expect(again.end == .exited(0), "\(again.errors)")
    #expect(again.output == first.output)
  }

  @Test func theCommandLineWins() throws {
    let directory = try TemporaryDirectory()
    try Self.write(
      """
      {"data": "synthetic", "train_images": 64, "test_limit": 32, "bits": 2, "full_scale": 0.35, "local": true,
       "learning_rate": 0.2, "balance": false, "threads": 1, "cut": 1, "exit_head": "pool", "bottleneck": null}
      """, in: directory)
    let from = ["--config=config.json"]
    let plain = try Self.dryRun(from, in: directory)
    #expect(plain["bits"] as? Int == 2 && plain["full_scale"] as? Double == 0.35)
    #expect(plain["train_images"] as? Int == 64 && plain["test_images"] as? Int == 32)
    #expect(plain["local"] as? Bool == true && plain["learning_rate"] as? Double == 0.2)
    #expect(plain["balance"] == nil)
    let other = try Self.dryRun(
      from + ["--bits", "4", "--lr=0.3", "--cloud", "127.0.0.1:1", "--train-limit", "48"], in: directory)
    #expect(other["bits"] as? Int == 4 && other["full_scale"] as? Double == 1)
    #expect(other["learning_rate"] as? Double == 0.3 && other["train_images"] as? Int == 48)
    #expect(other["cloud"] as? String == "127.0.0.1:1" && other["local"] == nil)
  }

  /// The images of a run that was described by the cloud, or by an earlier version, are those of `--data`.
  @Test func kindsOfImagesAreNoFolders() throws {
    let directory = try TemporaryDirectory()
    try Self.write(
      #"{"data": "cifar10", "role": "cloud", "task": {"classes": 10}, "train_images": 50000}"#, in: directory)
    let configuration = try Self.dryRun(
      ["--config", "config.json", "--data", "synthetic", "--test-limit", "8", "--train-limit", "16"], in: directory)
    #expect(configuration["data"] as? String == "synthetic" && configuration["train_images"] as? Int == 16)
  }

  @Test(arguments: [
    (nil as String?, Int32(65), ["--config config.json", "No such file"]),
    ("", 65, ["--config config.json", "expected a JSON object"]), ("[1]", 65, ["expected a JSON object"]),
    (#"{"bits": 2, "bits": 4}"#, 65, ["a name twice"]),
    (#"{"bits": [2]}"#, 65, ["bits is none", "expected a string, a number"]),
    (#"{"bites": 2}"#, 64, ["Unknown option '--bites'"]), (#"{"bits": "many"}"#, 64, ["'many'", "--bits"]),
    (#"{"epochs": 0, "data": "synthetic"}"#, 64, ["epochs 0"]),
  ])
  func whatIsWrongIsSaid(text: String?, code: Int32, words: [String]) throws {
    let directory = try TemporaryDirectory()
    if let text { try Self.write(text, in: directory) }
    let finished = try ChildProcess.run(.edge, ["train", "--config", "config.json"], in: directory)
    expectError(finished, .edge, code: code, mentioning: words)
  }
}

@Suite struct RunsCommandTests {
  private static func run(_ arguments: [String], in directory: TemporaryDirectory) throws -> FinishedProcess {
    try ChildProcess.run(.edge, arguments, in: directory)
  }

  private static func train(_ arguments: [String], in directory: TemporaryDirectory) throws {
    let options = ["train", "--strategy", "edge-only"] + EdgeRun.tiny.arguments + arguments
    let finished = try run(options, in: directory)
    try #require(finished.end == .exited(0), "\(finished.errors)")
  }

  @Test func listsAndComparesRuns() throws {
    let directory = try TemporaryDirectory()
    try Self.train(["--name", "slow", "--lr", "0.05"], in: directory)
    try Self.train(["--name", "fast", "--run-dir", "runs/other"], in: directory)
    let table = try Self.run(["runs"], in: directory)
    #expect(table.end == .exited(0), "\(table.errors)")
    #expect(table.outputLines.count == 4)
    #expect(table.outputLines[2].hasPrefix("slow ") && table.outputLines[3].hasPrefix("fast "))
    #expect(table.outputLines[3].hasSuffix("completed  runs/other"))
    let json = try Self.run(["runs", "--format", "json"], in: directory)
    let runs = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    let summary = try RunFiles(directory.path("runs/other")).summary()
    #expect(runs.count == 2 && runs[1]["name"] as? String == "fast")
    for key in ["final_accuracy", "sent_bytes", "completed_epochs", "wall_seconds", "architecture"] {
      #expect(runs[1][key] as? NSObject == summary[key] as? NSObject, "\(key)")
    }
    #expect(runs[1]["run"] as? String == summary["run_id"] as? String)
    let csv = try Self.run(["runs", "--format", "csv", "runs/other"], in: directory)
    #expect(csv.outputLines.count == 2 && csv.outputLines[0].hasPrefix("run,name,architecture,"))

    let compared = try Self.run(["compare", "slow", "runs/other"], in: directory)
    #expect(compared.end == .exited(0), "\(compared.errors)")
    let words = compared.outputLines.map { $0.split(separator: " ").map(String.init) }
    #expect(words[0] == ["setting", "slow", "fast"])
    #expect(words[2] == ["learning_rate", "0.05", "0.1"] && words[3].first == "result")
    #expect(compared.outputLines.contains { $0.hasPrefix("final accuracy") && $0.contains(" %") && $0.hasSuffix(")") })
    let document = try Self.run(["compare", "slow", "fast", "--format", "json"], in: directory)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(document.output.utf8)) as? [String: Any])
    #expect(object["settings"] as? [String: [String]] == ["learning_rate": ["0.05", "0.1"]])
    let same = try Self.run(["compare", "slow", "slow"], in: directory)
    #expect(same.output.hasPrefix("The runs have the same settings.\n"))
    expectError(
      try Self.run(["compare", "slow", "20"], in: directory), .edge, code: 65,
      mentioning: ["20: 2 runs", "expected one", "runs/other"])
    expectError(
      try Self.run(["compare", "slow", "none"], in: directory), .edge, code: 65,
      mentioning: ["none: no such directory", "'edge-trainer runs'"])
  }

  @Test func noRunsAreSaid() throws {
    let directory = try TemporaryDirectory()
    expectError(
      try Self.run(["runs"], in: directory), .edge, code: 65, mentioning: ["runs: No such file or directory"])
    expectError(
      try Self.run(["runs", "."], in: directory), .edge, code: 65, mentioning: ["no run in it", "config.json"])
    expectError(try Self.run(["compare", "x"], in: directory), .edge, code: 64, mentioning: ["two or more"])
  }
}
