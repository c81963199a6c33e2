import Foundation
import Testing

/// Timelines, and the script that joins them.
@Suite struct TraceTests {
  private static func object(_ data: Data) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private static func events(_ trace: [String: Any]) throws -> [[String: Any]] {
    try #require(trace["traceEvents"] as? [[String: Any]])
  }

  /// Runs scripts/merge-traces.
  private static func merge(_ arguments: [String]) throws -> (code: Int32, output: Data, errors: String) {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let process = Process()
    process.executableURL = root.appendingPathComponent("scripts/merge-traces")
    process.arguments = arguments
    let directory = try TemporaryDirectory()
    let files = ["output", "errors"].map { URL(fileURLWithPath: directory.path($0)) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    return (
      process.terminationStatus, try Data(contentsOf: files[0]),
      try String(contentsOf: files[1], encoding: .utf8)
    )
  }

  @Test func bothProgramsAndTheirUnion() throws {
    let directory = try TemporaryDirectory()
    let (edgeFile, cloudFile) = (directory.path("edge.json"), directory.path("cloud.json"))
    let cloud = try RunningCloud(in: directory, ["--sessions", "1", "--trace", cloudFile])
    let edge = try ChildProcess.startEdge(cloud, in: directory, .tiny, ["--trace", edgeFile]).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
    let traces = try [edgeFile, cloudFile].map { try Self.object(Data(contentsOf: URL(fileURLWithPath: $0))) }
    let counts = try traces.map { try Self.events($0).count }
    #expect(counts[0] > 50 && counts[1] > 30)

    let merged = try Self.merge([edgeFile, cloudFile])
    #expect(merged.code == 0, "\(merged.errors)")
    let trace = try Self.object(merged.output)
    let events = try Self.events(trace)
    #expect(events.count == counts[0] + counts[1])
    #expect(Set(events.compactMap { $0["pid"] as? Int }) == [1, 2])
    let spans = events.filter { $0["ph"] as? String == "X" }
    #expect(spans.allSatisfy { $0["ts"] is Double && ($0["dur"] as? Double ?? -1) >= 0 })
    let data = try #require(trace["otherData"] as? [String: Any])
    #expect(abs(try #require(data["cloud_shifted_seconds"] as? Double)) < 60)

    // Exchanged, or of another run, or no timeline at all: one line.
    for arguments in [
      [cloudFile, edgeFile], [edgeFile, edgeFile], [edgeFile, directory.path("none")], [edgeFile],
    ] {
      let failed = try Self.merge(arguments)
      #expect(failed.code == (arguments.count == 2 ? 65 : 64))
      #expect(
        failed.errors.hasPrefix("merge-traces: error: ") && failed.errors.split(separator: "\n").count == 1)
      #expect(failed.output.isEmpty)
    }
  }

  @Test func fileThatCannotBeWritten() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("missing/trace.json")
    for (program, arguments) in [
      (TestedProgram.edge, ["train", "--cloud", "127.0.0.1:1"] + EdgeRun.tiny.arguments),
      (.cloud, ["--listen", "127.0.0.1:0"]),
    ] {
      let finished = try ChildProcess.run(program, arguments + ["--trace", path], in: directory)
      expectError(finished, program, code: 74, mentioning: [path, "No such file or directory"])
      let full = try ChildProcess.run(program, arguments + ["--trace", "/dev/full"], in: directory)
      expectError(full, program, code: 74, mentioning: ["/dev/full", "No space left on device"])
    }
  }

  /// Nobody listens: the run fails, the file is a timeline all the same.
  @Test func validWithoutARun() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("edge.json")
    let finished = try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1", "--trace", path] + EdgeRun.tiny.arguments, in: directory)
    #expect(finished.end == .exited(69), "\(finished.errors)")
    #expect(try Self.events(Self.object(Data(contentsOf: URL(fileURLWithPath: path)))).count == 5)
  }

  @Test func validAfterCtrlC() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("edge.json")
    let cloud = try RunningCloud(in: directory, ["--trace", directory.path("cloud.json")])
    let edge = try ChildProcess.startEdge(cloud, in: directory, .endless, ["--trace", path])
    let files = RunFiles(directory.path("edge"))
    try edge.wait(for: "steps of the edge") { files.loggedSteps > 2 ? true : nil }
    edge.send(signal: SIGINT)
    #expect(try edge.wait().end == .exited(130))
    cloud.process.send(signal: SIGTERM)
    _ = try cloud.process.wait()
    for file in [path, directory.path("cloud.json")] {
      #expect(try Self.events(Self.object(Data(contentsOf: URL(fileURLWithPath: file)))).count > 10)
    }
  }
}
