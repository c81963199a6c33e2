import Platform
import Testing

@testable import Transport

/// Random conversations with messages in flight.
@Suite struct ConversationWalkTests {
  /// Whatever one side may say is legal where it arrives, however messages cross; whatever it may not say changes
  /// nothing; and once all has arrived, both sides are of one mind.
  @Test(arguments: Exchange.allCases) func whatMayBeSaidMayBeHeard(exchange: Exchange) throws {
    var generator = TestGenerator(state: 12)
    var heard: Set<FrameType> = []
    var seen = Walk.Sights()
    for _ in 0..<400 {
      let window = exchange == .gradients ? 1 : Int.random(in: 1...4, using: &generator)
      var walk = try Walk(exchange, window: window, &generator)
      for _ in 0..<Int.random(in: 10...100, using: &generator) {
        if let type = try walk.step(&generator) { heard.insert(type) }
      }
      seen.formUnion(walk.seen)
    }
    var types: Set<FrameType> = [.hello, .welcome, .refusal, .goodbye, .failure]
    switch exchange {
    case .measurements: types.formUnion([.probe, .probeReport, .filler])
    case .upload: types.formUnion([.trainImages, .testImages, .trainStep, .evaluationStep])
    case .activations, .images: types.formUnion([.trainBatch, .evaluationBatch])
    case .gradients: types.formUnion([.trainBatch, .evaluationBatch, .gradient])
    }
    if exchange != .measurements {
      types.formUnion([.acknowledgement, .epochEnd, .epochReport, .durable, .replay, .alive])
    }
    #expect(heard == types)
    #expect(seen == (exchange == .measurements ? [.completed] : .all))
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
    static let all: Self = [.goneOn, .recordBeforeTheReplay, .twoOwedReports, .completed]
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
    let offer = isResumable ? ResumeOffer(first: UInt64(number(1...4)), answered: UInt64(number(0...12))) : nil
    hello = .hello(try TransportTests.hello(window: window, exchange: exchange, resume: offer))
    probe = .probe(try Probe(steps: 1, configuration: TestConfiguration(cut: 2)))
    position = ResumePosition(
      applied: UInt64(number(0...12)), epoch: number(1...3), steps: number(0...2), testBatches: max(0, number(-2...2)))
  }

  /// One side says something, or hears the next message, or there is nothing to do.
  ///
  /// - Returns: what was heard.
  /// - Throws: `Finding`.
  mutating func step(_ generator: inout TestGenerator) throws -> FrameType? {
    let isLast = Int.random(in: 0..<30, using: &generator) == 0
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: toCloud += try say(\.edge, edgeMessages(last: isLast).shuffled(using: &generator))
    case 1: toEdge += try say(\.cloud, cloudMessages(last: isLast).shuffled(using: &generator))
    case 2 where !toEdge.isEmpty: return try hear(\.edge, toEdge.removeFirst())
    // Who has refused only drains what comes.
    case 3 where !toCloud.isEmpty && cloud.phase != .refused: return try hear(\.cloud, toCloud.removeFirst())
    default: break
    }
    look()
    if toEdge.isEmpty && toCloud.isEmpty { try compare() }
    return nil
  }

  private mutating func look() {
    if edge.owesReplay && edge.unacknowledged > 0 { seen.insert(.recordBeforeTheReplay) }
    if edge.owedReports.count > 1 { seen.insert(.twoOwedReports) }
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
    if case .welcome(let welcome) = message, welcome.resume != nil { seen.insert(.goneOn) }
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
        if message.type == .alive || message.type == .durable { return true }
        var next = side
        return (try? next.willSend(message)) == nil
      }
    }
    let isCloudsTurn = edge.isRunning ? edge.unacknowledged > 0 || edge.owesReplay : edge.expectsPeer
    let isEdgesTurn = edge.isRunning ? edge.unacknowledged < edge.window : cloud.expectsPeer
    // Who cannot welcome the edge refuses it.
    if isCloudsTurn && isSpeechless(cloud, cloudMessages(last: false) + [ConversationTests.refusal]) {
      throw finding("the edge waits, and the cloud has nothing to say")
    }
    if isEdgesTurn && isSpeechless(edge, edgeMessages(last: false)) {
      throw finding("the cloud waits, and the edge has nothing to say")
    }
  }

  private static func mind(_ side: ConversationStateMachine) -> String {
    """
    \(side.phase) \(side.window) \(side.exchange) epoch \(side.epoch) \(side.steps) \(side.batchesInEpoch) \
    record \(side.lastSequence) \(side.lastAcknowledged) \(side.lastReplayed) \(side.lastDurable) \
    owed \(side.owedReports) \(String(describing: side.owedGradient)) \(String(describing: side.owedAnswer)) \
    ended \(side.edgeHasEnded) \(side.cloudHasEnded)
    """
  }

  private func finding(_ text: String) -> Finding {
    Finding(description: (log + [text]).joined(separator: "\n"))
  }
}

// MARK: What might be said, right and wrong

extension Walk {
  private func edgeMessages(last: Bool) -> [Message] {
    let next = edge.nextSequence
    var messages: [Message] = [
      hello, .trainBatch(batch(next)), .evaluationBatch(batch(next)), .trainImages(batch(next)),
      .testImages(batch(next)), .trainBatch(batch(next + 1)), .testImages(batch(next + 1)),
      .trainStep(StepRequest(sequence: next)), .evaluationStep(StepRequest(sequence: next)),
      .trainStep(StepRequest(sequence: next + 1)), .alive(Alive()),
      epochEnd(edge.epoch, steps: edge.steps, next), epochEnd(edge.epoch + 1, steps: edge.steps, next),
      epochEnd(edge.epoch, steps: edge.steps + 1, next), epochEnd(edge.epoch, steps: edge.steps, next + 1),
      probe,
      .filler(Filler(sequence: next, byteCount: 3, answerByteCount: 5)),
      .filler(Filler(sequence: next + 1, byteCount: 3)),
    ]
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
      durable(answered), durable(answered + 1), durable(answered / 2), .alive(Alive()),
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
