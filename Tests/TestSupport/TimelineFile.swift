import Foundation
import Testing

/// A timeline file, read back.
package struct TimelineFile {
  package struct Event: Decodable, Equatable {
    package var name: String
    package var ph: String
    package var pid: Int
    package var tid: Int
    package var ts: Double?
    package var dur: Double?
    package var args: [String: String]?
  }

  package struct OtherData: Decodable, Equatable {
    package var role: String
    package var runId: String?
    package var cloudClockOffsetSeconds: Double?
    package var cloudClockUncertaintySeconds: Double?

    package init(
      role: String, runId: String? = nil, cloudClockOffsetSeconds: Double? = nil,
      cloudClockUncertaintySeconds: Double? = nil
    ) {
      self.role = role
      self.runId = runId
      self.cloudClockOffsetSeconds = cloudClockOffsetSeconds
      self.cloudClockUncertaintySeconds = cloudClockUncertaintySeconds
    }
  }

  private struct Content: Decodable {
    var traceEvents: [Event]
    var otherData: OtherData
  }

  package let events: [Event]
  package let data: OtherData

  package init(_ path: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let content = try decoder.decode(Content.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    events = content.traceEvents
    data = content.otherData
  }

  package var spans: [Event] { events.filter { $0.ph == "X" } }
  package var phases: Set<String> { Set(spans.map(\.name)) }

  /// Spans of one thread do not overlap.
  package func expectNoOverlap(sourceLocation: SourceLocation = #_sourceLocation) {
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
