import Platform
import TestSupport
import Testing

@testable import Transport

/// Waits for what nobody announces.
func waitUntil(_ isSo: () -> Bool) {
  while !isSo() { sleep(milliseconds: 1) }
}

/// SplitMix64.
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// What stands in for the run's configuration.
struct TestConfiguration: Codable, Equatable, Sendable {
  var cut: Int
}

func hexadecimal(_ text: String) -> [UInt8] {
  text.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
}

/// A frame with a right checksum around any payload, also around what no `Message` would write.
func rawFrame(
  type: UInt8, sequence: UInt64 = 0, payload: [UInt8], version: UInt16 = FrameHeader.protocolVersion, flags: UInt8 = 0
)
  -> [UInt8]
{
  var bytes = FrameHeader.magic
  bytes.appendLittleEndian(version)
  bytes += [type, flags]
  bytes.appendLittleEndian(sequence)
  bytes.appendLittleEndian(UInt32(payload.count))
  let crc = (bytes + payload).withUnsafeBytes { CRC32C.checksum($0) }
  bytes.appendLittleEndian(crc)
  return bytes + payload
}

func hello(
  window: Int = 4, exchange: Exchange = .activations, resume: ResumeOffer? = nil, weights: WeightsOffer? = nil
) throws -> Hello {
  try Hello(
    runID: "r1", window: window, exchange: exchange, resume: resume, weights: weights,
    configuration: TestConfiguration(cut: 2))
}

/// What looks like a SHA-256.
let testDigest = String(repeating: "0123456789abcdef", count: 4)

/// 0.5 and -2, as the gradient with respect to 1×1×1×2 activations.
func gradient(_ sequence: UInt64) throws -> Gradient {
  var bytes: [UInt8] = []
  let shape = ActivationShape(count: 1, height: 1, width: 1, channels: 2)
  try ActivationCodec(format: ActivationFormat(bits: 32)).encode([0.5, -2], shape: shape, into: &bytes)
  return Gradient(sequence: sequence, encoded: bytes)
}

func batch(_ sequence: UInt64, labels: [UInt16] = [1, 2, 3], activations: [UInt8] = [9, 8, 7, 6])
  -> EncodedBatch
{
  EncodedBatch(sequence: sequence, labels: labels, activations: activations)
}

func acknowledgement(_ sequence: UInt64) -> Message {
  .acknowledgement(Acknowledgement(sequence: sequence, loss: 0.5, correct: 1))
}

func epochEnd(_ epoch: Int, steps: Int, _ sequence: UInt64) -> Message {
  .epochEnd(EpochEnd(epoch: epoch, steps: steps, sequence: sequence, sent: ByteCounts(payload: 1, framing: 24)))
}

func replay(_ first: UInt64, batches: Int, report epoch: Int? = nil) -> Message {
  let losses = (0..<batches).map { Float($0) / 4 }
  let report = epoch.flatMap { epoch -> EpochReport? in
    if case .epochReport(let report) = epochReport(epoch) { report } else { nil }
  }
  return .replay(Replay(first: first, losses: losses, correct: Array(0..<batches), report: report))
}

func durable(_ sequence: UInt64) -> Message { .durable(Durable(sequence: sequence)) }

func checkpoint(_ sequence: UInt64, number: Int = 1) -> Message {
  .checkpoint(CheckpointRequest(sequence: sequence, number: number))
}

func epochReport(_ epoch: Int) -> Message {
  .epochReport(
    EpochReport(
      epoch: epoch, meanTrainingLoss: 1.25, finalLoss: 0.75, finalCorrect: 7, finalCount: 10,
      busySeconds: 2.5,
      idleSeconds: 0.125, received: ByteCounts(payload: 1, evaluation: 2, framing: 3, control: 4),
      sent: ByteCounts(framing: 48, control: 5)))
}

/// One message of every type, and more hellos.
func allMessages() throws -> [Message] {
  [
    .hello(try hello(resume: ResumeOffer(first: 3, answered: 17))),
    .hello(
      try hello(window: 1, exchange: .gradients, resume: ResumeOffer(positions: [3, 17], initialWeights: "none"))),
    .welcome(
      Welcome(
        maximumFrameBytes: 1 << 20, resume: ResumePosition(applied: 18, epoch: 3, steps: 5, testBatches: 2),
        timeoutSeconds: 0.25, softwareVersion: "0.1.0",
        clock: Welcome.ClockReading(helloReceived: 1.5, welcomeSent: 1.75), initialWeights: "0a1f,77")),
    .refusal(Refusal(code: .unsupportedConfiguration, reason: "no such network")),
    .trainBatch(batch(1)),
    .evaluationBatch(batch(2, labels: [0], activations: [])),
    acknowledgement(2),
    epochEnd(1, steps: 1, 3),
    epochReport(1),
    .goodbye(Goodbye(reason: .interrupted)),
    .failure(Failure(code: "non-finite-loss", reason: "the loss of step 7 is not finite")),
    .gradient(try gradient(3)),
    .trainImages(batch(1)),
    .testImages(batch(2, labels: [0], activations: [])),
    .probe(try Probe(steps: 2, configuration: TestConfiguration(cut: 2))),
    .probeReport(
      ProbeReport(
        steps: 2, secondsPerStep: 0.5, secondsToGradient: 0.375, peakMemoryBytes: 1000, refusal: "too large")),
    .filler(Filler(sequence: 1, byteCount: 3, answerByteCount: 70_000)),
    durable(3),
    replay(1, batches: 2, report: 1),
    .alive(Alive()),
    .trainStep(StepRequest(sequence: 3)),
    .evaluationStep(StepRequest(sequence: 4)),
    checkpoint(4, number: 2),
    .hello(try hello(weights: WeightsOffer(bytes: 5, digest: testDigest))),
    .weightsRequest(WeightsRequest(digest: testDigest)),
    .weights(WeightsPart(sequence: 1, bytes: [1, 2, 3])),
  ]
}

/// A connected TCP pair over loopback.
func tcpPair(timeout: Double = 20) throws -> (client: Socket, server: Socket) {
  let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
  let client = try Socket.connect(to: listener.localEndpoint, timeout: timeout)
  return (client, try listener.accept(timeout: timeout))
}

func read(_ count: Int, from stream: any ByteStream, patience: Patience = Patience()) throws -> [UInt8] {
  try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    let bytes = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
    try stream.readExactly(into: bytes, patience: patience) { .progress }
    initialized = count
  }
}
