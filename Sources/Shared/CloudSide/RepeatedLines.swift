import Platform

/// Log lines of which many may come that say the same: the first of a kind is for the log at once; those that follow
/// are counted, and told of together, once a minute at most.
struct RepeatedLines {
  private struct Kind {
    /// When those that are counted are told of, in nanoseconds of the monotonic clock.
    var due: UInt64
    var count = 0
    var last = ""
  }

  private static let interval = MonotonicClock.nanoseconds(60)
  /// Whoever has many addresses does not fill the memory.
  private let mostKinds: Int

  private var kinds: [String: Kind] = [:]

  /// - Parameter mostKinds: what there are more of counts as one.
  init(mostKinds: Int = 256) { self.mostKinds = mostKinds }

  /// - Returns: the line if it is for the log now; nil if it is counted.
  mutating func add(_ line: String, of kind: String, at now: UInt64 = MonotonicClock.nanoseconds()) -> String? {
    let kind = kinds[kind] == nil && kinds.count >= mostKinds ? "" : kind
    guard kinds[kind] != nil else {
      kinds[kind] = Kind(due: now + Self.interval)
      return line
    }
    kinds[kind]?.count += 1
    kinds[kind]?.last = line
    return nil
  }

  /// What is to be said of the lines that were counted.
  ///
  /// - Parameter isEnd: whether it is said before its time.
  mutating func takeDue(at now: UInt64 = MonotonicClock.nanoseconds(), isEnd: Bool = false) -> [String] {
    var lines: [String] = []
    for (name, kind) in kinds where isEnd || now >= kind.due {
      if kind.count == 0 {
        kinds[name] = nil
      } else {
        lines.append("\(kind.count) more like it in the last minute, the last of them: \(kind.last)")
        kinds[name] = Kind(due: now + Self.interval)
      }
    }
    return lines.sorted()
  }
}
