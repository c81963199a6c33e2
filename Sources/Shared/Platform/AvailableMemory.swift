/// How much memory this process may have.
package enum AvailableMemory {
  /// In bytes: all that the machine has, what its control groups allow, and what its limits of address space and data
  /// leave it now, whichever is least.
  package static func bytes() -> Int {
    bytes(
      physical: Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))),
      groups: ControlGroups.live.memoryLimit, limits: text("/proc/self/limits"), status: text("/proc/self/status"))
  }

  /// - Parameters:
  ///   - groups: the limit of the control groups; nil for none.
  ///   - limits: as `/proc/self/limits` shows them.
  ///   - status: as `/proc/self/status` shows it.
  static func bytes(physical: Int, groups: Int?, limits: String, status: String) -> Int {
    func number(after name: String, in text: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
      return line.flatMap { $0.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first }.flatMap { Int($0) }
    }
    func left(of limit: String, used: String) -> Int {
      // "unlimited" is no number.
      number(after: limit, in: limits).map { max(0, $0 - (number(after: used, in: status) ?? 0) * 1024) } ?? .max
    }
    return min(
      physical, groups ?? .max, left(of: "Max address space", used: "VmSize:"),
      left(of: "Max data size", used: "VmData:"))
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? FileOperations.live.contents(of: path)) ?? [], as: UTF8.self)
  }
}
