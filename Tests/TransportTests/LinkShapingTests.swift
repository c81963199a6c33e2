import Testing

@testable import Transport

/// How rates and delays are written.
@Suite struct LinkShapingTests {
  @Test(arguments: [
    ("1.1Mbit", 1.1e6), ("1kbit", 1e3), ("1000bit", 1e3), ("18.88mbit", 18.88e6), ("0.5Gbit", 0.5e9),
    ("100GBIT", 1e11), ("3.Mbit", 3e6), (".5Mbit", 0.5e6),
    ("cat1", 0.13e6), ("3g", 1.1e6), ("4g", 5.85e6), ("wifi", 18.88e6),
    ("3G", 1.1e6), ("WiFi", 18.88e6), ("CAT1", 0.13e6),
  ])
  func rates(text: String, rate: Double) throws {
    #expect(abs(try LinkShaping.rate(parsing: text) - rate) <= 1e-9 * rate)
  }

  @Test(arguments: [
    "", "3", "Mbit", "1.1.1Mbit", ".Mbit", "1.1 Mbit", " 1Mbit", "1Mbit ", "1Mbit/s", "1MB", "1Tbit",
    "-1Mbit",
    "+1Mbit", "1e3kbit", "nanMbit", "infbit", "0x10Mbit", "3 g", "5g", "١Mbit", "1Mb\u{0}it",
  ])
  func noRates(text: String) {
    let error = #expect(throws: LinkShapingError.self) { try LinkShaping.rate(parsing: text) }
    #expect(error?.description.contains("is not a number with bit, kbit, Mbit or Gbit") == true)
  }

  @Test(arguments: ["0bit", "0Mbit", "999bit", "0.99kbit", "100.1Gbit", "99999999999999999999999Gbit"])
  func ratesOutOfRange(text: String) {
    let error = #expect(throws: LinkShapingError.self) { try LinkShaping.rate(parsing: text) }
    #expect(error?.description == "link rate \(text) is out of range: 1kbit to 100Gbit")
  }

  @Test(arguments: [("50ms", 0.05), ("0.05s", 0.05), ("0ms", 0), ("0s", 0), ("10s", 10), ("1.5MS", 0.0015)])
  func delays(text: String, delay: Double) throws {
    #expect(abs(try LinkShaping.delay(parsing: text) - delay) <= 1e-12)
  }

  @Test(arguments: ["", "50", "ms", "50us", "-1ms", "50 ms", "1m", "nans"])
  func noDelays(text: String) {
    let error = #expect(throws: LinkShapingError.self) { try LinkShaping.delay(parsing: text) }
    #expect(error?.description == "link delay \"\(text)\" is not a number with ms or s")
  }

  @Test func delayOutOfRange() {
    #expect(throws: LinkShapingError("link delay 10.1s is out of range: 0ms to 10s")) {
      try LinkShaping.delay(parsing: "10.1s")
    }
  }

  @Test func descriptions() {
    #expect("\(LinkShaping(rate: 1.1e6, delay: 0.05))" == "1.1 Mbit/s, 50 ms of delay each way")
    #expect("\(LinkShaping(rate: 1e3))" == "1 kbit/s")
    #expect("\(LinkShaping(rate: 18.88e6))" == "18.88 Mbit/s")
    #expect("\(LinkShaping(delay: 1.5))" == "1500 ms of delay each way")
    #expect("\(LinkShaping.none)" == "as fast as it goes")
  }
}

