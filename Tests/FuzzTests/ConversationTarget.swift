import Platform

@testable import Transport

extension FuzzTarget {
  /// Two state machines, with messages on their way: what one may send, the other accepts; and what comes out of order
  /// is refused, and changes nothing.
  static let conversation = FuzzTarget("conversation") {
    // Both sides in turn say all that they may, and hear it.
    (0..<60).map { seed in
      var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
      return (0..<200).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(state >> 56)
      }
    }
  } run: { input in
    var walk = try FuzzWalk(input)
    try walk.run()
  }
}

/// A conversation that an input leads.
private struct FuzzWalk {
  private var input: FuzzInput
  private var edge = ConversationStateMachine(role: .edge)
  private var cloud = ConversationStateMachine(role: .cloud)
  private var toCloud: [Message] = []
  private var toEdge: [Message] = []
  private let hello: Message
  private let position: ResumePosition

  private static let probe = FuzzMessages.all.first { $0.type == .probe }
  /// What numbers there are beside small ones.
  private static let large: [UInt64] = [1 << 32, 1 << 53 - 1, 1 << 53]

  init(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    func number(_ count: Int) -> UInt64 {
      let value = input.byte()
      return value > 250 ? Self.large[Int(value) % 3] : UInt64(Int(value) % count)
    }
    let exchange = input.one(of: Exchange.allCases)
    var offer: ResumeOffer?
    if exchange != .measurements, input.byte() % 4 > 0 {
      offer =
        exchange == .gradients
        ? ResumeOffer(positions: [number(4), number(8), number(8)].map { min($0, 1 << 53 - 1) })
        : ResumeOffer(first: max(1, number(5)), answered: number(13))
    }
    let weights =
      exchange != .measurements && input.byte() % 2 == 0
      ? WeightsOffer(bytes: 1 + input.choice(4), digest: FuzzMessages.digest) : nil
    let window = exchange == .gradients ? 1 : input.byte() % 16 == 0 ? 1024 : 1 + input.choice(4)
    position = ResumePosition(
      applied: number(13), epoch: max(1, Int(number(4))), steps: Int(number(3)), testBatches: Int(number(3)))
    hello = .hello(
      try Hello(
        runID: "r", window: window, exchange: exchange, resume: offer, weights: weights,
        configuration: FuzzMessages.Configuration()))
    self.input = input
  }

  mutating func run() throws {
    while !input.isAtEnd {
      let turn = input.byte()
      switch turn % 8 {
      case 0, 1: try say(\.edge, edgeMessage(), \.toCloud)
      case 2, 3: try say(\.cloud, cloudMessage(), \.toEdge)
      case 4 where !toEdge.isEmpty: try hear(\.edge, toEdge.removeFirst())
      case 5 where !toCloud.isEmpty: try hear(\.cloud, toCloud.removeFirst())
      case 6: try forge(turn < 128 ? edgeMessage() : cloudMessage(), to: \.edge)
      case 7: try forge(turn < 128 ? cloudMessage() : edgeMessage(), to: \.cloud)
      default: break
      }
    }
    while !toEdge.isEmpty || !toCloud.isEmpty {
      if !toEdge.isEmpty { try hear(\.edge, toEdge.removeFirst()) }
      if !toCloud.isEmpty { try hear(\.cloud, toCloud.removeFirst()) }
    }
    if edge.phase != .refused && cloud.phase != .refused {
      try require(Self.mind(edge) == Self.mind(cloud), "of two minds: \(Self.mind(edge)), \(Self.mind(cloud))")
    }
  }

  private mutating func say(
    _ speaker: WritableKeyPath<Self, ConversationStateMachine>, _ message: Message,
    _ way: WritableKeyPath<Self, [Message]>
  ) throws {
    var next = self[keyPath: speaker]
    do throws(WireError) { try next.willSend(message) } catch {
      try require(next == self[keyPath: speaker], "the state has changed: \(error)")
      return
    }
    self[keyPath: speaker] = next
    self[keyPath: way].append(message)
    try check(next)
  }

  private mutating func hear(_ listener: WritableKeyPath<Self, ConversationStateMachine>, _ message: Message) throws {
    // Who has refused only drains what comes.
    if listener == \.cloud, cloud.phase == .refused { return }
    do throws(WireError) { try self[keyPath: listener].didReceive(message) } catch {
      throw FuzzFinding(description: "\(message.type) was said, and is not heard: \(error)")
    }
    try check(self[keyPath: listener])
  }

  /// A message that nobody has said.
  private func forge(_ message: Message, to listener: KeyPath<Self, ConversationStateMachine>) throws {
    let before = self[keyPath: listener]
    var next = before
    do throws(WireError) { try next.didReceive(message) } catch {
      try require(next == before, "the state has changed: \(error)")
      try require("\(error)".utf8.count < 4096, "a long error")
      return
    }
    try check(next)
  }

  private func check(_ side: ConversationStateMachine) throws {
    guard side.isRunning else { return }
    let ends = side.owedReports.map(\.sequence)
    try require(
      side.lastDurable <= side.lastAcknowledged && side.lastReplayed <= side.lastAcknowledged
        && side.lastAcknowledged < ends.first ?? .max && ends.last ?? 0 <= side.lastSequence
        && ends == ends.sorted() && side.unacknowledged - ends.count <= side.window,
      "out of order: \(Self.mind(side))")
  }

