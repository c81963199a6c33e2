import Testing

@testable import Platform

/// The quotas of containers, by the files that a kernel shows.
@Suite struct ControlGroupsTests {
  private func quota(_ files: [String: String]) -> Double? { ControlGroups { files[$0] }.processorQuota }

  @Test func version2() {
    var files = ["/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"]
    #expect(quota(files) == 1.5)
    files["/sys/fs/cgroup/a/cpu.max"] = "50000 100000\n"
    #expect(quota(files) == 0.5)
    files["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000\n"
    #expect(quota(files) == 0.5)
    files["/sys/fs/cgroup/a/cpu.max"] = "max 100000\n"
    #expect(quota(files) == nil)
  }

  @Test func version1() {
    var files = [
      "/proc/self/cgroup": "5:cpuset:/x\n4:cpu,cpuacct:/a\n3:memory:/y\n0::/z\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
    ]
    #expect(quota(files) == 2)
    files["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us"] = "-1\n"
    #expect(quota(files) == nil)
    files["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "25000"
    files["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "100000"
    #expect(quota(files) == 0.25)
  }

  /// As in a container whose groups have other names outside it.
  @Test func groupsThatAreNotThereArePassedOver() {
    #expect(
      quota(["/proc/self/cgroup": "0::/docker/4f\n", "/sys/fs/cgroup/cpu.max": "300000 100000\n"]) == 3)
  }

  @Test(arguments: ["", "x", "max", "1", "0 100000", "100000 0", "nan 1", "-5 100000"])
  func whatIsNoQuotaIsNone(text: String) {
    #expect(quota(["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": text]) == nil)
    #expect(quota(["/proc/self/cgroup": text]) == nil)
    #expect(quota([:]) == nil)
  }
}
