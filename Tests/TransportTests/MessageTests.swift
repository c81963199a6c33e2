import Testing

@testable import Transport

/// Payloads that are not what their frame's type says, and random bytes.
@Suite struct MessageTests {
  private func decode(_ type: FrameType, _ json: String) throws -> Message {
    try Message.decode(frame: rawFrame(type: type.rawValue, payload: Array(json.utf8))).message
  }

  /// Every payload that is JSON is one object, also that of a message that says nothing.
  @Test(arguments: FrameType.allCases.filter { !$0.isBatch }, ["", "{", "[]", "null", "7", "{}\u{0}x"])
  func payloadsThatAreNoObject(type: FrameType, json: String) {
    let error = #expect(throws: WireError.self) { try decode(type, json) }
    guard case .payload(type, _, _, _) = error else {
      Issue.record("expected an error in the payload of \(type), got \(String(describing: error))")
      return
    }
  }

  @Test func errorsNameTheField() {
    #expect(
      throws: WireError.payload(type: .hello, field: "window", expected: "a value", actual: "nothing")
    ) {
      try decode(
        .hello,
        #"{"configuration":{},"exchange":"activations","protocol_version":7,"run_id":"r1","timeout_seconds":60}"#)
    }
    #expect(
      throws: WireError.payload(
        type: .acknowledgement, field: "correct", expected: "a number from 0 to \(1 << 53)", actual: "-1")
    ) { try decode(.acknowledgement, #"{"correct":-1,"loss":0.5,"sequence":7}"#) }
    #expect(
      throws: WireError.payload(
        type: .durable, field: "sequence", expected: "a value", actual: "nothing")
    ) { try decode(.durable, "{}") }
    #expect(throws: WireError.payload(type: .trainStep, field: "", expected: "nothing", actual: "2 bytes")) {
      try Message.decode(frame: rawFrame(type: 21, sequence: 3, payload: [0, 0]))
    }
    #expect(
      WireError.payload(type: .evaluationStep, field: "", expected: "nothing", actual: "2 bytes").description
        == "bad payload of evaluation-step: expected nothing, got 2 bytes")
  }

  @Test func deepNestingIsAnError() {
    let json = String(repeating: "[", count: 200_000)
    #expect(throws: WireError.self) { try decode(.goodbye, json) }
    let inside = #"{"reason":"completed","x":"# + String(repeating: "[", count: 200_000) + "}"
    #expect(throws: WireError.self) { try decode(.goodbye, inside) }
  }

  @Test func unknownKeysAreIgnored() throws {
    #expect(
      try decode(.goodbye, #"{"later":[1,{}],"reason":"completed"}"#) == .goodbye(Goodbye(reason: .completed))
    )
  }

  @Test func textsFromOutsideAreSafeToPrint() throws {
    let message = try decode(
      .refusal, #"{"code":"busy","reason":"a\u001b[31mb\nc\#(String(repeating: "x", count: 5000))"}"#)
    guard case .refusal(let refusal) = message else {
      Issue.record("not a refusal")
      return
    }
    #expect(refusal.reason.hasPrefix("a [31mb cx"))
    #expect(refusal.reason.count == 1000)
  }

  @Test func configurationPassesThrough() throws {
    let sent = try hello(resume: ResumeOffer(first: 2, answered: 5))
    guard case .hello(let received) = try Message.decode(frame: Message.hello(sent).encodedFrame()).message
    else {
      Issue.record("not a hello")
      return
    }
    #expect(received == sent)
    #expect(received.resume == ResumeOffer(first: 2, answered: 5))
    #expect(try received.configuration(as: TestConfiguration.self) == TestConfiguration(cut: 2))
    struct Other: Codable { let bits: Int }
    #expect(
      throws: WireError.payload(
        type: .hello, field: "configuration.bits", expected: "a value", actual: "nothing")
    ) { try received.configuration(as: Other.self) }
  }

  @Test func badHelloIsRefusedBeforeItIsSent() {
    #expect(throws: WireError.self) { try Hello(runID: "a b", configuration: TestConfiguration(cut: 1)) }
    #expect(throws: WireError.self) {
      try Hello(runID: "a", window: 0, configuration: TestConfiguration(cut: 1))
    }
    #expect(throws: WireError.self) { try Hello(runID: "a", configuration: ["x": Double.nan]) }
    for seconds in [0, -1, 1.1e9, .infinity, .nan] {
      #expect(throws: WireError.self) {
        try Hello(runID: "a", timeoutSeconds: seconds, configuration: TestConfiguration(cut: 1))
      }
    }
    for offer in [ResumeOffer(first: 0, answered: 0), ResumeOffer(first: 1, answered: .max)] {
      #expect(throws: WireError.self) { try hello(resume: offer) }
    }
    #expect(throws: WireError.self) { try hello(exchange: .measurements, resume: ResumeOffer(first: 1, answered: 0)) }
  }

  @Test func nonFiniteLossIsNotSent() {
    for loss in [Float.nan, .infinity] {
      let message = Message.acknowledgement(Acknowledgement(sequence: 1, loss: loss, correct: 0))
      #expect(
        throws: WireError.payload(
          type: .acknowledgement, field: "loss", expected: "a finite number", actual: "\(Double(loss))")
      ) { try message.encodedFrame() }
      let replay = Message.replay(Replay(first: 1, losses: [0.5, loss], correct: [0, 0]))
      #expect(
        throws: WireError.payload(
          type: .replay, field: "losses", expected: "a finite number", actual: "\(Double(loss))")
      ) { try replay.encodedFrame() }
    }
  }

  @Test func lossesSurviveExactly() throws {
    var generator = TestGenerator(state: 3)
    for _ in 0..<500 {
      let loss = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()) & 0xbfff_ffff)
      guard loss.isFinite else { continue }
      let message = Message.acknowledgement(Acknowledgement(sequence: 1, loss: loss, correct: 0))
      guard
        case .acknowledgement(let received) = try Message.decode(frame: message.encodedFrame()).message
      else {
        Issue.record("not an acknowledgement")
        return
      }
      #expect(received.loss.bitPattern == loss.bitPattern)
    }
  }

  @Test(arguments: [FrameType.trainStep, .evaluationStep], [1, 4, 1000])
  func stepWithAPayload(type: FrameType, byteCount: Int) {
    let frame = rawFrame(type: type.rawValue, sequence: 1, payload: [UInt8](repeating: 0, count: byteCount))
    #expect(throws: WireError.payload(type: type, field: "", expected: "nothing", actual: "\(byteCount) bytes")) {
      try Message.decode(frame: frame)
    }
  }

  @Test(arguments: [0, 1, 2, 3]) func batchShorterThanItsCount(byteCount: Int) {
    let frame = rawFrame(type: 4, sequence: 1, payload: [UInt8](repeating: 0, count: byteCount))
    #expect(
      throws: WireError.payload(
        type: .trainBatch, field: "count", expected: "4 bytes", actual: "\(byteCount)")
    ) { try Message.decode(frame: frame) }
  }

  @Test(arguments: [0, 1, 2, 3]) func fillerShorterThanItsHead(byteCount: Int) {
    let frame = rawFrame(type: 17, sequence: 1, payload: [UInt8](repeating: 0, count: byteCount))
    #expect(
      throws: WireError.payload(
        type: .filler, field: "answer bytes", expected: "4 bytes", actual: "\(byteCount)")
    ) { try Message.decode(frame: frame) }
  }

  @Test func configurationOfAProbePassesThrough() throws {
    let sent = try Probe(steps: 16, configuration: TestConfiguration(cut: 2))
    guard case .probe(let received) = try Message.decode(frame: Message.probe(sent).encodedFrame()).message
    else {
      Issue.record("not a probe")
      return
    }
    #expect(received == sent)
    #expect(try received.configuration(as: TestConfiguration.self) == TestConfiguration(cut: 2))
    #expect(throws: WireError.self) { try Probe(steps: 17, configuration: TestConfiguration(cut: 2)) }
  }

  @Test(arguments: [0, 3, 4, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] as [UInt32])
  func labelCountBeyondThePayload(count: UInt32) {
    var payload: [UInt8] = []
    payload.appendLittleEndian(count)
    payload += [1, 2, 3, 4, 5]
    #expect(
      throws: WireError.payload(
        type: .evaluationBatch, field: "count", expected: "1 to 2, for whose labels 5 bytes follow",
        actual: "\(count)")
    ) { try Message.decode(frame: rawFrame(type: 5, sequence: 1, payload: payload)) }
  }

  @Test func randomBytesNeverCrash() {
    var generator = TestGenerator(state: 4)
    for _ in 0..<5000 {
      let count = Int.random(in: 0..<200, using: &generator)
      #expect(throws: WireError.self) { try Message.decode(frame: generator.bytes(count)) }
    }
  }

  /// Payloads of random bytes behind right headers and checksums.
  @Test func randomPayloadsNeverCrash() {
    var generator = TestGenerator(state: 5)
    var accepted = 0
    var refused = 0
    for _ in 0..<5000 {
      let type = FrameType.allCases.randomElement(using: &generator) ?? .hello
      let payload = generator.bytes(Int.random(in: 0..<100, using: &generator))
      let frame = rawFrame(type: type.rawValue, sequence: type.isBatch ? 1 : 0, payload: payload)
      do {
        _ = try Message.decode(frame: frame)
        #expect(type.isBatch)
        // What a gradient holds is the codec's to check, and a piece of weights the reader's of the whole; filler holds
        // nothing.
        if ![.gradient, .filler, .weights].contains(type) { accepted += 1 }
      } catch {
        refused += 1
      }
    }
    #expect(accepted < 100)
    #expect(refused > 4000)
  }

  /// Valid frames with bytes changed, taken out and put in, half of them with the checksum set right again, so that the
  /// payload's own reader is what is tested.
  @Test func mutatedFramesNeverCrash() throws {
    var generator = TestGenerator(state: 6)
    let messages = try allMessages()
    var refused = 0
    for round in 0..<12_000 {
      let message = messages[round % messages.count]
      let original = try message.encodedFrame()
      var payload = Array(original[FrameHeader.byteCount...])
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0...payload.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0 where place < payload.count: payload[place] = UInt8.random(in: 0...255, using: &generator)
        case 1 where place < payload.count: payload.remove(at: place)
        default: payload.insert(UInt8.random(in: 0x20..<0x7f, using: &generator), at: place)
        }
      }
      var frame = rawFrame(
        type: message.type.rawValue, sequence: message.type.isBatch ? 1 : 0, payload: payload)
      if round % 2 == 1 {
        frame[Int.random(in: 0..<frame.count, using: &generator)] ^=
          1 << UInt8.random(in: 0..<8, using: &generator)
      }
      do {
        let decoded = try Message.decode(frame: frame)
        #expect(round % 2 == 0, "a flipped bit was not noticed")
        // What was accepted can be written again.
        _ = try decoded.message.encodedFrame()
      } catch {
        refused += 1
      }
    }
    #expect(refused > 6000)
  }
}