/// The arithmetic of pacing, on moments that these tests make up.
@Suite struct LinkPacingTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func handComputed() {
    // 1 Mbit/s is 125 bytes a millisecond.
    var pacing = LinkPacing(rate: 1e6)
    #expect(pacing.pieceByteCount == 1250)
    #expect(abs(pacing.secondsPerPiece - 0.01) <= 1e-12)
    pacing.begin(at: 5_000_000)
    #expect(pacing.carry(125) == 6_000_000)
    #expect(pacing.carry(1250) == 16_000_000)
    // 20 ms after that still follow; what is 1 ns later comes to an idle link.
    pacing.begin(at: 36_000_000)
    #expect(pacing.carry(125) == 17_000_000)
    pacing.begin(at: 37_000_001)
    #expect(pacing.carry(125) == 38_000_001)
    // A link that is busy yet: the frame waits for its turn.
    pacing.begin(at: 37_500_000)
    #expect(pacing.carry(250) == 40_000_001)
    // 50 ms late: what comes 70 ms after it was through still follows it; 1 ns later it does not.
    pacing.woke(at: 90_000_001)
    pacing.begin(at: 110_000_001)
    #expect(pacing.carry(125) == 41_000_001)
    pacing.begin(at: 111_000_002)
    #expect(pacing.carry(125) == 112_000_002)
    // And that lateness is forgotten.
    pacing.begin(at: 133_000_000)
    #expect(pacing.carry(125) == 134_000_000)
  }

  @Test func sizesOfPieces() {
    #expect(LinkPacing(rate: 1e3).pieceByteCount == 256)
    #expect(abs(LinkPacing(rate: 1e3).secondsPerPiece - 2.048) <= 1e-9)
    #expect(LinkPacing(rate: 1.1e6).pieceByteCount == 1375)
    #expect(LinkPacing(rate: 1e11).pieceByteCount == 1 << 18)
  }

  /// Twenty seconds of frames back to back, sent by a thread that always wakes late: the rate is kept within 3 %, and
  /// at no moment has more been sent than the rate allows.
  @Test(arguments: [0.13e6, 1.1e6, 18.88e6, 1e9])
  func rateIsAchievedInSpiteOfLateness(rate: Double) {
    var generator = TestGenerator(state: UInt64(rate))
    var pacing = LinkPacing(rate: rate)
    let start: UInt64 = 123_456_789_012_345
    var now = start
    var sent = 0
    let frame = Int(0.3 * rate / 8)
    while now < start + 20 * Self.second {
      pacing.begin(at: now)
      var left = frame
      while left > 0 {
        let piece = min(left, pacing.pieceByteCount)
        let due = pacing.carry(piece)
        if due > now {
          // Up to 3 ms late, and now and then up to 150 ms.
          now = due + generator.next() % (generator.next() % 100 == 0 ? 150_000_000 : 3_000_000)
          pacing.woke(at: now)
        }
        sent += piece
        left -= piece
        #expect(Double(sent) * 8 <= rate * Double(now - start) * 1e-9 * (1 + 1e-9))
      }
      // Until the next frame.
      now += generator.next() % 2_000_000
    }
    let achieved = Double(sent) * 8 / (Double(now - start) * 1e-9)
    #expect(achieved >= 0.97 * rate && achieved <= rate * (1 + 1e-9), "\(achieved) of \(rate)")
  }

  /// Frames with rests between them: never more than the rate and one burst, over any time that begins idle.
  @Test func restsEarnNoMoreThanABurst() {
    let rate = 8e6
    var generator = TestGenerator(state: 3)
    var pacing = LinkPacing(rate: rate)
    var now: UInt64 = 1
    var finished: [(begin: UInt64, end: UInt64, bytes: Int)] = []
    for _ in 0..<300 {
      now += generator.next() % 60_000_000
      let begin = now
      let bytes = 1 + Int(generator.next() % 40_000)
      pacing.begin(at: now)
      now = max(now, pacing.carry(bytes))
      finished.append((begin, now, bytes))
    }
    for first in finished.indices {
      var bytes = 0
      for frame in finished[first...] {
        bytes += frame.bytes
        let seconds = Double(frame.end - finished[first].begin) * 1e-9
        #expect(Double(bytes) * 8 <= rate * (seconds + LinkPacing.burst) * (1 + 1e-9))
      }
    }
  }
}
