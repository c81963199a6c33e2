import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

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
    let error = #expect(throws: FileError.self) { try Timeline(path: path, role: .edge) }
    #expect(error == FileError(path: path, operation: "open", errorNumber: ENOENT))
    // As on every full disk, /dev/full included.
    #expect(throws: FileError(path: "/dev/full", operation: "write", errorNumber: ENOSPC)) {
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

  /// The edge's clock goes an hour forward, or back, while its hello is on its way.
  @Test(arguments: [(3600.0, true), (-3600, false)])
  func clockThatJumps(seconds: Double, isTold: Bool) throws {
    let offset = Timeline.ClockOffset(
      helloSent: 10, helloReceived: 110, welcomeSent: 110, welcomeReceived: 11 + seconds)
    let document = TimelineDocument(
      role: .edge, run: nil, clockOffset: offset, clockStart: .init(wall: 0, monotonic: 0))
    #expect(document.head.contains("cloud_clock_offset_seconds") == isTold)
    // What is told is no nonsense: it says by how much it may be wrong.
    if isTold { #expect(abs(offset.seconds - 100) <= offset.uncertaintySeconds) }
  }
}
