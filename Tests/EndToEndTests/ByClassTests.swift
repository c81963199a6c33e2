import Foundation
import Testing

/// What is done for each class, and what is told of it.
@Suite struct ByClassTests {
  private static func train(_ directory: TemporaryDirectory, _ arguments: [String]) throws -> FinishedProcess {
    try ChildProcess.run(
      .edge,
      [
        "train", "--local", "--cloud-run-dir", directory.path("cloud"), "--run-dir", directory.path("edge"),
      ] + EdgeRun.tiny.arguments + arguments, in: directory)
  }

  private static func predict(
    _ directory: TemporaryDirectory, _ confusion: String, _ arguments: [String] = []
  ) throws -> FinishedProcess {
    try ChildProcess.run(
      .edge,
      [
        "predict", "--edge-weights", directory.path("edge/edge.safetensors"), "--data", "synthetic", "--images", "32",
        "--batch-size", "16", "--threads", "1", "--confusion", confusion,
      ] + arguments, in: directory)
  }

  private struct Epoch: Decodable {
    var exitClassAccuracies: [Double]
    var finalClassAccuracies: [Double]
  }

  /// The log, the file and the table tell the same.
  @Test func confusionOfARun() throws {
    let directory = try TemporaryDirectory()
    let edge = try Self.train(directory, ["--balance", "--label-smoothing", "0.1"])
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(edge.errors.contains("exit accuracy by class: "))
    #expect(edge.errors.contains("final accuracy by class: "))
    let files = RunFiles(directory.path("edge"))
    let configuration = try files.object("config.json")
    #expect(configuration["balance"] as? Bool == true && configuration["label_smoothing"] as? Double == 0.1)

    let run = try #require(try FileManager.default.contentsOfDirectory(atPath: directory.path("cloud")).first)
    let prediction = try Self.predict(
      directory, "c.csv", ["--cloud-weights", directory.path("cloud/\(run)/cloud.safetensors")])
    #expect(prediction.end == .exited(0), "\(prediction.errors)")
    let lines = try String(contentsOfFile: directory.path("c.csv"), encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: ",") }
    #expect(lines.count == 21 && lines.allSatisfy { $0.count == 12 })
    #expect(lines[0].prefix(2) == ["output", "class"])
    #expect(lines.dropFirst().map { $0[1] } == Array(lines[0].dropFirst(2) + lines[0].dropFirst(2)))
    let epoch = try #require(
      try String(contentsOfFile: directory.path("edge/metrics.jsonl"), encoding: .utf8).split(separator: "\n")
        .last { $0.contains(#""type":"epoch""#) })
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let record = try decoder.decode(Epoch.self, from: Data(epoch.utf8))
    for (output, recalls, rows) in [
      ("exit", record.exitClassAccuracies, lines[1...10]), ("final", record.finalClassAccuracies, lines[11...20]),
    ] {
      let counts = rows.map { $0.dropFirst(2).compactMap { Int($0) } }
      #expect(rows.allSatisfy { $0[0] == output } && counts.reduce(0) { $0 + $1.reduce(0, +) } == 32)
      #expect(recalls == counts.enumerated().map { Double($1[$0]) / Double($1.reduce(0, +)) })
    }
    let table = prediction.outputLines.drop { !$0.hasPrefix("class") }
    #expect(table.count == 12, "\(prediction.output)")
    #expect(table.first?.split(separator: " ") == ["class", "images", "exit", "final"])
  }

  /// The error comes before the images are classified.
  @Test func confusionThatCannotBeWritten() throws {
    let directory = try TemporaryDirectory()
    let edge = try Self.train(directory, ["--strategy", "edge-only"])
    #expect(edge.end == .exited(0), "\(edge.errors)")
    expectError(
      try Self.predict(directory, "nowhere/c.csv"), .edge, code: 74,
      mentioning: ["nowhere/c.csv", "No such file or directory"])
    expectError(
      try Self.predict(directory, "/dev/full"), .edge, code: 74, mentioning: ["/dev/full", "No space left on device"])
  }

  @Test func everyClassNeedsAnImageToBeBalanced() throws {
    let directory = try TemporaryDirectory()
    expectError(
      try Self.train(directory, ["--balance", "--train-limit", "5"]), .edge, code: 65,
      mentioning: ["class", "has none of the 5 training images", "--balance"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("edge")))
  }
}
