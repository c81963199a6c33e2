import Foundation
import Testing
import Transport

/// A cloud that serves one edge after the other.
@Suite struct ServiceTests {
  @Test func silentClientBlocksNobody() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let silent = try Socket.connect(to: cloud.endpoint, timeout: ChildProcess.limit)
    let edge = try ChildProcess.startEdge(cloud, in: directory).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
    silent.close()
  }

  @Test func peakMemoryIsThatOfTheSession() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "2"])
    // The cloud keeps room for three batches: 200 MB of them here.
    let large = try ChildProcess.startEdge(
      cloud, in: directory, runDirectory: directory.path("large"),
      ["--batch-size", "1024", "--train-limit", "4", "--test-limit", "4"]
    ).wait()
    #expect(large.end == .exited(0), "\(large.errors)")
    let small = try ChildProcess.startEdge(cloud, in: directory, runDirectory: directory.path("small"))
      .wait()
    #expect(small.end == .exited(0), "\(small.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
    let peaks = try ["large", "small"].map { name in
      let run = try #require(try RunFiles(directory.path(name)).summary()["run_id"] as? String)
      return try #require(
        try RunFiles(cloud.directory + "/" + run).summary()["peak_memory_bytes"] as? Int)
    }
    #expect(peaks[0] - peaks[1] > 100_000_000, "\(peaks)")
  }
}
