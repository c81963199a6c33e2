import Platform
import Testing

@testable import Transport

/// Random conversations with messages in flight.
@Suite struct ConversationWalkTests {
  /// Whatever one side may say is legal where it arrives, however messages cross; whatever it may not say changes
  /// nothing; and once all has arrived, both sides are of one mind. WALK_STEPS asks for other than 84,000 steps in all.
  @Test(arguments: Exchange.allCases) func whatMayBeSaidMayBeHeard(exchange: Exchange) throws {
    var generator = TestGenerator(state: 12)
    var heard: Set<FrameType> = []
    var seen = Walk.Sights()
    // Lock step takes twice as many to come by all there is.
    var left = try Self.steps() / 6 * (exchange == .gradients ? 2 : 1)
    while left > 0 {
      let window = exchange == .gradients ? 1 : Int.random(in: 1...4, using: &generator)
      var walk = try Walk(exchange, window: window, &generator)
      // Lock step comes less far.
      let steps = Int.random(in: 10...(exchange == .gradients ? 250 : 100), using: &generator)
      left -= steps
      for _ in 0..<steps {
        if let type = try walk.step(&generator) { heard.insert(type) }
      }
      seen.formUnion(walk.seen)
    }
    var types: Set<FrameType> = [.hello, .welcome, .refusal, .goodbye, .failure]
    switch exchange {
    case .measurements: types.formUnion([.probe, .probeReport, .filler])
    case .upload: types.formUnion([.trainImages, .testImages, .trainStep, .evaluationStep])
    case .activations, .images: types.formUnion([.trainBatch, .evaluationBatch])
    case .gradients: types.formUnion([.trainBatch, .evaluationBatch, .gradient, .checkpoint])
    }
    if exchange != .measurements {
      types.formUnion([.weightsRequest, .weights, .acknowledgement, .epochEnd, .epochReport, .durable, .replay, .alive])
    }
    #expect(heard == types)
    switch exchange {
    case .measurements: #expect(seen == .completed)
    case .gradients: #expect(seen == Walk.Sights.run.union(.lockStep))
    case .activations, .images, .upload: #expect(seen == .run)
    }
  }

  private static func steps() throws -> Int {
    guard let text = getenv("WALK_STEPS").map({ String(cString: $0) }) else { return 84_000 }
    return try #require(Int(text), "WALK_STEPS is \(text), expected a number")
  }
}

/// Both ends of a conversation, and what is on its way between them.
private struct Walk {
  /// What the walk has shown to be wrong, with all that was said.
  struct Finding: Error, CustomStringConvertible {
    let description: String
  }

  /// What a walk may come by.
  struct Sights: OptionSet {
    let rawValue: Int
    static let goneOn = Self(rawValue: 1)
    static let recordBeforeTheReplay = Self(rawValue: 2)
    static let twoOwedReports = Self(rawValue: 4)
    static let completed = Self(rawValue: 8)
    static let gradientAfterTheReplay = Self(rawValue: 16)
    static let earlierPosition = Self(rawValue: 32)
    static let recordBeforeDurable = Self(rawValue: 64)
    static let secondCheckpoint = Self(rawValue: 128)
    static let run: Self = [.goneOn, .recordBeforeTheReplay, .twoOwedReports, .completed]
    static let lockStep: Self = [.gradientAfterTheReplay, .earlierPosition, .recordBeforeDurable, .secondCheckpoint]
  }

  private(set) var seen: Sights = []
  private var edge = ConversationStateMachine(role: .edge)
  private var cloud = ConversationStateMachine(role: .cloud)
  private var toCloud: [Message] = []
  private var toEdge: [Message] = []
  private let hello: Message
  private let probe: Message
  /// Where the cloud might go on.
  private let position: ResumePosition
  private var log: [String] = []

  init(_ exchange: Exchange, window: Int, _ generator: inout TestGenerator) throws {
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    let isResumable = exchange != .measurements && number(0...2) > 0
    let isSplit = exchange == .gradients
    let offer =
      !isResumable
      ? nil
      : isSplit
        ? ResumeOffer(positions: (0..<number(1...3)).map { _ in UInt64(number(0...6)) })
        : ResumeOffer(first: UInt64(number(1...4)), answered: UInt64(number(0...12)))
    let weights =
      exchange != .measurements && number(0...(isSplit ? 5 : 1)) == 0 ? WeightsOffer(bytes: 4, digest: testDigest) : nil
    hello = .hello(try TransportTests.hello(window: window, exchange: exchange, resume: offer, weights: weights))
    probe = .probe(try Probe(steps: 1, configuration: TestConfiguration(cut: 2)))
    position = ResumePosition(
      applied: UInt64(number(0...(isSplit ? 7 : 12))), epoch: number(1...3), steps: number(0...2),
      testBatches: max(0, number(-2...2)))
  }

