/// The most memory that this process has had resident since its start, or since the last ``reset()``.
package enum PeakMemory {
  /// In bytes; `nil` only if the system does not tell.
  ///
  /// On Linux this is `VmHWM` of `/proc/self/status`, because the maximum that `getrusage` reports outlives `execve`: a
  /// program that restarts itself would inherit its former image's.
  package static func bytes() -> Int? {
    if let status = readStatus(), let bytes = bytes(inStatus: status) { return bytes }
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
    return Int(usage.ru_maxrss) * 1024
  }

  /// Begins anew with what is resident now, for a process that does one run after the other. Only on Linux, and only
  /// where its kernel allows it.
  package static func reset() {
    let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // See proc_pid_clear_refs(5): 5 resets the peak resident set size.
    _ = write(descriptor, "5", 1)
  }

  /// Gives memory that is free, but still the process's, back to the system, so that what is resident is what is used.
  package static func trim() {
    // glibc's own, declared in a header that Swift's module does not have; elsewhere there is none.
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
  }

  /// The value of the line "VmHWM:     1234 kB" in bytes.
  static func bytes(inStatus status: String) -> Int? {
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count == 3, words[2] == "kB", let kibibytes = Int(words[1]), kibibytes >= 0 else { return nil }
      let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
      return overflow ? nil : bytes
    }
    return nil
  }

  private static func readStatus() -> String? {
    let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 8192)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
