import Foundation
import Testing

/// `edge-trainer describe --json` has the facts of the table.
@Suite struct DescribeTests {
  private static func describe(_ arguments: [String]) throws -> FinishedProcess {
    let finished = try ChildProcess.run(.edge, ["describe"] + arguments, in: TemporaryDirectory())
    #expect(finished.end == .exited(0), "\(finished.errors)")
    return finished
  }

  private static func object(_ arguments: [String]) throws -> [String: Any] {
    let output = try describe(arguments + ["--json"]).output
    return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  private static func text(_ features: Any?) throws -> String {
    let sizes = try #require(features as? [String: Int])
    return try ["height", "width", "channels"].map { "\(try #require(sizes[$0]))" }.joined(separator: "x")
  }

  @Test func oneObject() throws {
    let object = try Self.object(["--architecture", "vgg16", "--exit-head", "conv"])
    let facts: [String: Any] = [
      "architecture": "vgg16", "exit_head": "conv", "bottleneck": NSNull(), "bits": 4, "full_scale": 1,
      "raw_bytes": 3072, "impossible_cuts": [Any](),
    ]
    for (key, value) in facts { #expect(object[key] as? NSObject == value as? NSObject, "\(key)") }
    #expect(Set(object.keys) == Set(facts.keys).union(["cuts"]))
    let cuts = try #require(object["cuts"] as? [[String: Any]])
    #expect(cuts.count == 5)
    #expect(
      Set(cuts[0].keys) == ["cut", "features", "values", "bytes", "parameters", "multiply_accumulates"])
    #expect(cuts[0]["features"] as? [String: Int] == ["height": 16, "width": 16, "channels": 64])
    let macs = try #require(cuts[0]["multiply_accumulates"] as? [String: Int])
    #expect(macs["front"] == 39_518_208)
  }

  /// Exit head deep makes no network at the last cut of vgg16.
  @Test func factsOfTheTable() throws {
    let arguments = [
      "--architecture", "vgg16", "--bits", "2", "--bottleneck", "24", "--convolution", "winograd",
    ]
    let lines = try Self.describe(arguments).outputLines.map { $0.split(separator: " ").map(String.init) }
    let object = try Self.object(arguments)
    #expect(object["bottleneck"] as? Int == 24)
    #expect(object["full_scale"] as? Double == 0.5)
    let cuts = try #require(object["cuts"] as? [[String: Any]])
    #expect(cuts.count == 4)
    for cut in cuts {
      let number = try #require(cut["cut"] as? Int)
      let line = try #require(lines.first { $0.first == "\(number)" })
      let parameters = try #require(cut["parameters"] as? [String: Int])
      #expect(Set(parameters.keys) == ["front", "exit", "rest"])
      #expect(try line[1] == Self.text(cut["features"]))
      #expect(line[2] == "\(try #require(cut["values"] as? Int))")
      #expect(line[3] == "\(try #require(cut["bytes"] as? Int))")
    }
    let impossible = try #require(object["impossible_cuts"] as? [[String: Any]])
    #expect(impossible.count == 1)
    let reason = try #require(impossible.first?["reason"] as? String)
    #expect(lines.contains(["cut", "5:"] + reason.split(separator: " ").map(String.init)))

    let convolutions = try #require(object["convolutions"] as? [[String: Any]])
    let first = try #require(lines.firstIndex { $0.first == "where" }) + 2
    #expect(lines.count - first == convolutions.count)
    for (row, line) in zip(convolutions, lines[first...]) {
      let names = try ["place", "convolution"].map { try #require(row[$0] as? String) }
      let method = try #require(row["method"] as? String)
      #expect(
        line.joined(separator: " ")
          == (names + [try Self.text(row["features"]), method]).joined(separator: " "))
    }
  }
}
