import Platform

/// What the operating system says about the processors.
package enum Processors {
  /// How many this process may run on, at least 1.
  package static var availableCount: Int {
    let allowed = available.count
    return allowed > 0 ? allowed : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
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
