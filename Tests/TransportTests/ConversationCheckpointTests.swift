import Platform
import Testing

@testable import Transport

/// Where gradients are exchanged: both sides write their state at the same record.
@Suite struct ConversationCheckpointTests: ConversationSpeech {
  private static func opening() throws -> [Line] {
    try ConversationTests.opening(window: 1, exchange: .gradients, offer: ResumeOffer(positions: [0]))
  }
  /// A training step, from its batch to its acknowledgement.
  private static func step(_ sequence: UInt64) throws -> [Line] {
    [train(sequence), .cloud(.gradient(try gradient(sequence))), acknowledge(sequence)]
  }
  private static func ask(_ sequence: UInt64, number: Int = 1) -> Line { .edge(checkpoint(sequence, number: number)) }
  /// A checkpoint at record 1 is asked for.
  static func asked() throws -> [Line] { try opening() + step(1) + [ask(1)] }

  static let cases: [Case] = legal + wrongMoments + wrongAnswers

  static let legal: [Case] = [
    Case("durable at once") { try asked() + [keep(1)] + step(2) },
    Case("a batch crosses durable") { try asked() + [train(2), keep(1), .cloud(.gradient(try gradient(2)))] },
    Case("durable some records later") { try asked() + step(2) + step(3) + [keep(1)] },
    Case("the next one when it is durable") {
      try asked() + step(2) + [keep(1), ask(2, number: 2)] + step(3) + [keep(2), ask(3, number: 3), keep(3)]
    },
    Case("the next one at the same record") { try asked() + [keep(1), ask(1, number: 2), keep(1)] },
    Case("after evaluation") { try opening() + step(1) + [evaluate(2), acknowledge(2), ask(2), keep(2)] },
    Case("after the end of an epoch") {
      try opening() + step(1) + [end(1, steps: 1, 2), report(1), ask(2), train(3), keep(2)]
    },
    Case("where the run goes on") { try ConversationSplitTests.opening(7, steps: 3) + [ask(7), keep(7)] },
    Case("after a replay, and its gradient") {
      try ConversationSplitTests.owingGradient() + [.cloud(.gradient(try gradient(8))), ask(8), keep(8)]
    },
    Case("crosses an interruption by the cloud") {
      try opening() + step(1) + [.cloud(ConversationTests.goodbye(.interrupted)), ask(1)]
    },
    Case("durable crosses an interruption by the edge") {
      try asked() + [.edge(ConversationTests.goodbye(.interrupted)), keep(1)]
    },
    Case("completed before it is durable") {
      try opening() + step(1) + [end(1, steps: 1, 2), report(1), ask(2)]
        + [.edge(ConversationTests.goodbye(.completed)), keep(2)]
    },
  ]

  private static func after(_ sequence: UInt64, steps: Int, checkpoint: Bool = true) -> String {
    "train-batch \(sequence + 1), evaluation-batch \(sequence + 1), epoch-end \(sequence + 1) of epoch 1 after \(steps) "
      + "steps, \(checkpoint ? "checkpoint at \(sequence), " : "")goodbye (interrupted), failure"
  }
  private static func full(_ next: UInt64, epoch: Int = 1, steps: Int) -> String {
    "no batch while 1 of 1 are unacknowledged, epoch-end \(next) of epoch \(epoch) after \(steps) steps, "
      + "goodbye (interrupted), failure"
  }

