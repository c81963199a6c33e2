@testable import Transport

extension FuzzTarget {
  /// Frames as they come, checksum and all.
  static let frames = FuzzTarget("frames", words: ["HTRN"]) {
    try FuzzMessages.all.map(FuzzMessages.frame)
  } run: { input in
    try FuzzMessages.checkErrors { () throws(WireError) in
      let header = try input.withUnsafeBytesTyped { bytes throws(WireError) in
        try FrameHeader(decoding: bytes, maximumPayloadBytes: 1 << 20)
      }
      let end = FrameHeader.byteCount + header.payloadByteCount
      guard input.count >= end else { return nil }
      let payload = Array(input[FrameHeader.byteCount..<end])
      return (try Message(header, payload: payload), Array(input[..<end]))
    }
  }

  /// Payloads behind right headers: type, number, payload.
  static let messages = FuzzTarget("messages", words: FuzzMessages.words) {
    try FuzzMessages.all.map { message in
      let frame = try FuzzMessages.frame(message)
      return [message.type.rawValue, frame[8]] + frame[FrameHeader.byteCount...]
    }
  } run: { input in
    var input = FuzzInput(input)
    let number = input.byte()
    let type = FrameType(rawValue: number) ?? FrameType.allCases[Int(number) % FrameType.allCases.count]
    let sequence = UInt64(input.byte())
    let payload = input.rest()
    try FuzzMessages.checkErrors { () throws(WireError) in
      let frame = try FuzzMessages.frame(type, sequence: type.isBatch ? max(1, sequence) : 0, payload)
      let header = try frame.withUnsafeBytesTyped { bytes throws(WireError) in
        try FrameHeader(decoding: bytes, maximumPayloadBytes: 1 << 20)
      }
      return (try Message(header, payload: payload), frame)
    }
  }
}

/// Messages to begin with, and what must hold of all that are read.
enum FuzzMessages {
  struct Configuration: Codable { var cut = 2 }

  static let counts = ByteCounts(payload: 1, evaluation: 2, framing: 3, control: 4)
  static let report = EpochReport(
    epoch: 1, meanTrainingLoss: 1.25, finalLoss: 0.75, finalCorrect: 2, finalCount: 3, finalByClass: byClass,
    busySeconds: 2.5, idleSeconds: 0.125, received: counts, sent: counts)
  private static let byClass: ClassCounts? = {
    var counts = ClassCounts(classes: 2)
    counts?.add(labels: [0, 1, 1], hits: [0, 1])
    return counts
  }()

  /// One of every type, and more where there are choices.
  static let all: [Message] = {
    do { return try make() } catch { fatalError("the messages are right: \(error)") }
  }()

  /// What looks like a SHA-256.
  static let digest = String(repeating: "0123456789abcdef", count: 4)

  private static func make() throws -> [Message] {
    let batch = EncodedBatch(sequence: 1, labels: [1, 2, 3], activations: [9, 8, 7, 6])
    func hello(_ exchange: Exchange, window: Int = 4, _ offer: ResumeOffer? = nil, weights: WeightsOffer? = nil)
      throws -> Message
    {
      .hello(
        try Hello(
          runID: "r1", window: window, exchange: exchange, resume: offer, weights: weights,
          configuration: Configuration()))
    }
    return try Exchange.allCases.map { try hello($0, window: $0 == .gradients ? 1 : 4) } + [
      hello(.images, weights: WeightsOffer(bytes: 1000, digest: digest)),
      hello(.activations, ResumeOffer(first: 1, answered: 2)), hello(.upload, ResumeOffer(first: 1, answered: 0)),
      hello(.gradients, window: 1, ResumeOffer(positions: [0, 2])),
      .welcome(Welcome(maximumFrameBytes: 1 << 20, softwareVersion: "0.1.0")),
      .welcome(
        Welcome(
          maximumFrameBytes: 1 << 20, resume: ResumePosition(applied: 3, epoch: 1, steps: 3, testBatches: 0),
          timeoutSeconds: 0.25, softwareVersion: "0.1.0",
          clock: Welcome.ClockReading(helloReceived: 1.5, welcomeSent: 1.75))),
      .refusal(Refusal(code: .unsupportedConfiguration, reason: "no such network")), .trainBatch(batch),
      .trainBatch(EncodedBatch(sequence: 2, labels: [0], activations: [])), .evaluationBatch(batch),
      .evaluationBatch(EncodedBatch(sequence: 2, labels: [0], activations: [])),
      .acknowledgement(Acknowledgement(sequence: 1, loss: 0.5, correct: 1)),
      .acknowledgement(Acknowledgement(sequence: 2, loss: 1e-30, correct: 1)),
      .epochEnd(EpochEnd(epoch: 1, steps: 1, sequence: 2, sent: counts)),
      .epochEnd(EpochEnd(epoch: 1, steps: 2, sequence: 3, sent: counts, exitCorrect: 3, exitCount: 4)),
      .epochReport(report), .goodbye(Goodbye(reason: .interrupted)), .goodbye(Goodbye(reason: .completed)),
      .failure(Failure(code: "non-finite-loss", reason: "the loss of step 7 is not finite")),
      .gradient(
        try Gradient(
          sequence: 1, shape: ActivationShape(count: 1, height: 1, width: 1, channels: 2), values: [0.5, -2])),
      .trainImages(batch), .testImages(EncodedBatch(sequence: 2, labels: [0], activations: [])),
      .probe(try Probe(steps: 2, configuration: Configuration())),
      .probeReport(
        ProbeReport(steps: 2, secondsPerStep: 0.5, secondsToGradient: 0.375, peakMemoryBytes: 1000, refusal: "large")),
      .filler(Filler(sequence: 1, byteCount: 3, answerByteCount: 5)), .filler(Filler(sequence: 1, byteCount: 5)),
      .durable(Durable(sequence: 1)), .durable(Durable(sequence: 2)),
      .replay(Replay(first: 3, losses: [0.5], correct: [1])),
      .replay(Replay(first: 1, losses: [0.5, 2], correct: [1, 0], report: report)), .alive(Alive()),
      .trainStep(StepRequest(sequence: 1)), .evaluationStep(StepRequest(sequence: 2)),
      .checkpoint(CheckpointRequest(sequence: 1, number: 1)), .weightsRequest(WeightsRequest(digest: digest)),
      .weights(WeightsPart(sequence: 1, bytes: [1, 2, 3])),
    ]
  }

