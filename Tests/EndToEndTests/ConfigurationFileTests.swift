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
    ["--offline", "--schedule", "cosine", "--normalization", "imagenet", "--name", "007"],
    ["--wait", "--link-delay", "0.05ms", "--link-rate", "100Gbit", "--max-memory", "3GiB", "--tls"],
    ["--local", "--one-core-each", "--cloud-run-dir", "/tmp/clouds"],
  ])
  func whatARunLeavesGivesItAgain(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let tiny = ["--data", "synthetic", "--train-limit", "64", "--test-limit", "32", "--threads", "1"]
    let first = try ChildProcess.run(.edge, ["train", "--dry-run"] + tiny + options, in: directory)
    #expect(first.end == .exited(0), "\(first.errors)")
    try Self.write(first.output, in: directory)
    let again = try ChildProcess.run(.edge, ["train", "--config", "config.json", "--dry-run"], in: directory)
    #expect(again.end == .exited(0), "\(again.errors)")
    // Another run has another name.
    #expect(try Self.unnamed(again.output) == Self.unnamed(first.output))
  }

  private static func unnamed(_ text: String) throws -> NSDictionary {
    var object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    object["name"] = nil
    return object as NSDictionary
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

  /// What does not go together is not taken from the file.
  @Test(arguments: [
    (
      #""local": true, "one_core_each": true, "cloud_run_dir": "clouds""#, ["--cloud", "h:1"],
      ["local", "cloud_run_dir"]
    ),
    (#""cloud": "h:1", "tls": true, "wait": true"#, ["--local"], ["cloud", "tls", "wait"]),
    (#""offline": true"#, ["--wait"], ["offline"]),
    (#""cloud": "h:1", "wait": true"#, ["--offline"], ["cloud", "wait"]),
    (#""threads": 2, "local": true"#, ["--one-core-each"], []),
    (#""one_core_each": true, "local": true"#, ["--threads", "2"], ["one_core_each"]),
    (#""insecure": true"#, ["--tls"], ["insecure"]), (#""tls": true"#, ["--insecure"], ["tls"]),
  ])
  func whatDoesNotGoTogether(file: String, options: [String], without: [String]) throws {
    let directory = try TemporaryDirectory()
    try Self.write(#"{"data": "synthetic", "train_images": 16, "test_images": 8, \#(file)}"#, in: directory)
    let configuration = try Self.dryRun(["--config", "config.json"] + options, in: directory)
    for name in without { #expect(configuration[name] == nil, "\(name)") }
  }

  /// A scale has the full scale that is usual with it.
  @Test func anotherScaleHasItsFullScale() throws {
    let directory = try TemporaryDirectory()
    try Self.write(
      #"{"data": "synthetic", "train_limit": 16, "test_limit": 8, "bits": 2, "full_scale": 0.5}"#, in: directory)
    let configuration = try Self.dryRun(["--config", "config.json", "--scale", "channel"], in: directory)
    #expect(configuration["full_scale"] as? Double == 1 && configuration["bits"] as? Int == 2)
  }

  @Test func helpIsHelpWhateverTheFile() throws {
    let finished = try ChildProcess.run(.edge, ["train", "--help", "--config", "missing"], in: TemporaryDirectory())
    #expect(finished.end == .exited(0) && finished.output.hasPrefix("OVERVIEW: "))
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
    ("", 65, ["--config config.json", "expected a JSON object"]),
    (#"{"run_id": "x", "bits": [1]}"#, 65, ["bits is an array"]), ("[1]", 65, ["it is no JSON object"]),
    (#"{"help": true}"#, 65, ["help is no option of train"]),
    (#"{"bits": 2, "bits": 4}"#, 65, ["bits is there twice"]),
    (#"{"bits": [2]}"#, 65, ["bits is an array", "expected a string, a number"]),
    (#"{"data": "folder"}"#, 65, ["data is folder", "with --data"]), (#"{"config": "x"}"#, 65, ["config is no option"]),
    (#"{"bites": 2}"#, 65, ["--config config.json", "bites is no option of train"]),
    (#"{"bits": "many"}"#, 64, ["'many'", "--bits"]),
    (#"{"epochs": 0, "data": "synthetic"}"#, 64, ["epochs 0"]),
  ])
  func whatIsWrongIsSaid(text: String?, code: Int32, words: [String]) throws {
    let directory = try TemporaryDirectory()
    if let text { try Self.write(text, in: directory) }
    let finished = try ChildProcess.run(.edge, ["train", "--config", "config.json"], in: directory)
    expectError(finished, .edge, code: code, mentioning: words)
  }

  /// What another program makes of a run's file.
  @Test func theFileMayBeAPipe() throws {
    let directory = try TemporaryDirectory()
    try Self.write(
      #"{"data": "synthetic", "train_limit": 16, "test_limit": 8, "run_id": "x", "role": "edge", "bits": 8}"#,
      in: directory)
    let program = try TestedProgram.edge.path()
    let finished = try ChildProcess(
      "/bin/bash", ["-c", "'\(program)' train --dry-run --config <(sed 's/8}/2}/' config.json)"], in: directory
    ).wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
    #expect(finished.output.contains(#""bits" : 2,"#) && !finished.output.contains("run_id"), "\(finished.output)")
  }

  @Test func twoFilesAreOneTooMany() throws {
    let finished = try ChildProcess.run(.edge, ["train", "--config", "a", "--config=b"], in: TemporaryDirectory())
    expectError(finished, .edge, code: 64, mentioning: ["--config a, --config b", "expected one file"])
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
    #expect(csv.outputLines.count == 2 && csv.outputLines[0].hasPrefix("run,role,name,architecture,"))

    let compared = try Self.run(["compare", "slow", "runs/other"], in: directory)
    #expect(compared.end == .exited(0), "\(compared.errors)")
    let words = compared.outputLines.map { $0.split(separator: " ").map(String.init) }
    #expect(words[0] == ["setting", "slow", "fast"])
    #expect(words[2] == ["learning_rate", "0.05", "0.1"] && words[3].first == "result")
    #expect(compared.outputLines.contains { $0.hasPrefix("final accuracy") && $0.contains(" %") && $0.hasSuffix(")") })
    let document = try Self.run(["compare", "slow", "fast", "--format", "json"], in: directory)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(document.output.utf8)) as? [String: Any])
    #expect(object["settings"] as? [String: [Double]] == ["learning_rate": [0.05, 0.1]])
    let same = try Self.run(["compare", "slow", "slow"], in: directory)
    #expect(same.output.hasPrefix("The runs have the same settings.\n"))
    expectError(
      try Self.run(["compare", "slow", "20"], in: directory), .edge, code: 65,
      mentioning: ["20: 2 runs", "expected one", "runs/other"])
    expectError(
      try Self.run(["compare", "slow", "none"], in: directory), .edge, code: 65,
      mentioning: ["none: no such directory", "'edge-trainer runs'"])
  }

  /// Files that nobody's program has written do no harm.
  @Test func oddFiles() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.subdirectory("runs/odd/edge")
    let configuration = #"{"role": "edge", "name": "007", "cut": 2, "a\u001b[2Jb": 1}"#
    let line = #"{"type":"epoch","role":"edge","wall_seconds":1,"epoch":1,"sent_bytes":9223372036854775807}"# + "\n"
    for (file, text) in [("config.json", configuration), ("metrics.jsonl", line + line)] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + file))
    }
    let other = try directory.subdirectory("runs/other/edge")
    try Data(#"{"role": "edge"}"#.utf8).write(to: URL(fileURLWithPath: other + "/config.json"))
    let json = try Self.run(["runs", "--format", "json"], in: directory)
    #expect(json.end == .exited(0), "\(json.errors)")
    #expect(json.output.contains(#""name" : "007""#) && json.output.contains(#""cut" : 2"#))
    let table = try Self.run(["runs"], in: directory)
    #expect(table.end == .exited(0) && table.output.contains("unfinished"), "\(table.errors)")
    let compared = try Self.run(["compare", "007", "runs/other"], in: directory)
    #expect(compared.end == .exited(0), "\(compared.errors)")
    #expect(compared.output.contains(#"a\u{1b}[2Jb"#) && !compared.output.contains("\u{1b}"))
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