  static let wrongMoments: [Case] = [
    Case(
      "before the first record",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "checkpoint at 0 from the edge")
    ) { try opening() + [ask(0)] },
    Case("while the gradient is owed", order(full(2, steps: 1), "checkpoint at 1 from the edge")) {
      try opening() + [train(1), ask(1)]
    },
    Case("while the acknowledgement is owed", order(full(2, steps: 1), "checkpoint at 1 from the edge")) {
      try opening() + [train(1), .cloud(.gradient(try gradient(1))), ask(1)]
    },
    Case("of the record before", order(full(3, steps: 2), "checkpoint at 1 from the edge")) {
      try opening() + step(1) + [train(2), ask(1)]
    },
    Case("while the report is owed", order(full(3, epoch: 2, steps: 0), "checkpoint at 2 from the edge")) {
      try opening() + step(1) + [end(1, steps: 1, 2), ask(2)]
    },
    Case("at an earlier record", order(after(2, steps: 2), "checkpoint at 1 from the edge")) {
      try opening() + step(1) + step(2) + [ask(1)]
    },
    Case("at a later record", order(after(1, steps: 1), "checkpoint at 2 from the edge")) {
      try opening() + step(1) + [ask(2)]
    },
    Case("twice", order(after(1, steps: 1, checkpoint: false), "checkpoint at 1 from the edge")) {
      try asked() + [ask(1, number: 2)]
    },
    Case(
      "the next one before it is durable",
      order(after(2, steps: 2, checkpoint: false), "checkpoint at 2 from the edge")
    ) { try asked() + step(2) + [ask(2, number: 2)] },
    Case(
      "while the replay is owed",
      order(
        "evaluation-batch 9, epoch-end 9 of epoch 3 after 3 steps, goodbye (interrupted), failure",
        "checkpoint at 8 from the edge")
    ) { try ConversationSplitTests.opening(8, steps: 3, testBatches: 1) + [ask(8)] },
    Case(
      "after a replay, while its gradient is owed",
      order(
        "no batch before gradient 8, epoch-end 9 of epoch 3 after 3 steps, goodbye (interrupted), failure",
        "checkpoint at 8 from the edge")
    ) { try ConversationSplitTests.owingGradient() + [ask(8)] },
    Case(
      "without an offer", order(after(1, steps: 1, checkpoint: false), "checkpoint at 1 from the edge")
    ) { try ConversationTests.opening(window: 1, exchange: .gradients) + step(1) + [ask(1)] },
    Case("before hello", order("hello, failure", "checkpoint at 1 from the edge")) { [ask(1)] },
    Case("before the welcome", order("goodbye (interrupted), failure", "checkpoint at 1 from the edge")) {
      try Array(opening().prefix(1)) + [ask(1)]
    },
    Case("after goodbye", order("nothing more from the edge", "checkpoint at 1 from the edge")) {
      try opening() + step(1) + [.edge(ConversationTests.goodbye(.interrupted)), ask(1)]
    },
    Case("from the cloud", order("goodbye (interrupted), failure", "checkpoint at 1 from the cloud")) {
      try opening() + step(1) + [.cloud(checkpoint(1))]
    },
  ]

  /// What has crossed the question would be taken for its answer by one side only.
  static let wrongAnswers: [Case] = [
    Case("durable without a question", order("goodbye (interrupted), failure", "durable of 1 from the cloud")) {
      try opening() + step(1) + [keep(1)]
    },
    Case("nothing is durable", order("goodbye (interrupted), failure", "durable of 0 from the cloud")) {
      try opening() + [keep(0)]
    },
    Case("durable where the run goes on", order("goodbye (interrupted), failure", "durable of 7 from the cloud")) {
      try ConversationSplitTests.opening(7, steps: 3) + [keep(7)]
    },
    Case("durable twice", order("goodbye (interrupted), failure", "durable of 1 from the cloud")) {
      try asked() + [keep(1), keep(1)]
    },
    Case(
      "durable at an earlier record",
      order(
        "durable of 2, goodbye (interrupted), failure", "durable of 1 from the cloud")
    ) { try opening() + step(1) + step(2) + [ask(2), keep(1)] },
    Case(
      "durable at a later record",
      order(
        "durable of 1, goodbye (interrupted), failure", "durable of 2 from the cloud")
    ) { try asked() + step(2) + [keep(2)] },
    Case(
      "the next batch's gradient is owed, too",
      order(
        "gradient 2, durable of 1, goodbye (interrupted), failure", "gradient 1 from the cloud")
    ) { try asked() + [train(2), .cloud(.gradient(try gradient(1)))] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  /// Where no gradients are exchanged, the cloud writes when it likes.
  @Test(arguments: Exchange.allCases.filter { $0 != .gradients }, [Role.edge, .cloud])
  func otherExchanges(exchange: Exchange, role: Role) throws {
    let offer = exchange == .measurements ? nil : ResumeOffer(first: 1, answered: 0)
    let opening = try ConversationTests.opening(exchange: exchange, offer: offer)
    let first: Message? =
      switch exchange {
      case .upload: .trainStep(StepRequest(sequence: 1))
      case .measurements: nil
      case .activations, .gradients, .images: .trainBatch(batch(1))
      }
    var moments = [opening]
    if let first { moments.append(opening + [.edge(first), Self.acknowledge(1)]) }
    for lines in moments {
      let before = try ConversationTests.play(lines, as: role)
      #expect(!before.canRequestCheckpoint)
      let error = #expect(throws: WireError.self) { try ConversationTests.play(lines + [Self.ask(1)], as: role) }
      guard case .order(let expected, "checkpoint at 1 from the edge") = error else {
        Issue.record("got \(String(describing: error))")
        return
      }
      #expect(!expected.contains("checkpoint"))
    }
  }

  /// Until when the next one has to wait.
  @Test(arguments: [Role.edge, .cloud]) func oneAtATime(role: Role) throws {
    var lines = try Self.opening()
    func check(canRequest: Bool, owed: UInt64? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let machine = try ConversationTests.play(lines, as: role)
      #expect(machine.canRequestCheckpoint == canRequest, sourceLocation: sourceLocation)
      #expect(machine.owedCheckpoint == owed, sourceLocation: sourceLocation)
    }
    try check(canRequest: false)
    lines.append(Self.train(1))
    try check(canRequest: false)
    lines.append(.cloud(.gradient(try gradient(1))))
    try check(canRequest: false)
    lines.append(Self.acknowledge(1))
    try check(canRequest: true)
    lines.append(Self.ask(1))
    try check(canRequest: false, owed: 1)
    lines += try Self.step(2)
    try check(canRequest: false, owed: 1)
    lines.append(Self.keep(1))
    try check(canRequest: true)
  }
}
