/// What the control groups (cgroups) of Linux let this process have, where a container sets limits, for example.
///
/// A limit holds for a group and all below it, so that the least one on the way from the process's own group to the
/// root counts. A container may see its groups by the names that they have outside it: what is not there is passed
/// over, and its own group is then the root that it sees.
package struct ControlGroups {
  /// The text of a file; nil if it cannot be read.
  private let text: (String) -> String?

  package init(text: @escaping (String) -> String?) { self.text = text }

  /// Those of this process.
  package static var live: ControlGroups {
    ControlGroups { path in (try? FileOperations.live.contents(of: path)).map { String(decoding: $0, as: UTF8.self) } }
  }

  /// How much processor time a second it may take, in seconds: 1.5 is one processor and a half; nil for no limit.
  package var processorQuota: Double? {
    least(controller: "cpu") { folder, version in
      let words =
        version == 2
        ? words(folder + "/cpu.max") : words(folder + "/cpu.cfs_quota_us") + words(folder + "/cpu.cfs_period_us")
      // "max", or -1 in version 1, where there is none.
      guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0, period > 0
      else { return nil }
      return quota / period
    }
  }

  /// The most memory that it may have, in bytes; nil for no limit.
  package var memoryLimit: Int? {
    least(controller: "memory") { folder, version in
      // "max" is no number; version 1 has one beyond all memory where there is no limit.
      words(folder + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes")).first.flatMap { Double($0) }
    }.flatMap { $0 < 1e18 ? Int(exactly: $0.rounded()) : nil }
  }

  private func words(_ path: String) -> [Substring] { text(path)?.split(whereSeparator: \.isWhitespace) ?? [] }

  /// The least limit of all groups.
  ///
  /// - Parameter limit: that of a group, given its folder and the version of its files.
  private func least(controller: String, _ limit: (_ folder: String, _ version: Int) -> Double?) -> Double? {
    var limits: [Double] = []
    for line in (text("/proc/self/cgroup") ?? "").split(separator: "\n") {
      // "4:cpu,cpuacct:/a/b", and "0::/a/b" in version 2.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains(Substring(controller)) else { continue }
      let roots =
        isUnified ? ["/sys/fs/cgroup"] : Set(["/sys/fs/cgroup/\(fields[1])", "/sys/fs/cgroup/\(controller)"]).sorted()
      var names = fields[2].split(separator: "/")
      while true {
        let group = names.map { "/" + $0 }.joined()
        limits += roots.compactMap { limit($0 + group, isUnified ? 2 : 1) }
        if names.popLast() == nil { break }
      }
    }
    return limits.min()
  }
}