  private static func mind(_ side: ConversationStateMachine) -> String {
    """
    \(side.phase) \(side.window) \(side.exchange) epoch \(side.epoch) \(side.steps) \(side.batchesInEpoch) \
    record \(side.lastSequence) \(side.lastAcknowledged) \(side.lastReplayed) \(side.lastDurable) \
    owed \(side.owedReports) \(String(describing: side.owedGradient)) \(String(describing: side.owedAnswer)) \
    checkpoint \(String(describing: side.owedCheckpoint)) \
    weights \(String(describing: side.offeredWeights)) \(String(describing: side.owedWeights)) ended \(side.edgeHasEnded) \(side.cloudHasEnded)
    """
  }

  /// A number near those that count now.
  private mutating func number(_ side: ConversationStateMachine) -> UInt64 {
    switch input.byte() % 12 {
    case 0, 1, 2, 3: side.nextSequence
    case 4: side.lastSequence
    case 5: side.lastAcknowledged
    case 6, 7: side.lastAcknowledged + 1
    case 8: side.lastReplayed + 1
    case 9: side.owedGradient ?? side.owedCheckpoint ?? 1
    case 10: UInt64(input.byte())
    default: .max
    }
  }

  private mutating func edgeMessage() throws -> Message {
    let kind = input.choice(16)
    let number = max(1, number(edge))
    let batch = EncodedBatch(sequence: number, labels: [1], activations: [])
    switch kind {
    case 0: return .trainBatch(batch)
    case 1: return .evaluationBatch(batch)
    case 2: return .trainImages(batch)
    case 3: return .testImages(batch)
    case 4: return .trainStep(StepRequest(sequence: number))
    case 5: return .evaluationStep(StepRequest(sequence: number))
    case 6, 7:
      let wrong = input.byte()
      return .epochEnd(
        EpochEnd(
          epoch: edge.epoch + (wrong == 1 ? 1 : 0), steps: edge.steps + (wrong == 2 ? 1 : 0), sequence: number,
          sent: ByteCounts()))
    case 8: return .checkpoint(CheckpointRequest(sequence: number, number: 1))
    case 9: return Self.probe ?? hello
    case 10: return .filler(Filler(sequence: number, byteCount: 0, answerByteCount: Int(input.byte() % 3)))
    case 11:
      guard let owed = edge.owedWeights else { return .alive(Alive()) }
      let bytes = [UInt8](repeating: 7, count: 1 + input.choice(4))
      return .weights(WeightsPart(sequence: owed.sequence + UInt64(input.byte() % 8 / 7), bytes: bytes))
    case 12: return .goodbye(Goodbye(reason: .completed))
    case 13: return input.byte() < 64 ? .goodbye(Goodbye(reason: .interrupted)) : .alive(Alive())
    case 14: return input.byte() < 64 ? .failure(Failure(code: "x", reason: "y")) : .alive(Alive())
    default: return hello
    }
  }

  private mutating func cloudMessage() throws -> Message {
    let kind = input.choice(16)
    let number = number(cloud)
    switch kind {
    case 0: return .welcome(Welcome(maximumFrameBytes: 1 << 26, softwareVersion: "0"))
    case 1: return .welcome(Welcome(maximumFrameBytes: 1 << 26, resume: position, softwareVersion: "0"))
    case 2, 3, 4: return .acknowledgement(Acknowledgement(sequence: number, loss: 0, correct: 0))
    case 5, 6: return .epochReport(report(cloud.owedReports.first?.epoch ?? Int(input.byte())))
    case 7: return .gradient(Gradient(sequence: max(1, number), encoded: []))
    case 8: return .durable(Durable(sequence: number))
    case 9, 10:
      let batches = 1 + input.choice(3)
      return .replay(
        Replay(
          first: min(max(1, number), 1 << 53), losses: [Float](repeating: 0, count: batches - 1),
          correct: [Int](repeating: 0, count: batches - 1), report: batches == 1 || input.byte() > 127 ? report(1) : nil
        ))
    case 11: return .probeReport(ProbeReport(steps: 1, secondsPerStep: 0.5))
    case 12: return .filler(Filler(sequence: max(1, number), byteCount: input.choice(3)))
    case 13:
      return cloud.isRunning ? .alive(Alive()) : .weightsRequest(WeightsRequest(digest: FuzzMessages.digest))
    case 14:
      switch input.byte() {
      case 0..<32: return .goodbye(Goodbye(reason: .interrupted))
      case 32..<40: return .goodbye(Goodbye(reason: .completed))
      case 40..<72: return .failure(Failure(code: "x", reason: "y"))
      default: return .alive(Alive())
      }
    default: return input.byte() < 64 ? .refusal(Refusal(code: .busy, reason: "busy")) : .alive(Alive())
    }
  }

  private func report(_ epoch: Int) -> EpochReport {
    EpochReport(
      epoch: epoch, meanTrainingLoss: nil, finalLoss: nil, finalCorrect: 0, finalCount: 0, busySeconds: 0,
      idleSeconds: 0, received: ByteCounts(), sent: ByteCounts())
  }
}
