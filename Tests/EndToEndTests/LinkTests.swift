import Foundation
import Testing

/// Runs over a link that is held back.
@Suite struct LinkTests {
  @Test func bothSidesShapeAndRecordIt() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, .tiny, ["--link-rate", "4g", "--link-delay", "20ms"]
    ).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(edge.errors.contains("the link, in both directions: 5.85 Mbit/s, 20 ms of delay each way"))
    #expect(try cloud.process.wait().end == .exited(0))

    let edgeFiles = RunFiles(directory.path("edge"))
    for files in [edgeFiles, try cloud.runDirectory()] {
      let configuration = try files.object("config.json")
      #expect(configuration["link_rate"] as? Double == 5.85e6)
      #expect(configuration["link_delay"] as? Double == 0.02)
      let summary = try files.summary()
      let busy = try #require(summary["link_busy_seconds"] as? Double)
      #expect(busy > 0 && busy <= (summary["wall_seconds"] as? Double ?? 0))
    }
    // The edge has sent its batches no faster than the rate, but for the gaps between frames that the pacing makes up
    // for.
    let summary = try edgeFiles.summary()
    let payload = try #require(summary["train_payload_bytes"] as? Int)
    let busy = try #require(summary["link_busy_seconds"] as? Double)
    #expect(busy >= 0.3 * Double(payload) * 8 / 5.85e6)
    // Six batches and an epoch's end, there and back: at least one delay each way after the last of them.
    #expect(try #require(summary["training_seconds"] as? Double) >= 0.04)
  }

  /// The other strategies with a cloud; what is sent most goes down with split, and up with the others.
  @Test(arguments: StrategyTests.cases) func everyStrategyIsShaped(_ test: StrategyTests.Case) throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, .tiny,
      ["--strategy", test.name, "--link-rate", "wifi", "--link-delay", "10ms"]
    ).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(edge.errors.contains("the link, in both directions: 18.88 Mbit/s, 10 ms of delay each way"))
    #expect(try cloud.process.wait().end == .exited(0))
    for (files, payload) in [
      (RunFiles(directory.path("edge")), test.train), (try cloud.runDirectory(), test.gradient),
    ] {
      let configuration = try files.object("config.json")
      #expect(configuration["link_rate"] as? Double == 18.88e6)
      #expect(configuration["link_delay"] as? Double == 0.01)
      let summary = try files.summary()
      let busy = try #require(summary["link_busy_seconds"] as? Double)
      #expect(busy > 0 && busy >= 0.3 * Double(payload) * 8 / 18.88e6)
      #expect(try #require(summary["wall_seconds"] as? Double) >= busy)
    }
  }

  @Test func withoutShapingNothingIsRecordedOfIt() throws {
    let run = try RunTests.shared.get()
    for files in [run.edgeFiles, run.cloudFiles] {
      let configuration = try files.object("config.json")
      #expect(configuration["link_rate"] == nil && configuration["link_delay"] == nil)
      #expect(try files.summary()["link_busy_seconds"] is Double)
    }
  }
}
