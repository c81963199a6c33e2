import Testing

@testable import Platform

@Suite struct TimestampTests {
  @Test func timestamps() {
    let time = Timestamp(secondsSince1970: 1_795_421_702.9)
    #expect(time.iso8601 == "2026-11-23T08:15:02Z")
    #expect(Timestamp(secondsSince1970: 0).compact == "19700101-000000")
    #expect(Timestamp(secondsSince1970: -0.5).iso8601 == "1969-12-31T23:59:59Z")
    #expect(Timestamp.now().secondsSince1970 > 1_700_000_000)
  }
}
