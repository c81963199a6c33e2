import Platform

/// What the operating system says about the processors.
package enum Processors {
  /// How many threads of this process can compute at a time, at least 1: on as many processors as it may use, and for
  /// as long as its quota lets it.
  package static var availableCount: Int {
    let allowed = available.count
    return count(
      allowed: allowed > 0 ? allowed : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      quota: ControlGroups.live.processorQuota)
  }

  /// The quota, in processors, if it lets fewer threads compute at a time than there are processors.
  package static var limitingQuota: Double? {
    guard let quota = ControlGroups.live.processorQuota else { return nil }
    return count(allowed: .max, quota: quota) < available.count ? quota : nil
  }

  /// A part of a processor counts as one: a thread that has to wait at the end of each period is faster than none.
  static func count(allowed: Int, quota: Double?) -> Int {
    // Beyond a million the quota limits nothing, and might not fit.
    max(1, min(allowed, quota.map { Int(min($0, 1e6).rounded(.up)) } ?? allowed))
  }

  /// Those that this process may run on, in ascending order; empty where the system does not tell.
  static var available: [Int] { numbers(in: field("Cpus_allowed_list:", of: "/proc/self/status") ?? "") }

  /// The processors in a list as Linux writes it, "0-3,8".
  static func numbers(in list: String) -> [Int] {
    list.split(separator: ",").flatMap { part in
      let ends = part.split(separator: "-").compactMap { Int($0.filter(\.isNumber)) }
      guard let first = ends.first, let last = ends.last, first <= last else { return [Int]() }
      return Array(first...last)
    }
  }

  /// The feature flags of an x86-64 CPU as Linux spells them; empty elsewhere.
  package static func flags() -> Set<String> {
    #if arch(x86_64)
      Set((field("flags", of: "/proc/cpuinfo") ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
    #else
      []
    #endif
  }

  /// What follows `name` on the first line that begins with it.
  static func field(_ name: String, of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer {
      free(line)
      fclose(file)
    }
    while getline(&line, &capacity, file) > 0 {
      guard let line else { return nil }
      let text = String(cString: line)
      if text.hasPrefix(name) { return String(text.dropFirst(name.count)) }
    }
    return nil
  }
}
