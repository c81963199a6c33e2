import Testing

@testable import CloudSide

/// How many may come, and how often.
@Suite struct DoorLimitsTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func oneAddressDoesNotTakeAllPlaces() {
    var limits = DoorLimits(at: 0)
    for _ in 0..<DoorLimits.mostAtOnceOfAnAddress { #expect(limits.enter("a", at: 0) == .welcome) }
    #expect(limits.enter("a", at: 0) == .crowded)
    for _ in DoorLimits.mostAtOnceOfAnAddress..<DoorLimits.mostAtOnce { #expect(limits.enter("b", at: 0) == .welcome) }
    #expect(limits.enter("c", at: 0) == .crowded)
    limits.leave("a")
    #expect(limits.enter("c", at: 0) == .welcome)
    #expect(limits.enter("a", at: 0) == .crowded)
  }

  @Test func oneAddressDoesNotTakeAllMinutes() {
    var limits = DoorLimits(at: 0)
    func come(_ host: String, at now: UInt64) -> DoorLimits.Verdict {
      let verdict = limits.enter(host, at: now)
      if verdict == .welcome { limits.leave(host) }
      return verdict
    }
    for _ in 0..<120 { #expect(come("a", at: 0) == .welcome) }
    for _ in 0..<1000 { #expect(come("a", at: 0) == .tooOften) }
    // Two in a second.
    #expect(come("a", at: Self.second) == .welcome)
    #expect(come("a", at: Self.second) == .welcome)
    #expect(come("a", at: Self.second) == .tooOften)
    for host in ["b", "c", "d", "e"] { for _ in 0..<120 { #expect(come(host, at: Self.second) == .welcome) } }
    // A minute later all are as new.
    for _ in 0..<120 { #expect(come("a", at: 61 * Self.second) == .welcome) }
  }

  @Test func totalOfAMinute() {
    var limits = DoorLimits(at: 0)
    var welcome = 0
    for index in 0..<1000 {
      let host = "host \(index)"
      if limits.enter(host, at: 0) == .welcome {
        welcome += 1
        limits.leave(host)
      }
    }
    #expect(welcome == 600)
  }

  /// Whoever has the network has all its addresses.
  @Test func networksOfIPv6() {
    #expect(DoorLimits.network(of: "2001:db8::1") == DoorLimits.network(of: "2001:db8::ffff:1:2:3"))
    #expect(DoorLimits.network(of: "2001:db8::1") != DoorLimits.network(of: "2001:db8:0:1::1"))
    #expect(DoorLimits.network(of: "192.0.2.7") == "192.0.2.7")
    #expect(DoorLimits.network(of: "::ffff:192.0.2.7") != DoorLimits.network(of: "::ffff:192.0.2.8"))
    #expect(DoorLimits.network(of: "?") == "?")
  }

  /// Many addresses do not fill the memory.
  @Test func manyAddresses() {
    var limits = DoorLimits(at: 0)
    for index in 0..<20_000 {
      let host = "host \(index)"
      if limits.enter(host, at: UInt64(index) * Self.second / 10) == .welcome { limits.leave(host) }
      #expect(limits.addresses.count <= 1100)
    }
  }
}
