import Testing

@testable import Compute

@Suite struct ProcessorsTests {
  @Test(
    arguments: [
      (8, nil, 8), (8, 2, 2), (8, 1.5, 2), (8, 0.01, 1), (8, 9.5, 8), (8, 1e300, 8), (8, .infinity, 8), (0, nil, 1),
    ] as [(Int, Double?, Int)])
  func quotasLimitThreads(allowed: Int, quota: Double?, count: Int) {
    #expect(Processors.count(allowed: allowed, quota: quota) == count)
  }
}