  /// One side says something, or hears the next message, or there is nothing to do.
  ///
  /// - Returns: what was heard.
  /// - Throws: `Finding`.
  mutating func step(_ generator: inout TestGenerator) throws -> FrameType? {
    let isLast = Int.random(in: 0..<30, using: &generator) == 0
    var heard: FrameType?
    // In lock step there is not much to say before all has been heard. Who has refused only drains what comes.
    switch Int.random(in: 0..<(edge.exchange == .gradients ? 6 : 4), using: &generator) {
    case 0: toCloud += try say(\.edge, edgeMessages(last: isLast).shuffled(using: &generator))
    case 1: toEdge += try say(\.cloud, cloudMessages(last: isLast).shuffled(using: &generator))
    case let turn where turn % 2 == 0 && !toEdge.isEmpty: heard = try hear(\.edge, toEdge.removeFirst())
    case let turn where turn % 2 == 1 && !toCloud.isEmpty && cloud.phase != .refused:
      heard = try hear(\.cloud, toCloud.removeFirst())
    default: break
    }
    look()
    if heard != nil && toEdge.isEmpty && toCloud.isEmpty { try compare() }
    return heard
  }

  private mutating func look() {
    if edge.owesReplay && edge.unacknowledged > 0 { seen.insert(.recordBeforeTheReplay) }
    if edge.owedReports.count > 1 { seen.insert(.twoOwedReports) }
    if edge.owedGradient != nil && edge.owedGradient == edge.lastReplayed { seen.insert(.gradientAfterTheReplay) }
    if let owed = edge.owedCheckpoint, owed < edge.lastSequence { seen.insert(.recordBeforeDurable) }
    if let owed = edge.owedCheckpoint, edge.lastDurable > 0, owed > edge.lastDurable { seen.insert(.secondCheckpoint) }
    if toCloud.last == .goodbye(Goodbye(reason: .completed)) { seen.insert(.completed) }
  }

  private typealias Side = WritableKeyPath<Walk, ConversationStateMachine>

  private mutating func say(_ speaker: Side, _ messages: [Message]) throws -> [Message] {
    for message in messages {
      var next = self[keyPath: speaker]
      do throws(WireError) { try next.willSend(message) } catch {
        guard next == self[keyPath: speaker] else { throw finding("\(error), but the state has changed") }
        continue
      }
      log.append("the \(next.role) says \(message.type)")
      self[keyPath: speaker] = next
      try checkOrder(next)
      return [message]
    }
    return []
  }

  private mutating func hear(_ listener: Side, _ message: Message) throws -> FrameType {
    log.append("the \(self[keyPath: listener].role) hears \(message.type)")
    do throws(WireError) { try self[keyPath: listener].didReceive(message) } catch {
      throw finding("\(error)")
    }
    try checkOrder(self[keyPath: listener])
    if case .welcome(let welcome) = message, let applied = welcome.resume?.applied {
      seen.insert(.goneOn)
      if let positions = edge.offer?.positions, applied < positions.last ?? 0 { seen.insert(.earlierPosition) }
    }
    return message.type
  }

  /// The cloud's answers, its disk, and the edge's records keep their order, and the window holds.
  private func checkOrder(_ side: ConversationStateMachine) throws {
    guard side.isRunning else { return }
    let ends = side.owedReports.map(\.sequence)
    guard side.lastDurable <= side.lastAcknowledged, side.lastReplayed <= side.lastAcknowledged,
      side.lastAcknowledged < ends.first ?? .max, ends.last ?? 0 <= side.lastSequence, ends == ends.sorted(),
      side.unacknowledged - ends.count <= side.window
    else { throw finding("out of order: \(Self.mind(side))") }
    // Only epoch-ends pass a batch whose gradient is owed, and no answers.
    if let owed = side.owedGradient, owed < side.lastAcknowledged || side.lastSequence - owed != UInt64(ends.count) {
      throw finding("a record or an answer before the gradient: \(Self.mind(side))")
    }
    if let owed = side.owedCheckpoint, side.offer?.positions == nil || owed > side.lastAcknowledged {
      throw finding("a checkpoint that nobody can go on from: \(Self.mind(side))")
    }
  }

