import Foundation
import Testing

@testable import HierarchicalTraining

/// A timeline file, read back.
struct TimelineFile {
  struct Event: Decodable, Equatable {
    var name: String
    var ph: String
    var pid: Int
    var tid: Int
    var ts: Double?
    var dur: Double?
    var args: [String: String]?
  }

  struct OtherData: Decodable, Equatable {
    var role: String
    var runId: String?
    var cloudClockOffsetSeconds: Double?
    var cloudClockUncertaintySeconds: Double?
  }

  private struct Content: Decodable {
    var traceEvents: [Event]
    var otherData: OtherData
  }

  let events: [Event]
  let data: OtherData

  init(_ path: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let content = try decoder.decode(Content.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    events = content.traceEvents
    data = content.otherData
  }

  var spans: [Event] { events.filter { $0.ph == "X" } }
  var phases: Set<String> { Set(spans.map(\.name)) }

  /// Spans of one thread do not overlap.
  func expectNoOverlap(sourceLocation: SourceLocation = #_sourceLocation) {
    for (track, spans) in Dictionary(grouping: spans, by: \.tid) {
      let sorted = spans.sorted { ($0.ts ?? 0) < ($1.ts ?? 0) }
      for (one, next) in zip(sorted, sorted.dropFirst()) {
        // Doubles since 1970 are good for a quarter of a microsecond.
        #expect(
          (one.ts ?? 0) + (one.dur ?? 0) <= (next.ts ?? 0) + 0.6, "thread \(track): \(one), \(next)",
          sourceLocation: sourceLocation)
      }
    }
  }
}

@Suite struct TimelineTests {
  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func golden() throws {
    let document = TimelineDocument(
      role: .cloud, run: try RunIdentifier(validating: "r-1"),
      clockOffset: Timeline.ClockOffset(
        helloSent: 1, helloReceived: 3.5, welcomeSent: 4.5, welcomeReceived: 3),
      clockStart: .init(wall: 1_795_421_702_000_000_000, monotonic: 5_000))
    let spans = [
      Timeline.Span(phase: .forward, track: .compute, start: 6_001, end: 2_006_001),
      Timeline.Span(phase: .receive, track: .receive, start: 4_999, end: 5_000),
    ]
    #expect(
      document.head + spans.map(document.event).joined() + document.tail == """
        {"displayTimeUnit":"ms","otherData":{"role":"cloud","run_id":"r-1","cloud_clock_offset_seconds":2.0,\
        "cloud_clock_uncertainty_seconds":0.5},"traceEvents":[
        {"name":"process_name","ph":"M","pid":2,"tid":0,"args":{"name":"cloud"}},
        {"name":"thread_name","ph":"M","pid":2,"tid":1,"args":{"name":"compute"}},
        {"name":"thread_name","ph":"M","pid":2,"tid":2,"args":{"name":"send"}},
        {"name":"thread_name","ph":"M","pid":2,"tid":3,"args":{"name":"receive"}},
        {"name":"thread_name","ph":"M","pid":2,"tid":4,"args":{"name":"load"}},
        {"name":"forward","cat":"cloud","ph":"X","pid":2,"tid":1,"ts":1795421702000001.001,"dur":2000.000},
        {"name":"receive","cat":"cloud","ph":"X","pid":2,"tid":3,"ts":1795421701999999.999,"dur":0.001}
        ]}

        """)
  }

  @Test func emptyFromTheStart() throws {
    let folder = try SessionFolder()
    let path = "\(folder.path)/trace.json"
    let timeline = try Timeline(path: path, role: .edge)
    let file = try TimelineFile(path)
    #expect(file.spans == [] && file.events.count == 5)
    #expect(file.data == .init(role: "edge"))
    withExtendedLifetime(timeline) {}
  }

  @Test func measuresAndForgets() throws {
    let folder = try SessionFolder()
    let path = "\(folder.path)/trace.json"
    let timeline = try Timeline(path: path, role: .edge)
    timeline.begin(try RunIdentifier(validating: "one"))
    #expect(Optional(timeline).measure(.encode) { 7 } == 7)
    #expect(throws: InterruptedError.self) {
      try Optional(timeline).measure(.wait) { throw InterruptedError() }
    }
    try timeline.write()
    try timeline.write()
    let first = try TimelineFile(path)
    #expect(first.phases == ["encode", "wait"] && first.spans.count == 2)
    #expect(first.data.runId == "one")
    // The wall clock of this test, within a day.
    let start = try #require(first.spans.first?.ts)
    #expect(abs(start / 1e6 - Date().timeIntervalSince1970) <= 86_400)

    timeline.begin(try RunIdentifier(validating: "two"))
    try timeline.write()
    let second = try TimelineFile(path)
    #expect(second.spans == [] && second.data.runId == "two")
    #expect((nil as Timeline?).measure(.load) { 8 } == 8)
  }

  /// More than is written at once.
  @Test func manySpans() throws {
    let folder = try SessionFolder()
    let path = "\(folder.path)/trace.json"
    let timeline = try Timeline(path: path, role: .cloud)
    let start = MonotonicClock.nanoseconds()
    for index in 0..<5000 {
      timeline.record(.decode, from: start + UInt64(index), to: start + UInt64(index) + 1)
    }
    try timeline.write()
    #expect(try TimelineFile(path).spans.count == 5000)
  }

  @Test func fileThatCannotBeOpened() throws {
    let folder = try SessionFolder()
    let path = "\(folder.path)/missing/trace.json"
    let error = #expect(throws: RunDirectoryError.self) { try Timeline(path: path, role: .edge) }
    #expect(error == .cannotWrite(path: path, operation: "open", errorNumber: ENOENT))
    #expect(error?.exit == .cannotWriteRun)
    // As on every full disk, /dev/full included.
    #expect(throws: FileError(path: "/dev/full", operation: "write", errorNumber: ENOSPC))
    {
      try Timeline(path: "/dev/full", role: .edge)
    }
  }

  @Test func offsetOfClocks() {
    // The cloud's clock is 100 s ahead; the hello takes 0.5 s, the answer 1.5 s, the cloud 3 s in between.
    let offset = Timeline.ClockOffset(
      helloSent: 10, helloReceived: 110.5, welcomeSent: 113.5, welcomeReceived: 15)
    #expect(offset.seconds == 99.5)
    #expect(offset.uncertaintySeconds == 1)
    #expect(abs(offset.seconds - 100) <= offset.uncertaintySeconds)
  }
}

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
    let edge = SessionThread {
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
    let error = #expect(throws: RunDirectoryError.self) {
      try runEdge(oneStepConfiguration(), cloud.endpoint, folder, timeline: timeline)
    }
    #expect(error == .cannotWrite(path: path, operation: "write", errorNumber: ENOSPC))
    #expect(error?.exit == .cannotWriteRun)
    #expect(cloud.end().error == nil)
    #expect(try folder.summary("edge").outcome == .completed)
  }
}
