import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Training

/// Timelines of sessions.
@Suite(.serialized) struct SessionsTimelineTests {
  @Test func bothSidesRecordEveryPhase() throws {
    let folder = try SessionFolder()
    let cloudTimeline = try Timeline(path: "\(folder.path)/cloud.json", role: .cloud)
    let edgeTimeline = try Timeline(path: "\(folder.path)/edge.json", role: .edge)
    let cloud = try TestCloud(folder, timeline: cloudTimeline)
    _ = try runEdge(quickConfiguration(), cloud.endpoint, folder, timeline: edgeTimeline)
    #expect(cloud.end().error == nil)
    let edge = try TimelineFile("\(folder.path)/edge.json")
    let other = try TimelineFile("\(folder.path)/cloud.json")
    #expect(
      edge.phases == ["load", "forward", "exit", "backward", "update", "encode", "send", "receive", "wait"])
    #expect(other.phases == ["receive", "decode", "forward", "backward", "update", "send", "wait"])
    // 3 steps and 2 test batches.
    for (phase, count) in [
      ("forward", 5), ("exit", 5), ("backward", 3), ("update", 3), ("encode", 5), ("load", 5),
    ] {
      #expect(edge.spans.count { $0.name == phase } == count, "\(phase)")
    }
    #expect(other.spans.count { $0.name == "decode" } == 5)
    #expect(other.spans.count { $0.name == "forward" } == 5)
    for file in [edge, other] {
      #expect(file.data.runId == "edge")
      file.expectNoOverlap()
    }
    // Both sides have one clock here; the handshake cannot find more of a difference than it may be wrong.
    let offset = try #require(edge.data.cloudClockOffsetSeconds)
    let uncertainty = try #require(edge.data.cloudClockUncertaintySeconds)
    #expect(abs(offset) <= uncertainty + 1e-6)
    #expect(other.data.cloudClockOffsetSeconds == nil)
  }

  /// The phases of a strategy on both sides, in 3 steps and 2 test batches.
  struct Case: CustomStringConvertible, Sendable {
    let strategy: Strategy
    let edge: Set<String>
    let cloud: Set<String>
    var description: String { strategy.rawValue }
  }

  private static let step: Set = ["forward", "backward", "update"]

  @Test(arguments: [
    Case(
      strategy: .split,
      edge: step.union(["load", "encode", "send", "receive", "decode", "wait"]),
      cloud: step.union(["receive", "decode", "encode", "send", "wait"])),
    Case(
      strategy: .cloudStream, edge: ["load", "send", "receive", "wait"],
      cloud: step.union(["receive", "decode", "send", "wait"])),
    Case(
      strategy: .cloudUploadOnce, edge: ["load", "send", "receive", "wait"],
      cloud: step.union(["receive", "load", "send", "wait"])),
    Case(strategy: .edgeOnly, edge: step.union(["load", "wait"]), cloud: []),
  ])
  func phasesOfEachStrategy(_ test: Case) throws {
    let folder = try SessionFolder()
    var configuration = try quickConfiguration()
    configuration.strategy = test.strategy
    configuration = configuration.canonical()
    let timeline = try Timeline(path: "\(folder.path)/edge.json", role: .edge)
    if test.strategy.needsCloud {
      let cloud = try TestCloud(folder, timeline: Timeline(path: "\(folder.path)/cloud.json", role: .cloud))
      _ = try runEdge(configuration, cloud.endpoint, folder, timeline: timeline)
      #expect(cloud.end().error == nil)
    } else {
      _ = try runEdge(configuration, nil, folder, timeline: timeline)
    }
    for (name, phases) in [("edge", test.edge), ("cloud", test.cloud)] where !phases.isEmpty {
      let file = try TimelineFile("\(folder.path)/\(name).json")
      #expect(file.phases == phases, "\(name)")
      for (phase, count) in [("forward", 5), ("backward", 3), ("update", 3), ("load", 5)]
      where phases.contains(phase) {
        #expect(file.spans.count { $0.name == phase } == count, "\(name): \(phase)")
      }
      file.expectNoOverlap()
    }
  }

  @Test func interruptedRunHasATimeline() throws {
    let folder = try SessionFolder()
    let timeline = try Timeline(path: "\(folder.path)/edge.json", role: .edge)
    let cloud = try TestCloud(folder)
    let interruption = Interruption()
    var configuration = try quickConfiguration()
    configuration.trainImages = 100_000
    configuration.batchSize = 2
    let finalConfiguration = configuration
    let edge = Background {
      try runEdge(
        finalConfiguration, cloud.endpoint, folder, interruption: interruption, timeline: timeline)
    }
    while ((try? folder.bytes("edge/metrics.jsonl")) ?? []).count < 500 {
      sleep(milliseconds: 10)
    }
    interruption.request()
    #expect(try edge.error() is InterruptedError)
    #expect(try TimelineFile("\(folder.path)/edge.json").phases.contains("forward"))
    _ = cloud.end()
  }

  @Test func fullDiskEndsWithSeventyFour() throws {
    let folder = try SessionFolder()
    let path = "\(folder.path)/edge.json"
    // The empty timeline fits, and one more.
    let timeline = try Timeline(path: path, role: .edge, operations: .full("edge.json", afterWrites: 1))
    let cloud = try TestCloud(folder)
    let error = #expect(throws: FileError.self) {
      try runEdge(oneStepConfiguration(), cloud.endpoint, folder, timeline: timeline)
    }
    #expect(error == FileError(path: path, operation: "write", errorNumber: ENOSPC))
    #expect(cloud.end().error == nil)
    #expect(try folder.summary("edge").outcome == .completed)
  }
}
