import Platform
import Testing

@testable import Transport

/// What may come at any time in a run: the cloud's word on what is on its disk, and signs of life.
@Suite struct ConversationDurabilityTests: ConversationSpeech {
  private static func opening(window: Int = 4) throws -> [Line] { try ConversationTests.opening(window: window) }
  /// A run after record 6, of which the edge lacks the answers 3 to 6.
  private static func owing() throws -> [Line] {
    try ConversationTests.opening(
      offer: ResumeOffer(first: 1, answered: 2),
      resume: ResumePosition(applied: 6, epoch: 1, steps: 6, testBatches: 0))
  }

  static let cases: [Case] = [
    Case("durable up to what is acknowledged") {
      try opening() + [train(1), train(2), acknowledge(2), keep(1), keep(2), train(3), acknowledge(3), keep(3)]
    },
    Case("durable again") { try opening() + [keep(0), train(1), acknowledge(1), keep(1), keep(1)] },
    Case("the end of an epoch is durable") { try opening() + [end(1, steps: 0, 1), report(1), keep(1)] },
    Case("durable while a report is owed") {
      try opening() + [train(1), end(1, steps: 1, 2), acknowledge(1), keep(1), report(1), keep(2)]
    },
    Case("durable from the beginning of a run that goes on") {
      try owing() + [keep(6), .cloud(replay(3, batches: 4))]
    },
    Case("durable crosses an interruption") {
      try opening() + [train(1), acknowledge(1), .edge(ConversationTests.goodbye(.interrupted)), keep(1)]
    },
    Case(
      "durable beyond what is acknowledged",
      order(
        "acknowledgement of 2 to 2, durable of 0 to 1, goodbye (interrupted), failure",
        "durable of 2 from the cloud")
    ) { try opening() + [train(1), train(2), acknowledge(1), keep(2)] },
    Case(
      "durable with the end of an epoch that is not reported",
      order(
        "epoch-report of epoch 1, durable of 0 to 1, goodbye (interrupted), failure", "durable of 2 from the cloud")
    ) { try opening() + [train(1), end(1, steps: 1, 2), acknowledge(1), keep(2)] },
    Case(
      "durable beyond what is applied",
      order(
        "replay from 3 to 6 at most, durable of 0 to 6, goodbye (interrupted), failure", "durable of 7 from the cloud")
    ) { try owing() + [train(7), keep(7)] },
    Case(
      "durable goes back",
      order("durable of 2 to 3, goodbye (interrupted), failure", "durable of 1 from the cloud")
    ) { try opening() + [train(1), train(2), train(3), acknowledge(3), keep(2), keep(1)] },
    Case("durable before the welcome", order("welcome, refusal, failure", "durable of 0 from the cloud")) {
      [.edge(.hello(try hello())), keep(0)]
    },
    Case(
      "durable from the edge",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "durable of 0 from the edge")
    ) { try opening() + [.edge(durable(0))] },
    Case(
      "durable where the edge measures", order("goodbye (interrupted), failure", "durable of 0 from the cloud")
    ) { try ConversationTests.opening(exchange: .measurements) + [keep(0)] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  // MARK: Signs of life

  /// A moment of a conversation, and who may say that it lives.
  struct Moment: Sendable, CustomTestStringConvertible {
    let name: String
    let speakers: Set<Role>
    let lines: @Sendable () throws -> [Line]

    init(_ name: String, _ speakers: Set<Role>, _ lines: @escaping @Sendable () throws -> [Line]) {
      (self.name, self.speakers, self.lines) = (name, speakers, lines)
    }

    var testDescription: String { name }
  }

  static let moments: [Moment] = [
    Moment("opening", []) { [] },
    Moment("greeted", []) { [.edge(.hello(try hello()))] },
    Moment("refused", []) { [.edge(.hello(try hello())), .cloud(ConversationTests.refusal)] },
    Moment("uploading", [.edge, .cloud]) { try ConversationTests.opening(exchange: .upload) },
    Moment("uploading, an acknowledgement owed", [.edge, .cloud]) {
      try ConversationTests.opening(exchange: .upload) + [.edge(.trainImages(batch(1)))]
    },
    Moment("training", [.edge, .cloud]) { try opening() },
    Moment("training, the window full", [.edge, .cloud]) { try opening(window: 1) + [train(1)] },
    Moment("training, a gradient owed", [.edge, .cloud]) {
      try ConversationTests.opening(window: 1, exchange: .gradients) + [train(1)]
    },
    Moment("evaluating", [.edge, .cloud]) { try opening() + [ConversationTests.evaluate(1)] },
    Moment("a report owed", [.edge, .cloud]) { try opening() + [end(1, steps: 0, 1)] },
    Moment("a replay owed", [.edge, .cloud]) { try owing() },
    Moment("a gradient owed after a replay", [.edge, .cloud]) { try ConversationSplitTests.owingGradient() },
    Moment("a checkpoint owed", [.edge, .cloud]) { try ConversationCheckpointTests.asked() },
    Moment("the edge has ended", [.cloud]) { try opening() + [.edge(ConversationTests.goodbye(.interrupted))] },
    Moment("the cloud has ended", [.edge]) { try opening() + [.cloud(ConversationTests.goodbye(.interrupted))] },
    Moment("the cloud has failed", [.edge]) { try opening() + [.cloud(ConversationTests.failure)] },
    Moment("measuring", []) { try ConversationTests.opening(exchange: .measurements) },
    Moment("measuring, an answer owed", []) {
      try ConversationTests.opening(exchange: .measurements)
        + [.edge(.filler(Filler(sequence: 1, byteCount: 3, answerByteCount: 5)))]
    },
  ]

  /// However often, it changes nothing.
  @Test(arguments: moments, [Role.edge, .cloud])
  func alive(moment: Moment, role: Role) throws {
    let lines = try moment.lines()
    let before = try ConversationTests.play(lines, as: role)
    for speaker in [Role.edge, .cloud] {
      let sign = speaker == .edge ? Line.edge(.alive(Alive())) : .cloud(.alive(Alive()))
      if moment.speakers.contains(speaker) {
        #expect(try ConversationTests.play(lines + [sign, sign], as: role) == before)
      } else {
        let error = #expect(throws: WireError.self) { try ConversationTests.play(lines + [sign], as: role) }
        guard case .order(_, "alive from the \(speaker)") = error else {
          Issue.record("got \(String(describing: error))")
          return
        }
      }
    }
  }
}
