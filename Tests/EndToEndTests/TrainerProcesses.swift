import Foundation
import Testing
import Transport

/// A cloud-trainer that listens.
struct RunningCloud {
  let process: ChildProcess
  let endpoint: Endpoint
  /// Where its runs' directories go.
  let directory: String

  /// Starts it and waits until it listens.
  init(
    in directory: TemporaryDirectory, listen: String = "127.0.0.1:0", runDirectory: String? = nil,
    _ arguments: [String] = [], environment: [String: String?] = [:],
    errors: ChildProcess.StandardDescriptor? = nil, limitingFilesTo blocks: Int? = nil
  ) throws {
    self.directory = runDirectory ?? directory.path("cloud")
    process = try ChildProcess.start(
      .cloud, ["--listen", listen, "--run-dir", self.directory, "--threads", "1"] + arguments, in: directory,
      environment: environment, errors: errors, limitingFilesTo: blocks)
    endpoint = try process.wait(for: "the address") { [process] in
      guard
        let line = process.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().first
      else { return nil }
      let words = line.split(separator: " ")
      try #require(words.count == 3 && words[0] == "listening" && words[1] == "on", "\(line)")
      return try Endpoint(parsing: String(words[2]))
    }
  }

  /// The directory of its only run so far.
  func runDirectory() throws -> RunFiles {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    try #require(names.count == 1, "\(names)")
    return RunFiles(directory + "/" + names[0])
  }
}

extension ChildProcess {
  /// Starts one of the programs.
  static func start(
    _ program: TestedProgram, _ arguments: [String], in directory: TemporaryDirectory,
    environment: [String: String?] = [:], input: StandardDescriptor = .null,
    output: StandardDescriptor? = nil, errors: StandardDescriptor? = nil,
    limitingFilesTo blocks: Int? = nil
  ) throws -> ChildProcess {
    try ChildProcess(
      program.path(), arguments, in: directory, environment: environment, input: input, output: output,
      errors: errors, limitingFilesTo: blocks)
  }

  /// Runs one of the programs to its end.
  static func run(
    _ program: TestedProgram, _ arguments: [String], in directory: TemporaryDirectory,
    environment: [String: String?] = [:], input: StandardDescriptor = .null, output: StandardDescriptor? = nil
  ) throws -> FinishedProcess {
    try start(program, arguments, in: directory, environment: environment, input: input, output: output)
      .wait()
  }

  /// Starts an edge that trains for that cloud.
  static func startEdge(
    _ cloud: RunningCloud, in directory: TemporaryDirectory, _ run: EdgeRun = .tiny,
    runDirectory: String? = nil,
    _ arguments: [String] = [], environment: [String: String?] = [:], input: StandardDescriptor = .null,
    output: StandardDescriptor? = nil, errors: StandardDescriptor? = nil, limitingFilesTo blocks: Int? = nil
  ) throws -> ChildProcess {
    try start(
      .edge,
      ["train", "--cloud", "\(cloud.endpoint)", "--run-dir", runDirectory ?? directory.path("edge")]
        + run.arguments + arguments,
      in: directory, environment: environment, input: input, output: output, errors: errors, limitingFilesTo: blocks)
  }
}

/// How much an edge is to train.
enum EdgeRun {
  /// Four steps.
  case tiny
  /// Longer than any test takes.
  case endless

  var arguments: [String] {
    let size =
      switch self {
      case .tiny: ["--train-limit", "64", "--test-limit", "32", "--batch-size", "16"]
      case .endless: ["--train-limit", "100000", "--test-limit", "32", "--batch-size", "4"]
      }
    return size + [
      "--data", "synthetic", "--epochs", "1", "--cut", "1", "--exit-head", "pool", "--threads", "1",
    ]
  }
}

/// The files of a run, read back.
struct RunFiles {
  let directory: String

  init(_ directory: String) { self.directory = directory }

  var names: Set<String> {
    Set((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
  }

  func bytes(of file: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: directory + "/" + file))
  }

  func object(_ file: String) throws -> [String: Any] { try Self.object(try bytes(of: file)) }

  /// summary.json.
  func summary() throws -> [String: Any] { try object("summary.json") }

  func outcome() throws -> String { try #require(try summary()["outcome"] as? String) }

  /// The lines of metrics.jsonl, each of which must be complete and an object.
  func metrics() throws -> [[String: Any]] {
    let bytes = try bytes(of: "metrics.jsonl")
    try #require(bytes.last == UInt8(ascii: "\n"), "the last line is not complete")
    return try bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast().map(
      Self.object)
  }

  /// How many steps are in the log by now.
  var loggedSteps: Int {
    guard let text = try? String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8) else {
      return 0
    }
    return text.split(separator: "\n").filter { $0.contains("\"type\":\"step\"") }.count
  }

  private static func object(_ bytes: Data) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
  }
}

/// Checks that the process ended with this code and one line that explains it: the last one of standard error, and the
/// only one there that is not of the log.
func expectError(
  _ finished: FinishedProcess, _ program: TestedProgram, code: Int32, mentioning fragments: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(finished.end == .exited(code), "\(finished.errors)", sourceLocation: sourceLocation)
  let prefix = program.rawValue + ": "
  let explanations = finished.errorLines.filter { $0.hasPrefix(prefix) }
  #expect(explanations.count == 1, "\(finished.errors)", sourceLocation: sourceLocation)
  let last = String(finished.errorLines.last ?? "")
  #expect(last.hasPrefix(prefix), "\(finished.errors)", sourceLocation: sourceLocation)
  for fragment in fragments {
    #expect(last.contains(fragment), "\(last)", sourceLocation: sourceLocation)
  }
}
