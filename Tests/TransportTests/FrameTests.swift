import Testing

@testable import Transport

/// Golden frames (written by a second implementation, in Python, and printed in docs/protocol.md), and every way in
/// which a header can be wrong.
@Suite struct FrameTests {
  static let goldenTrainBatch = hexadecimal(
    """
    48 54 52 4e
    03 00
    04
    00
    07 00 00 00 00 00 00 00
    0b 00 00 00
    a5 3c 99 12
    02 00 00 00
    03 09
    de ad be ef 00
    """)
  static let goldenAcknowledgement =
    hexadecimal("48 54 52 4e 03 00 06 00 00 00 00 00 00 00 00 00 26 00 00 00 9f d2 fc 06")
    + Array(#"{"correct":97,"loss":0.5,"sequence":7}"#.utf8)
  static let goldenGoodbye =
    hexadecimal("48 54 52 4e 03 00 09 00 00 00 00 00 00 00 00 00 16 00 00 00 90 cb 0e 25")
    + Array(#"{"reason":"completed"}"#.utf8)
  static let goldenHello =
    hexadecimal("48 54 52 4e 03 00 01 00 00 00 00 00 00 00 00 00 62 00 00 00 9a 88 1d 31")
    + Array(
      #"{"configuration":{"cut":2},"exchange":"activations","protocol_version":3,"run_id":"r1","window":4}"#
        .utf8)
  static let goldenRefusal =
    hexadecimal("48 54 52 4e 03 00 03 00 00 00 00 00 00 00 00 00 2f 00 00 00 04 2b 02 02")
    + Array(#"{"code":"busy","reason":"serving another edge"}"#.utf8)
  /// 0.5 and -2, the gradient with respect to 1×1×1×2 activations.
  static let goldenGradient = hexadecimal(
    """
    48 54 52 4e 03 00 0b 00 07 00 00 00 00 00 00 00 20 00 00 00 d8 e6 4b 4e
    01 00 00 00 01 00 00 00 01 00 00 00 02 00 00 00
    20 00 00 00 08 00 00 00
    00 00 00 3f 00 00 00 c0
    """)
  static let goldenTrainImages = hexadecimal(
    """
    48 54 52 4e 03 00 0c 00 01 00 00 00 00 00 00 00 0c 00 00 00 67 bb b5 40
    02 00 00 00 03 09 00 01 fe ff 80 00
    """)
  static let goldenTestImages = hexadecimal(
    """
    48 54 52 4e 03 00 0d 00 02 00 00 00 00 00 00 00 08 00 00 00 e6 fb 6c 63
    01 00 00 00 05 10 20 30
    """)
  static let goldenBatchReport =
    hexadecimal("48 54 52 4e 03 00 0e 00 00 00 00 00 00 00 00 00 40 00 00 00 33 65 ad 6b")
    + Array(#"{"batch":3,"correct":97,"epoch":2,"loss":0.5,"stage":"training"}"#.utf8)
  static let goldenProbe =
    hexadecimal("48 54 52 4e 03 00 0f 00 00 00 00 00 00 00 00 00 25 00 00 00 83 63 91 96")
    + Array(#"{"configuration":{"cut":2},"steps":3}"#.utf8)
  static let goldenProbeReport =
    hexadecimal("48 54 52 4e 03 00 10 00 00 00 00 00 00 00 00 00 41 00 00 00 0a b6 66 2b")
    + Array(#"{"peak_memory_bytes":300000000,"seconds_per_step":0.25,"steps":3}"#.utf8)
  /// Four bytes that ask for five.
  static let goldenFiller = hexadecimal(
    """
    48 54 52 4e 03 00 11 00 02 00 00 00 00 00 00 00 08 00 00 00 ef 27 13 96
    05 00 00 00 00 00 00 00
    """)

  static func goldens() throws -> [(Message, [UInt8])] {
    [
      (.trainBatch(batch(7, labels: [3, 9], activations: [0xde, 0xad, 0xbe, 0xef, 0])), goldenTrainBatch),
      (.acknowledgement(Acknowledgement(sequence: 7, loss: 0.5, correct: 97)), goldenAcknowledgement),
      (.goodbye(Goodbye(reason: .completed)), goldenGoodbye),
      (.hello(try hello()), goldenHello),
      (.refusal(Refusal(code: .busy, reason: "serving another edge")), goldenRefusal),
      (.gradient(try gradient(7)), goldenGradient),
      (.trainImages(batch(1, labels: [3, 9], activations: [0, 1, 254, 255, 128, 0])), goldenTrainImages),
      (.testImages(batch(2, labels: [5], activations: [0x10, 0x20, 0x30])), goldenTestImages),
      (
        .batchReport(BatchReport(epoch: 2, stage: .training, batch: 3, loss: 0.5, correct: 97)),
        goldenBatchReport
      ),
      (.probe(try Probe(steps: 3, configuration: TestConfiguration(cut: 2))), goldenProbe),
      (
        .probeReport(ProbeReport(steps: 3, secondsPerStep: 0.25, peakMemoryBytes: 300_000_000)),
        goldenProbeReport
      ),
      (.filler(Filler(sequence: 2, bytes: [0, 0, 0, 0], answerByteCount: 5)), goldenFiller),
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
    check(4, 1, .version(expected: 3, actual: 1))
    check(5, 1, .version(expected: 3, actual: 259))
    check(6, 0, .type(actual: 0))
    check(6, 18, .type(actual: 18))
    check(7, 0x80, .flags(actual: 0x80))
    check(8, 0, .sequence(type: .trainBatch, actual: 0))
    check(6, 9, .sequence(type: .goodbye, actual: 7))
    check(16, 0x0c, .truncated(expected: 36, actual: 35))
    check(19, 0x7f, .length(limit: (1 << 26) - 24, actual: 0x7f00_000b))
    check(20, 0x04, .checksum(expected: 0x1299_3c04, actual: 0x1299_3ca5))
  }

  @Test func everyFlippedBitIsFound() {
    for bit in 0..<Self.goldenTrainBatch.count * 8 {
      var frame = Self.goldenTrainBatch
      frame[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: WireError.self, "bit \(bit)") { try Message.decode(frame: frame) }
    }
  }

  @Test func lengthIsCheckedAgainstTheLimitOfTheType() throws {
    let header = hexadecimal("48 54 52 4e 03 00 04 00 01 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00")
    #expect(throws: WireError.length(limit: 1000 - 24, actual: 0xffff_ffff)) {
      try Message.decode(frame: header, maximumFrameBytes: 1000)
    }
    let control = hexadecimal("48 54 52 4e 03 00 01 00 00 00 00 00 00 00 00 00 01 00 10 00 00 00 00 00")
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
  }
}
