import TestSupport
import Testing

/// The comparisons of the other tests can fail.
@Suite struct ComparisonTests {
  @Test func acceptsWhatIsWithinTolerance() {
    #expect(mismatch([1, 100.05, 1e-4], [1, 100, 0], tolerance: 1e-3, floor: 1) == nil)
  }

  @Test func namesTheWorstValue() throws {
    let found = try #require(mismatch([1, 2.5, 3.5], [1, 2, 3], tolerance: 1e-3, floor: 1))
    #expect(found.hasPrefix("2 of 3 differ, worst [1]: 2.5 instead of 2.0"))
  }

  @Test(
    arguments: [([.nan], [0]), ([0], [.nan]), ([.nan], [.nan]), ([.infinity], [.infinity])]
      as [([Double], [Double])])
  func rejectsWhatIsNotANumber(actual: [Double], expected: [Double]) {
    #expect(mismatch(actual, expected, tolerance: 1e-3, floor: 1) != nil)
    #expect(mismatch(actual, expected, tolerance: 0, floor: 1) != nil)
  }

  @Test func rejectsAnotherLength() {
    #expect(mismatch([1], [1, 2], tolerance: 1, floor: 1) == "1 values instead of 2")
  }
}
