import Platform

extension Processors {
  /// One processor of each physical core that this process may use, in ascending order: the hardware threads of one
  /// core hold each other up. Empty where the system does not tell.
  package static func oneOfEachCore() -> [Int] {
    var siblings: Set<String> = []
    return available.filter { processor in
      let list = field("", of: "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
      return siblings.insert(list ?? "\(processor)\n").inserted
    }
  }

  /// Lets the calling thread, and the threads and processes that it starts from now on, run on one processor only.
  ///
  /// - Returns: whether the system allows it.
  package static func pin(to processor: Int) -> Bool {
    // Swift's module of the C library leaves it out.
    typealias SetAffinity = @convention(c) (pid_t, Int, UnsafePointer<UInt8>) -> Int32
    guard let symbol = dlsym(nil, "sched_setaffinity") else { return false }
    // 64 bits and more, as the system's words are.
    var mask = [UInt8](repeating: 0, count: (processor / 64 + 1) * 8)
    mask[processor / 8] = 1 << (processor % 8)
    return unsafeBitCast(symbol, to: SetAffinity.self)(0, mask.count, mask) == 0
  }
}