  /// Nothing is on its way.
  private func compare() throws {
    if edge.phase == .refused || cloud.phase == .refused { return }
    guard Self.mind(edge) == Self.mind(cloud) else {
      throw finding("of two minds: \(Self.mind(edge)), \(Self.mind(cloud))")
    }
    if edge.edgeHasEnded || edge.cloudHasEnded { return }
    // Whose turn it is has something to say, beside a sign of life.
    func isSpeechless(_ side: ConversationStateMachine, _ messages: [Message]) -> Bool {
      messages.allSatisfy { message in
        var next = side
        return (try? next.willSend(message)) == nil
      }
    }
    let edgeWaits = edge.unacknowledged > 0 || edge.owesReplay || edge.owedGradient != nil
    let isCloudsTurn = edge.isRunning ? edgeWaits : edge.expectsPeer
    let isEdgesTurn = edge.isRunning ? edge.unacknowledged < edge.window : cloud.expectsPeer
    // Who cannot welcome the edge refuses it.
    let answers = cloudMessages(last: false).filter { $0.type != .alive && $0.type != .durable }
    if isCloudsTurn && isSpeechless(cloud, answers + [ConversationTests.refusal]) {
      throw finding("the edge waits, and the cloud has nothing to say")
    }
    if let owed = edge.owedCheckpoint, isSpeechless(cloud, [durable(owed)]) {
      throw finding("the edge waits, and its checkpoint cannot become durable")
    }
    if isEdgesTurn && isSpeechless(edge, edgeMessages(last: false).filter { $0.type != .alive }) {
      throw finding("the cloud waits, and the edge has nothing to say")
    }
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

  private func finding(_ text: String) -> Finding {
    Finding(description: (log + [text]).joined(separator: "\n"))
  }
}

// MARK: What might be said, right and wrong

extension Walk {
  private func weights(_ sequence: UInt64, _ count: Int) -> Message {
    .weights(WeightsPart(sequence: sequence, bytes: [UInt8](repeating: 7, count: count)))
  }

  private func edgeMessages(last: Bool) -> [Message] {
    let next = edge.nextSequence
    var messages: [Message] = [
      hello, .trainBatch(batch(next)), .evaluationBatch(batch(next)), .trainImages(batch(next)),
      .testImages(batch(next)), .trainBatch(batch(next + 1)), .testImages(batch(next + 1)),
      .trainStep(StepRequest(sequence: next)), .evaluationStep(StepRequest(sequence: next)),
      .trainStep(StepRequest(sequence: next + 1)), .alive(Alive()),
      epochEnd(edge.epoch + 1, steps: edge.steps, next),
      epochEnd(edge.epoch, steps: edge.steps + 1, next), epochEnd(edge.epoch, steps: edge.steps, next + 1),
      checkpoint(edge.lastSequence), checkpoint(next), checkpoint(edge.lastSequence / 2), probe,
      .filler(Filler(sequence: next, byteCount: 3, answerByteCount: 5)),
      .filler(Filler(sequence: next + 1, byteCount: 3)), weights(1, 3), weights(1, 5), weights(2, 1), weights(2, 3),
    ]
    // Were there more, most walks would be about ends of epochs.
    if edge.owedReports.count <= edge.window { messages.append(epochEnd(edge.epoch, steps: edge.steps, next)) }
    // Not often at the very beginning, or most conversations would end there.
    if last || edge.epoch > 1 { messages.append(ConversationTests.goodbye(.completed)) }
    if last { messages += [ConversationTests.goodbye(.interrupted), ConversationTests.failure] }
    return messages
  }

  private func cloudMessages(last: Bool) -> [Message] {
    let owed = cloud.owedGradient ?? 1
    let (answered, lacking) = (cloud.lastAcknowledged, cloud.lastReplayed + 1)
    let epoch = cloud.owedReports.first?.epoch ?? cloud.epoch
    var messages: [Message] = [
      ConversationTests.welcome,
      .welcome(Welcome(maximumFrameBytes: 1 << 26, resume: position, softwareVersion: "0")),
      acknowledgement(answered), acknowledgement(answered + 1), acknowledgement(cloud.lastSequence),
      acknowledgement(cloud.lastSequence + 1), epochReport(epoch), epochReport(epoch + 1),
      .gradient(Gradient(sequence: owed, encoded: [])), .gradient(Gradient(sequence: owed + 1, encoded: [])),
      replay(lacking, batches: 1), replay(lacking, batches: 2), replay(lacking, batches: 1, report: 1),
      replay(lacking, batches: 0, report: 1), replay(lacking + 1, batches: 1),
      durable(answered), durable(answered + 1), durable(answered / 2), durable(cloud.owedCheckpoint ?? 0),
      .weightsRequest(WeightsRequest(digest: testDigest)),
      .weightsRequest(WeightsRequest(digest: String(testDigest.reversed()))),
      .alive(Alive()),
      .probeReport(ProbeReport(steps: 1, secondsPerStep: 0.5)),
      .filler(Filler(sequence: max(cloud.lastSequence, 1), byteCount: 5)),
      .filler(Filler(sequence: max(cloud.lastSequence, 1), byteCount: 4)),
    ]
    if last {
      messages += [Goodbye.Reason.completed, .interrupted].map { ConversationTests.goodbye($0) }
      messages += [ConversationTests.failure, ConversationTests.refusal]
    }
    return messages
  }
}
