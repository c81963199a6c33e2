import Testing

@testable import Platform

@Suite struct AvailableMemoryTests {
  private static func limits(_ addresses: String, _ data: String) -> String {
    """
    Limit   Soft Limit  Hard Limit  Units
    Max data size       \(data)   unlimited   bytes
    Max address space   \(addresses)   unlimited   bytes

    """
  }

  @Test func theLeastOfAllCounts() {
    func bytes(groups: Int? = nil, addresses: String = "unlimited", data: String = "unlimited") -> Int {
      AvailableMemory.bytes(
        physical: 8_000_000, groups: groups, limits: Self.limits(addresses, data),
        status: "Name:\tx\nVmSize:\t  1000 kB\nVmData:\t  100 kB\n")
    }
    #expect(bytes() == 8_000_000)
    #expect(bytes(groups: 5_000_000) == 5_000_000)
    #expect(bytes(groups: 5_000_000, addresses: "3000000") == 1_976_000)
    #expect(bytes(addresses: "1000") == 0)
    #expect(bytes(addresses: "3000000", data: "1102400") == 1_000_000)
    #expect(bytes(data: "1000") == 0)
    #expect(AvailableMemory.bytes(physical: 7, groups: nil, limits: "", status: "") == 7)
  }

  @Test func thisMachineHasSome() { #expect(AvailableMemory.bytes() > 100_000_000) }

  @Test func groupsLimitIt() {
    func limit(_ files: [String: String]) -> Int? { ControlGroups { files[$0] }.memoryLimit }
    #expect(limit(["/proc/self/cgroup": "0::/a", "/sys/fs/cgroup/a/memory.max": "max\n"]) == nil)
    #expect(
      limit([
        "/proc/self/cgroup": "0::/a", "/sys/fs/cgroup/a/memory.max": "2000000\n",
        "/sys/fs/cgroup/memory.max": "1000000",
      ]) == 1_000_000)
    let first = "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"
    #expect(limit(["/proc/self/cgroup": "4:memory:/a", first: "123456\n"]) == 123456)
    // What version 1 shows for no limit.
    #expect(limit(["/proc/self/cgroup": "4:memory:/a", first: "9223372036854771712\n"]) == nil)
  }
}