  /// Names and values in the JSON of messages.
  static let words = [
    "\"protocol_version\":7", "\"run_id\":", "\"window\":", "\"exchange\":", "\"resume\":", "\"answered\":",
    "\"first\":", "\"positions\":", "\"timeout_seconds\":", "\"configuration\":", "\"maximum_frame_bytes\":",
    "\"applied\":", "\"epoch\":", "\"steps\":", "\"test_batches\":", "\"software_version\":", "\"clock\":",
    "\"hello_received\":", "\"welcome_sent\":", "\"code\":", "\"reason\":", "\"sequence\":", "\"loss\":",
    "\"correct\":", "\"losses\":", "\"report\":", "\"sent\":", "\"received\":", "\"exit_correct\":",
    "\"exit_count\":", "\"mean_training_loss\":", "\"final_loss\":", "\"final_correct\":", "\"final_count\":",
    "\"busy_seconds\":", "\"idle_seconds\":", "\"payload\":", "\"framing\":", "\"control\":", "\"gradient\":",
    "\"seconds_per_step\":", "\"seconds_to_gradient\":", "\"peak_memory_bytes\":", "\"refusal\":", "\"number\":",
    "\"weights\":",
    "\"sha256\":", "\"bytes\":",
    "activations", "gradients", "upload", "measurements", "completed", "interrupted", "null", "true", "1e308",
    "-1", "9007199254740992", "18446744073709551615", "0.5", "\\u0000", "\\ud83d\\ude00", "[]", "{}", "[[",
  ]

  static func frame(_ message: Message) throws(WireError) -> [UInt8] {
    let frame = try message.outgoingFrame()
    return frame.head + frame.body
  }

  /// A frame with a right checksum around any payload.
  static func frame(_ type: FrameType, sequence: UInt64, _ payload: [UInt8]) throws(WireError) -> [UInt8] {
    try payload.withUnsafeBytesTyped { bytes throws(WireError) in
      try FrameHeader(
        type: type, sequence: sequence, payload: bytes, UnsafeRawBufferPointer(start: nil, count: 0)
      ).bytes
    } + payload
  }

  /// What is read can be written, and is the same then; and errors can be shown.
  ///
  /// - Parameter read: gives a message and its frame, or nothing.
  static func checkErrors(_ read: () throws(WireError) -> (message: Message, frame: [UInt8])?) throws {
    let result: (message: Message, frame: [UInt8])?
    do throws(WireError) { result = try read() } catch {
      let text = "\(error)"
      try require(text.utf8.count < 4096, "an error of \(text.utf8.count) bytes")
      try require(text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "control characters in \(text)")
      return
    }
    guard let result else { return }
    let (message, written) = (result.message, try frame(result.message))
    switch message {
    case .hello, .probe, .trainBatch, .evaluationBatch, .trainImages, .testImages, .gradient, .filler, .trainStep,
      .evaluationStep:
      try require(written == result.frame, "\(message.type) is written otherwise")
    default:
      let header = try written.withUnsafeBytesTyped { bytes throws(WireError) in
        try FrameHeader(decoding: bytes, maximumPayloadBytes: 1 << 26)
      }
      let again = try Message(header, payload: Array(written[FrameHeader.byteCount...]))
      try require(again == message, "\(message) comes back as \(again)")
      try require(try frame(again) == written, "\(message) is written in two ways")
    }
  }
}
