import Testing

@testable import Transport

/// The records after which the edge can go on, where gradients are exchanged.
@Suite struct ResumeOfferTests {
  private func decode(_ exchange: Exchange, _ resume: String) throws -> ResumeOffer? {
    let json =
      #"{"configuration":{},"exchange":"\#(exchange.rawValue)","protocol_version":7,"resume":\#(resume),"#
      + #""run_id":"r1","timeout_seconds":60,"window":1}"#
    let frame = rawFrame(type: FrameType.hello.rawValue, payload: Array(json.utf8))
    guard case .hello(let hello) = try Message.decode(frame: frame).message else { return nil }
    return hello.resume
  }

  private static func wrong(_ field: String, _ expected: String, _ actual: String) -> WireError {
    .payload(type: .hello, field: field, expected: expected, actual: actual)
  }

  @Test(arguments: [[0], [5], [4, 7], [7, 4], [9, 9, 3, 9], Array(100..<116)] as [[UInt64]])
  func inAnyOrder(positions: [UInt64]) throws {
    let offer = ResumeOffer(positions: positions)
    #expect(offer.positions == Set(positions).sorted())
    #expect((offer.first, offer.answered) == ((positions.min() ?? 0) + 1, positions.max() ?? 0))
    let sent = try hello(window: 1, exchange: .gradients, resume: offer)
    #expect(try Message.decode(frame: Message.hello(sent).encodedFrame()).message == .hello(sent))
    #expect(ResumeOffer(first: 5, answered: 7).positions == nil)
  }

  @Test func readFromJSON() throws {
    #expect(
      try decode(.gradients, #"{"answered":7,"first":5,"positions":[4,6,7]}"#) == ResumeOffer(positions: [4, 6, 7]))
    #expect(try decode(.gradients, #"{"answered":0,"first":1,"positions":[0]}"#) == ResumeOffer(positions: [0]))
    let last = UInt64(PayloadCheck.maximumCount)
    #expect(
      try decode(.gradients, #"{"answered":\#(last),"first":\#(last),"positions":[\#(last - 1),\#(last)]}"#)
        == ResumeOffer(positions: [last - 1, last]))
    #expect(
      try decode(.activations, #"{"answered":7,"first":5,"positions":null}"#) == ResumeOffer(first: 5, answered: 7))
  }

  @Test func initialWeights() throws {
    let offer = try decode(.activations, #"{"answered":7,"first":5,"initial_weights":"none"}"#)
    #expect(offer == ResumeOffer(first: 5, answered: 7, initialWeights: ResumeOffer.seededWeights))
    for words in ["", "../x", "AB", String(repeating: "a", count: 4097)] {
      let actual = String(words.prefix(80))
      #expect(throws: Self.wrong("resume.initial_weights", "1 to 4096 of 0-9 a-z and commas", actual)) {
        try decode(.activations, #"{"answered":7,"first":5,"initial_weights":"\#(words)"}"#)
      }
    }
  }

  @Test func howMany() throws {
    let most = ResumeOffer.maximumPositions
    #expect(most == 16)
    for count in [0, most, most + 1] {
      let positions = (0..<max(count, 1)).map { 2 * $0 }
      let list = count == 0 ? "[]" : "\(positions)"
      let json = #"{"answered":\#(positions.last ?? 0),"first":1,"positions":\#(list)}"#
      if count == most {
        #expect(try decode(.gradients, json)?.positions?.count == most)
      } else {
        #expect(throws: Self.wrong("resume.positions.count", "a number from 1 to 16", "\(count)")) {
          try decode(.gradients, json)
        }
      }
    }
    let tooMany = ResumeOffer(positions: 0...UInt64(most))
    #expect(throws: Self.wrong("resume.positions.count", "a number from 1 to 16", "17")) {
      try hello(window: 1, exchange: .gradients, resume: tooMany)
    }
  }

  @Test(arguments: [
    [7, 6, 4], [4, 7, 6], [4, 6, 6, 7], [4, 4, 7], [4, 7, 7], [5, 7], [3, 7], [0, 4, 7], [4], [7], [4, 6], [4, 8],
    [4, 7, 8],
  ])
  func notFromTheFirstToTheLast(positions: [UInt64]) {
    #expect(throws: Self.wrong("resume.positions", "ascending numbers from 4 to 7", "\(positions)")) {
      try decode(.gradients, #"{"answered":7,"first":5,"positions":\#(positions)}"#)
    }
  }

  @Test func onlyWhereGradientsAreExchanged() {
    for exchange in [Exchange.activations, .images, .upload] {
      let error = Self.wrong("resume.positions", "nothing, but for gradients", "an array")
      #expect(throws: error) { try decode(exchange, #"{"answered":7,"first":5,"positions":[4,6,7]}"#) }
      #expect(throws: error) { try hello(window: 1, exchange: exchange, resume: ResumeOffer(positions: [4, 7])) }
    }
    let error = Self.wrong("resume.positions", "numbers, since gradients are exchanged", "nothing")
    #expect(throws: error) { try decode(.gradients, #"{"answered":7,"first":5}"#) }
    #expect(throws: error) {
      try hello(window: 1, exchange: .gradients, resume: ResumeOffer(first: 1, answered: 0))
    }
    #expect(throws: Self.wrong("resume", "nothing, since there is no run", "an object")) {
      try hello(exchange: .measurements, resume: ResumeOffer(positions: [0]))
    }
    #expect(throws: Never.self) { try hello(window: 1, exchange: .gradients) }
  }
}
