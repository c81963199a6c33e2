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
    for _ in 0..<120 {
      let window = exchange == .gradients ? 1 : Int.random(in: 1...3, using: &generator)
      var walk = try Walk(exchange, window: window)
      for _ in 0..<Int.random(in: 10...100, using: &generator) {
        if let type = try walk.step(&generator) { heard.insert(type) }
      }
    }
    var types: Set<FrameType> = [.hello, .welcome, .refusal, .goodbye, .failure]
    switch exchange {
    case .measurements: types.formUnion([.probe, .probeReport, .filler])
    case .upload:
      types.formUnion([.trainImages, .testImages, .acknowledgement, .epochEnd, .batchReport, .epochReport])
    case .activations, .gradients, .images:
      types.formUnion([.trainBatch, .evaluationBatch, .acknowledgement, .epochEnd, .epochReport])
      if exchange == .gradients { types.insert(.gradient) }
    }
    #expect(heard == types)
  }
}

/// Both ends of a conversation, and what is on its way between them.
private struct Walk {
  /// What the walk has shown to be wrong, with all that was said.
  struct Finding: Error, CustomStringConvertible {
    let description: String
  }

  private var edge = ConversationStateMachine(role: .edge)
  private var cloud = ConversationStateMachine(role: .cloud)
  private var toCloud: [Message] = []
  private var toEdge: [Message] = []
  private let hello: Message
  private let probe: Message
  private var log: [String] = []

  init(_ exchange: Exchange, window: Int) throws {
    hello = .hello(try TransportTests.hello(window: window, exchange: exchange))
    probe = .probe(try Probe(steps: 1, configuration: TestConfiguration(cut: 2)))
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
    if toEdge.isEmpty && toCloud.isEmpty { try compare() }
    return nil
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
      return [message]
    }
    return []
  }

  private mutating func hear(_ listener: Side, _ message: Message) throws -> FrameType {
    log.append("the \(self[keyPath: listener].role) hears \(message.type)")
    do throws(WireError) { try self[keyPath: listener].didReceive(message) } catch {
      throw finding("\(error)")
    }
    return message.type
  }

  /// Nothing is on its way.
  private func compare() throws {
    if edge.phase == .refused || cloud.phase == .refused { return }
    guard Self.mind(edge) == Self.mind(cloud) else {
      throw finding("of two minds: \(Self.mind(edge)), \(Self.mind(cloud))")
    }
    if edge.edgeHasEnded || edge.cloudHasEnded { return }
    // Who waits for the other waits for something.
    func isSpeechless(_ side: ConversationStateMachine, _ messages: [Message]) -> Bool {
      messages.allSatisfy { message in
        var next = side
        return (try? next.willSend(message)) == nil
      }
    }
    if edge.expectsPeer && isSpeechless(cloud, cloudMessages(last: false)) {
      throw finding("the edge waits, and the cloud has nothing to say")
    }
    if cloud.expectsPeer && isSpeechless(edge, edgeMessages(last: false)) {
      throw finding("the cloud waits, and the edge has nothing to say")
    }
  }

  private static func mind(_ side: ConversationStateMachine) -> String {
    """
    \(side.phase) \(side.window) \(side.exchange) epoch \(side.epoch) \(side.steps) \(side.batchesInEpoch) \
    batch \(side.lastSequence) \(side.lastAcknowledged) owed \(String(describing: side.owedGradient)) \
    \(String(describing: side.owedAnswer)) ended \(side.edgeHasEnded) \(side.cloudHasEnded)
    """
  }

  private func finding(_ text: String) -> Finding {
    Finding(description: (log + [text]).joined(separator: "\n"))
  }

  // MARK: What might be said, right and wrong

  private func edgeMessages(last: Bool) -> [Message] {
    let next = edge.nextSequence
    var messages: [Message] = [
      hello, .trainBatch(batch(next)), .evaluationBatch(batch(next)), .trainImages(batch(next)),
      .testImages(batch(next)), .trainBatch(batch(next + 1)), .testImages(batch(next + 1)),
      epochEnd(edge.epoch, steps: edge.steps), epochEnd(edge.epoch + 1, steps: edge.steps),
      epochEnd(edge.epoch, steps: edge.steps + 1),
      probe,
      .filler(Filler(sequence: next, byteCount: 3, answerByteCount: 5)),
      .filler(Filler(sequence: next + 1, byteCount: 3)),
    ]
    if last {
      messages += [Goodbye.Reason.completed, .interrupted].map { .goodbye(Goodbye(reason: $0)) }
      messages.append(ConversationTests.failure)
    }
    return messages
  }

  private func cloudMessages(last: Bool) -> [Message] {
    let owed = cloud.owedGradient ?? 1
    var messages: [Message] = [
      ConversationTests.welcome, .welcome(HandshakeTests.welcome),
      acknowledgement(cloud.lastAcknowledged), acknowledgement(cloud.lastAcknowledged + 1),
      acknowledgement(cloud.lastSequence), acknowledgement(cloud.lastSequence + 1),
      .gradient(Gradient(sequence: owed, encoded: [])), .gradient(Gradient(sequence: owed + 1, encoded: [])),
      epochReport(cloud.epoch), epochReport(cloud.epoch + 1),
      .probeReport(ProbeReport(steps: 1, secondsPerStep: 0.5)),
      .filler(Filler(sequence: max(cloud.lastSequence, 1), byteCount: 5)),
      .filler(Filler(sequence: max(cloud.lastSequence, 1), byteCount: 4)),
    ]
    for number in 1...3 {
      messages += [
        batchReport(number, epoch: cloud.epoch), batchReport(number, .evaluation, epoch: cloud.epoch),
      ]
    }
    if last {
      messages += [Goodbye.Reason.completed, .interrupted].map { .goodbye(Goodbye(reason: $0)) }
      messages += [ConversationTests.failure, ConversationTests.refusal]
    }
    return messages
  }
}
