import Foundation
import Platform
import RunFiles
import TestSupport
import Testing

@testable import CommandLineSupport

/// Runs side by side, from files that are written here.
@Suite struct RunComparisonTests {
  /// A run that has ended, in a directory.
  private static func run(
    _ path: String, _ settings: String, accuracy: Double? = 0.5, payload: Int = 1000, kernels: String = "Zen",
    isEnded: Bool = true
  ) throws -> FoundRun {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let configuration = #"{"role": "edge", "architecture": "vgg8", "cut": 2, "epochs": 3, \#(settings)}"#
    try AtomicFile.write(Array(configuration.utf8), to: path + "/config.json")
    if isEnded {
      let final = accuracy.map { "\($0)" } ?? "null"
      let summary = """
        {"role": "edge", "run_id": "one", "software_version": "1", "started_at": "2026-01-01T00:00:00Z",
         "strategy": "hierarchical", "architecture": "vgg8", "epochs": 3, "seed": 0, "threads": 1,
         "convolution": "im2col", "kernels": "\(kernels)", "outcome": "completed", "completed_epochs": 3,
         "completed_steps": 9, "final_accuracy": \(final), "wall_seconds": 75, "training_seconds": 60,
         "busy_seconds": 50, "idle_seconds": 10, "train_payload_bytes": \(payload), "evaluation_bytes": 0,
         "gradient_payload_bytes": 0, "sent_bytes": 2000, "received_bytes": 0, "resent_bytes": 0,
         "link_busy_seconds": 1}
        """
      try AtomicFile.write(Array(summary.utf8), to: path + "/summary.json")
    }
    return try FoundRun(path)
  }

  @Test func whatDiffersAndWhatCameOut() throws {
    try withTemporaryDirectory { base in
      let first = try Self.run(base + "/a", #""bits": 4, "name": "four""#)
      let second = try Self.run(
        base + "/b", #""bits": 2, "name": "two", "balance": true"#, accuracy: 0.525, payload: 500, kernels: "Haswell")
      #expect(first.summary != nil)
      let comparison = RunComparison([first, second])
      #expect(comparison.settings.map(\.name) == ["balance", "bits", "kernels"])
      #expect(comparison.settings.map(\.values)[0] == [.missing, .text("true")])
      #expect(comparison.settings.map(\.values)[1] == [.count(4), .count(2)])
      let lines = comparison.tables().split(separator: "\n").map(String.init)
      #expect(lines[0] == "setting  four      two")
      #expect(lines[2] == "balance     -     true")
      #expect(lines.contains { $0.hasPrefix("final accuracy") && $0.hasSuffix("50.00 %  52.50 % (+2.50)") }, "\(lines)")
      #expect(lines.contains { $0.hasPrefix("training payload") && $0.hasSuffix("500 B (−50.0 %)") })
      // Nothing is more than nothing by no percentage.
      #expect(lines.contains { $0.hasPrefix("received") && $0.hasSuffix(" 0 B") })
      let csv = comparison.csv().split(separator: "\n").map(String.init)
      #expect(csv[0] == "kind,name,four,two" && csv[2] == "setting,bits,4,2")
      #expect(csv.contains("result,completed_epochs,3,3") && csv.contains("result,final_accuracy,0.5,0.525"))
      let object = try object(comparison.json())
      #expect((object["settings"] as? [String: [Any]])?["bits"] as? [Int] == [4, 2])
      #expect((object["results"] as? [String: [Any]])?["sent_bytes"] as? [Int] == [2000, 2000])
    }
  }

  /// What computed is not known yet, and neither is what comes out.
  @Test func runsThatHaveNotEnded() throws {
    try withTemporaryDirectory { base in
      let first = try Self.run(base + "/a", #""bits": 4"#)
      let second = try Self.run(base + "/b", #""bits": 4"#, isEnded: false)
      let comparison = RunComparison([first, second])
      #expect(comparison.settings.isEmpty)
      let text = comparison.tables()
      #expect(text.hasPrefix("The runs have the same settings.\n"))
      #expect(text.contains("unfinished") && text.contains("3 of 3") && text.contains("0 of 3"))
    }
  }

  @Test(arguments: [
    (RunFigure.Unit.fraction, RunFigure.Value.number(0.5), "50.00 %"), (.bytes, .count(2000), "2.0 KB"),
    (.bytes, .number(1e300), "9223372.0 TB"), (.seconds, .number(75), "1:15"), (.perSecond, .number(12.34), "12.3"),
    (.none, .text("a\u{1b}b"), #"a\u{1b}b"#), (.none, .missing, "-"), (.fraction, .number(.nan), ""),
  ])
  func figuresAsTheyAreShown(unit: RunFigure.Unit, value: RunFigure.Value, expected: String) {
    #expect(unit.shown(value) == expected)
  }

  @Test func changesOfFigures() {
    #expect(RunFigure.Unit.fraction.change(of: .number(0.49), from: .number(0.5)) == " (−1.00)")
    #expect(RunFigure.Unit.seconds.change(of: .number(3), from: .number(2)) == " (+50.0 %)")
    #expect(RunFigure.Unit.bytes.change(of: .count(3), from: .count(0)) == "")
    #expect(RunFigure.Unit.none.change(of: .count(3), from: .count(2)) == "")
    #expect(RunFigure.Unit.seconds.change(of: .missing, from: .number(2)) == "")
  }
}
