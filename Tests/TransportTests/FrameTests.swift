import Testing

@testable import Transport

/// Golden frames (written by a second implementation, in Python, and printed in docs/protocol.md), and every way in
/// which a header can be wrong.
@Suite struct FrameTests {
  static let goldenTrainBatch = hexadecimal(
    """
    48 54 52 4e
    07 00
    04
    00
    07 00 00 00 00 00 00 00
    0d 00 00 00
    2a 9b 2c b7
    02 00 00 00
    03 00 09 00
    de ad be ef 00
    """)
  static let goldenAcknowledgement =
    hexadecimal("48 54 52 4e 07 00 06 00 00 00 00 00 00 00 00 00 26 00 00 00 3b 08 4a 2d")
    + Array(#"{"correct":97,"loss":0.5,"sequence":7}"#.utf8)
  static let goldenHello =
    hexadecimal("48 54 52 4e 07 00 01 00 00 00 00 00 00 00 00 00 77 00 00 00 a6 6c 2d 89")
    + Array(
      (#"{"configuration":{"cut":2},"exchange":"activations","protocol_version":7,"run_id":"r1","#
        + #""timeout_seconds":60,"window":4}"#).utf8)
  /// Of a run that may have begun.
  static let goldenResumingHello =
    hexadecimal("48 54 52 4e 07 00 01 00 00 00 00 00 00 00 00 00 9a 00 00 00 bb 88 76 92")
    + Array(
      (#"{"configuration":{"cut":2},"exchange":"activations","protocol_version":7,"resume":{"answered":7,"#
        + #""first":5},"run_id":"r1","timeout_seconds":0.5,"window":4}"#).utf8)
  /// Of a run that may have begun and exchanges gradients.
  static let goldenSplitHello =
    hexadecimal("48 54 52 4e 07 00 01 00 00 00 00 00 00 00 00 00 ab 00 00 00 e6 fd 61 52")
    + Array(
      (#"{"configuration":{"cut":2},"exchange":"gradients","protocol_version":7,"resume":{"answered":7,"first":5,"#
        + #""positions":[4,6,7]},"run_id":"r1","timeout_seconds":60,"window":1}"#).utf8)
  /// To a run that had begun.
  static let goldenWelcome =
    hexadecimal("48 54 52 4e 07 00 02 00 00 00 00 00 00 00 00 00 8c 00 00 00 80 16 ce 18")
    + Array(
      (#"{"maximum_frame_bytes":67108864,"resume":{"applied":9,"epoch":2,"steps":3,"test_batches":1},"#
        + #""software_version":"0.1.0","timeout_seconds":60}"#).utf8)
  static let goldenRefusal =
    hexadecimal("48 54 52 4e 07 00 03 00 00 00 00 00 00 00 00 00 2f 00 00 00 f2 4f 40 1a")
    + Array(#"{"code":"busy","reason":"serving another edge"}"#.utf8)
  static let goldenEpochEnd =
    hexadecimal("48 54 52 4e 07 00 07 00 00 00 00 00 00 00 00 00 95 00 00 00 ba 23 28 3d")
    + Array(
      (#"{"epoch":2,"exit_correct":4,"exit_count":5,"sent":{"control":345,"evaluation":500,"framing":264,"#
        + #""gradient":0,"payload":4000},"sequence":10,"steps":3}"#).utf8)
  static let goldenGoodbye =
    hexadecimal("48 54 52 4e 07 00 09 00 00 00 00 00 00 00 00 00 16 00 00 00 e1 3d dc 2e")
    + Array(#"{"reason":"completed"}"#.utf8)
  /// 0.5 and -2, the gradient with respect to 1×1×1×2 activations.
  static let goldenGradient = hexadecimal(
    """
    48 54 52 4e 07 00 0b 00 07 00 00 00 00 00 00 00 20 00 00 00 c8 92 ef 3e
    01 00 00 00 01 00 00 00 01 00 00 00 02 00 00 00
    20 00 00 00 08 00 00 00
    00 00 00 3f 00 00 00 c0
    """)
  static let goldenTrainImages = hexadecimal(
    """
    48 54 52 4e 07 00 0c 00 01 00 00 00 00 00 00 00 0e 00 00 00 f0 6d a8 4c
    02 00 00 00 03 00 09 00 00 01 fe ff 80 00
    """)
  static let goldenTestImages = hexadecimal(
    """
    48 54 52 4e 07 00 0d 00 02 00 00 00 00 00 00 00 09 00 00 00 da e9 2a 68
    01 00 00 00 05 00 10 20 30
    """)
  static let goldenProbe =
    hexadecimal("48 54 52 4e 07 00 0f 00 00 00 00 00 00 00 00 00 25 00 00 00 38 35 92 bc")
    + Array(#"{"configuration":{"cut":2},"steps":3}"#.utf8)
  static let goldenProbeReport =
    hexadecimal("48 54 52 4e 07 00 10 00 00 00 00 00 00 00 00 00 41 00 00 00 78 2d 53 99")
    + Array(#"{"peak_memory_bytes":300000000,"seconds_per_step":0.25,"steps":3}"#.utf8)
  /// Four bytes that ask for five.
  static let goldenFiller = hexadecimal(
    """
    48 54 52 4e 07 00 11 00 02 00 00 00 00 00 00 00 08 00 00 00 35 c0 f4 74
    05 00 00 00 00 00 00 00
    """)
  static let goldenDurable =
    hexadecimal("48 54 52 4e 07 00 12 00 00 00 00 00 00 00 00 00 0e 00 00 00 d2 49 5b a1")
    + Array(#"{"sequence":9}"#.utf8)
  static let goldenReplay =
    hexadecimal("48 54 52 4e 07 00 13 00 00 00 00 00 00 00 00 00 32 00 00 00 a9 3d 03 07")
    + Array(#"{"correct":[97,101],"first":8,"losses":[0.5,0.25]}"#.utf8)
  static let goldenAlive =
    hexadecimal("48 54 52 4e 07 00 14 00 00 00 00 00 00 00 00 00 02 00 00 00 ef 4f 80 b6")
    + Array(#"{}"#.utf8)
  static let goldenTrainStep =
    hexadecimal("48 54 52 4e 07 00 15 00 03 00 00 00 00 00 00 00 00 00 00 00 a8 b2 cf 15")
  static let goldenEvaluationStep =
    hexadecimal("48 54 52 4e 07 00 16 00 04 00 00 00 00 00 00 00 00 00 00 00 f2 61 93 7f")
  static let goldenCheckpoint =
    hexadecimal("48 54 52 4e 07 00 17 00 00 00 00 00 00 00 00 00 19 00 00 00 d8 26 e4 01")
    + Array(#"{"number":2,"sequence":7}"#.utf8)
  static let goldenWeightsRequest =
    hexadecimal("48 54 52 4e 07 00 18 00 00 00 00 00 00 00 00 00 4d 00 00 00 0f 21 af 16")
    + Array(#"{"sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#.utf8)
  static let goldenWeights = hexadecimal(
    "48 54 52 4e 07 00 19 00 02 00 00 00 00 00 00 00 03 00 00 00 9c 7d d5 bf 10 00 ff")

  private static func resumingHello() throws -> Hello {
    try Hello(
      runID: "r1", resume: ResumeOffer(first: 5, answered: 7), timeoutSeconds: 0.5,
      configuration: TestConfiguration(cut: 2))
  }
  private static let resumingWelcome = Welcome(
    maximumFrameBytes: 1 << 26, resume: ResumePosition(applied: 9, epoch: 2, steps: 3, testBatches: 1),
    softwareVersion: "0.1.0")
  private static let secondEpochEnd = EpochEnd(
    epoch: 2, steps: 3, sequence: 10, sent: ByteCounts(payload: 4000, evaluation: 500, framing: 264, control: 345),
    exitCorrect: 4, exitCount: 5)

  static func goldens() throws -> [(Message, [UInt8])] {
    [
      (.trainBatch(batch(7, labels: [3, 9], activations: [0xde, 0xad, 0xbe, 0xef, 0])), goldenTrainBatch),
      (.acknowledgement(Acknowledgement(sequence: 7, loss: 0.5, correct: 97)), goldenAcknowledgement),
      (.goodbye(Goodbye(reason: .completed)), goldenGoodbye),
      (.hello(try hello()), goldenHello),
      (.hello(try resumingHello()), goldenResumingHello),
      (
        .hello(try hello(window: 1, exchange: .gradients, resume: ResumeOffer(positions: [6, 7, 4, 6]))),
        goldenSplitHello
      ),
      (.welcome(resumingWelcome), goldenWelcome),
      (.refusal(Refusal(code: .busy, reason: "serving another edge")), goldenRefusal),
      (.gradient(try gradient(7)), goldenGradient),
      (.trainImages(batch(1, labels: [3, 9], activations: [0, 1, 254, 255, 128, 0])), goldenTrainImages),
      (.testImages(batch(2, labels: [5], activations: [0x10, 0x20, 0x30])), goldenTestImages),
      (.probe(try Probe(steps: 3, configuration: TestConfiguration(cut: 2))), goldenProbe),
      (
        .probeReport(ProbeReport(steps: 3, secondsPerStep: 0.25, peakMemoryBytes: 300_000_000)),
        goldenProbeReport
      ),
      (.filler(Filler(sequence: 2, bytes: [0, 0, 0, 0], answerByteCount: 5)), goldenFiller),
      (.epochEnd(secondEpochEnd), goldenEpochEnd),
      (.durable(Durable(sequence: 9)), goldenDurable),
      (.replay(Replay(first: 8, losses: [0.5, 0.25], correct: [97, 101])), goldenReplay),
      (.alive(Alive()), goldenAlive),
      (.trainStep(StepRequest(sequence: 3)), goldenTrainStep),
      (.evaluationStep(StepRequest(sequence: 4)), goldenEvaluationStep),
      (.checkpoint(CheckpointRequest(sequence: 7, number: 2)), goldenCheckpoint),
      (.weightsRequest(WeightsRequest(digest: testDigest)), goldenWeightsRequest),
      (.weights(WeightsPart(sequence: 2, bytes: [0x10, 0, 0xff])), goldenWeights),
    ]
  }

  @Test func goldenFrames() throws {
    for (message, bytes) in try Self.goldens() {
      #expect(try message.encodedFrame() == bytes, "\(message.type)")
      let decoded = try Message.decode(frame: bytes)
      #expect(decoded.message == message)
      #expect(decoded.frameByteCount == bytes.count)
    }
  }

  @Test func everyMessageSurvives() throws {
    let messages = try allMessages()
    #expect(Set(messages.map(\.type)) == Set(FrameType.allCases))
    for message in messages {
      let frame = try message.encodedFrame()
      #expect(try Message.decode(frame: frame).message == message)
      #expect(try message.outgoingFrame().count == frame.count)
    }
  }

  @Test func truncationAtEveryPrefix() throws {
    for message in try allMessages() {
      let frame = try message.encodedFrame()
      for count in 0..<frame.count {
        let needed = count < FrameHeader.byteCount ? FrameHeader.byteCount : frame.count
        #expect(throws: WireError.truncated(expected: needed, actual: count)) {
          try Message.decode(frame: Array(frame[..<count]))
        }
      }
    }
  }

  @Test func wrongHeaders() {
    func check(
      _ offset: Int, _ value: UInt8, _ error: WireError, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      var frame = Self.goldenTrainBatch
      frame[offset] = value
      #expect(throws: error, sourceLocation: sourceLocation) { try Message.decode(frame: frame) }
    }
    check(0, 0x47, .magic(actual: [0x47, 0x54, 0x52, 0x4e]))
    check(3, 0x4f, .magic(actual: [0x48, 0x54, 0x52, 0x4f]))
    check(4, 4, .version(expected: 7, actual: 4))
    check(5, 1, .version(expected: 7, actual: 263))
    check(6, 0, .type(actual: 0))
    check(6, 14, .type(actual: 14))
    check(6, 26, .type(actual: 26))
    check(7, 0x80, .flags(actual: 0x80))
    check(8, 0, .sequence(type: .trainBatch, actual: 0))
    check(6, 9, .sequence(type: .goodbye, actual: 7))
    check(6, 20, .sequence(type: .alive, actual: 7))
    check(6, 23, .sequence(type: .checkpoint, actual: 7))
    check(16, 0x0e, .truncated(expected: 38, actual: 37))
    check(19, 0x7f, .length(limit: (1 << 26) - 24, actual: 0x7f00_000d))
    check(20, 0x05, .checksum(expected: 0xb72c_9b05, actual: 0xb72c_9b2a))
  }

  /// Only those of samples are numbered in the header.
  @Test(arguments: FrameType.allCases) func numbersOfFrames(type: FrameType) {
    let numbered: Set<FrameType> = [
      .trainBatch, .evaluationBatch, .gradient, .trainImages, .testImages, .filler, .trainStep, .evaluationStep,
      .weights,
    ]
    let sequence: UInt64 = numbered.contains(type) ? 0 : 7
    #expect(throws: WireError.sequence(type: type, actual: sequence)) {
      try Message.decode(frame: rawFrame(type: type.rawValue, sequence: sequence, payload: []))
    }
  }

  @Test func everyFlippedBitIsFound() {
    for bit in 0..<Self.goldenTrainBatch.count * 8 {
      var frame = Self.goldenTrainBatch
      frame[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: WireError.self, "bit \(bit)") { try Message.decode(frame: frame) }
    }
  }

  @Test func lengthIsCheckedAgainstTheLimitOfTheType() throws {
    let header = hexadecimal("48 54 52 4e 07 00 04 00 01 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00")
    #expect(throws: WireError.length(limit: 1000 - 24, actual: 0xffff_ffff)) {
      try Message.decode(frame: header, maximumFrameBytes: 1000)
    }
    let control = hexadecimal("48 54 52 4e 07 00 01 00 00 00 00 00 00 00 00 00 01 00 10 00 00 00 00 00")
    #expect(throws: WireError.length(limit: 1 << 20, actual: (1 << 20) + 1)) {
      try Message.decode(frame: control)
    }
    let exact = try Message.trainBatch(batch(1)).encodedFrame()
    #expect(try Message.decode(frame: exact, maximumFrameBytes: exact.count).frameByteCount == exact.count)
    #expect(throws: WireError.length(limit: exact.count - 25, actual: exact.count - 24)) {
      try Message.decode(frame: exact, maximumFrameBytes: exact.count - 1)
    }
  }

  @Test func errorsNameFieldExpectedAndActual() {
    #expect(
      WireError.version(expected: 1, actual: 2).description
        == "bad protocol version: expected 1, got 2; install the same release on both sides")
    #expect(
      WireError.magic(actual: Array("GET ".utf8)).description
        == "bad magic: expected HTRN (48 54 52 4e), got 47 45 54 20; is the peer a trainer?")
    #expect(
      WireError.checksum(expected: 1, actual: 0xffff_ffff).description
        == "bad checksum: expected 00000001, got ffffffff")
    #expect(WireError.type(actual: 14).description == "bad type: expected 1 to 13, or 15 to 25, got 14")
    #expect(
      WireError.sequence(type: .evaluationStep, actual: 0).description
        == "bad sequence number of evaluation-step: expected 1 or more, got 0")
  }
}
