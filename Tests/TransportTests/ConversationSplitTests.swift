import Platform
import Testing

@testable import Transport

/// The order of messages where a run goes on that exchanges gradients: from which records, and with which answers.
@Suite struct ConversationSplitTests: ConversationSpeech {
  /// The edge can go on after the records 4 and 7.
  static func opening(
    _ applied: UInt64, epoch: Int = 3, steps: Int = 0, testBatches: Int = 0, positions: [UInt64] = [4, 7]
  ) throws -> [Line] {
    try ConversationTests.opening(
      window: 1, exchange: .gradients, offer: ResumeOffer(positions: positions),
      resume: ResumePosition(applied: applied, epoch: epoch, steps: steps, testBatches: testBatches))
  }
  /// The cloud has trained on batch 8, which the edge has no answer to.
  private static func owing() throws -> [Line] { try opening(8, steps: 3) }
  /// The edge lacks only the gradient of batch 8.
  static func owingGradient() throws -> [Line] { try owing() + [tell(8)] }
  private static func new(_ positions: [UInt64]) throws -> [Line] {
    try ConversationTests.opening(window: 1, exchange: .gradients, offer: ResumeOffer(positions: positions))
  }

  private static let completed = Line.edge(ConversationTests.goodbye(.completed))

  static let cases: [Case] = positions + wrongPositions + answers + wrongRecords + wrongAnswers

  static let positions: [Case] = [
    Case("after the last position") { try opening(7, steps: 3) + [train(8), answer(8), acknowledge(8)] },
    Case("after the one before") { try opening(4, steps: 3) + [train(5), answer(5), acknowledge(5)] },
    Case("one later than the one before: nothing is told again") {
      try opening(5, steps: 3) + [train(6), answer(6), acknowledge(6)]
    },
    Case("at the end of the run") { try opening(7) + [completed] },
    Case("from the beginning") { try new([0]) + [train(1), answer(1), acknowledge(1)] },
    Case("from the beginning, with later positions") { try new([0, 7]) + [train(1), answer(1), acknowledge(1)] },
    Case("after the first record") {
      try opening(1, epoch: 1, steps: 1, positions: [0]) + [tell(1), answer(1), train(2)]
    },
    Case("refused") {
      try Array(new([4, 7]).prefix(1))
        + [.cloud(.refusal(Refusal(code: .cannotResume, reason: "nothing in common")))]
    },
  ]

  private static func welcome(_ positions: String = "4, 7") -> String {
    "welcome to go on after one of \(positions), or one later, refusal, failure"
  }

  static let wrongPositions: [Case] = [
    Case("before all", order(welcome(), "welcome to go on after 3 from the cloud")) { try opening(3, steps: 3) },
    Case("between two", order(welcome(), "welcome to go on after 6 from the cloud")) { try opening(6, steps: 3) },
    Case("two later than the last one", order(welcome(), "welcome to go on after 9 from the cloud")) {
      try opening(9, steps: 3)
    },
    Case("at the beginning", order(welcome(), "welcome to go on after 0 from the cloud")) { try opening(0, epoch: 1) },
    Case("at the beginning, by no position", order(welcome(), "welcome from the cloud")) { try new([4, 7]) },
    Case("at the beginning, where only one later is", order(welcome("1"), "welcome from the cloud")) { try new([1]) },
    Case("two later than the beginning", order(welcome("0"), "welcome to go on after 2 from the cloud")) {
      try opening(2, epoch: 1, steps: 2, positions: [0])
    },
  ]

  static let answers: [Case] = [
    Case("a batch of training: its gradient after the replay") {
      try owing() + [tell(8), answer(8), train(9), answer(9), acknowledge(9)]
    },
    Case("the last batch of training: evaluation after its gradient") {
      try owingGradient() + [answer(8), evaluate(9), acknowledge(9)]
    },
    Case("the end of the epoch crosses the replay and the gradient") {
      try owing() + [end(3, steps: 3, 9), tell(8), answer(8), report(3), train(10)]
    },
    Case("a batch of evaluation") {
      try opening(8, steps: 3, testBatches: 1) + [tell(8), evaluate(9), acknowledge(9)]
    },
    Case("a batch of evaluation crosses the replay") {
      try opening(8, steps: 3, testBatches: 1) + [evaluate(9), tell(8), acknowledge(9)]
    },
    Case("the end of an epoch") { try opening(8) + [tell(8, batches: 0, report: 2), train(9), answer(9)] },
    Case("the end of the run") { try opening(8) + [tell(8, batches: 0, report: 2), completed] },
    Case("the gradient crosses an interruption") {
      try owingGradient() + [.edge(ConversationTests.goodbye(.interrupted)), answer(8)]
    },
    Case("interrupted before the gradient") { try owingGradient() + [.cloud(ConversationTests.goodbye(.interrupted))] },
  ]

  private static let waiting =
    "no batch before gradient 8, epoch-end 9 of epoch 3 after 3 steps, goodbye (interrupted), failure"

  static let wrongRecords: [Case] = [
    Case("training before the replay", order(waiting, "train-batch 9 from the edge")) { try owing() + [train(9)] },
    Case("training before the gradient", order(waiting, "train-batch 9 from the edge")) {
      try owingGradient() + [train(9)]
    },
    Case("evaluation before the gradient", order(waiting, "evaluation-batch 9 from the edge")) {
      try owingGradient() + [evaluate(9)]
    },
    Case("completed before the gradient", order(waiting, "goodbye (completed) from the edge")) {
      try owingGradient() + [completed]
    },
    Case(
      "completed before the replay",
      order(
        "train-batch 9, evaluation-batch 9, epoch-end 9 of epoch 3 after 0 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening(8) + [completed] },
    Case(
      "the batch once more",
      order(
        "train-batch 9, evaluation-batch 9, epoch-end 9 of epoch 3 after 3 steps, checkpoint at 8, "
          + "goodbye (interrupted), failure", "train-batch 8 from the edge")
    ) { try owingGradient() + [answer(8), train(8)] },
  ]

  private static let replays = "replay from 8 to 8 at most, goodbye (interrupted), failure"
  private static let nothing = "goodbye (interrupted), failure"

  static let wrongAnswers: [Case] = [
    Case("the gradient before the replay", order(replays, "gradient 8 from the cloud")) { try owing() + [answer(8)] },
    Case("the next answer before the replay", order(replays, "gradient 9 from the cloud")) {
      try opening(8) + [train(9), answer(9)]
    },
    Case("a replay of one more", order(replays, "replay from 8 to 9 from the cloud")) {
      try owing() + [tell(8, batches: 2)]
    },
    Case("the gradient of another batch", order("gradient 8, \(nothing)", "gradient 7 from the cloud")) {
      try owingGradient() + [answer(7)]
    },
    Case("the gradient twice", order(nothing, "gradient 8 from the cloud")) {
      try owingGradient() + [answer(8), answer(8)]
    },
    Case("a report in place of the gradient", order("gradient 8, \(nothing)", "epoch-report of epoch 3 from the cloud"))
    { try owingGradient() + [end(3, steps: 3, 9), report(3)] },
    Case("a gradient of evaluation", order(nothing, "gradient 8 from the cloud")) {
      try opening(8, steps: 3, testBatches: 1) + [tell(8), answer(8)]
    },
    Case("a gradient of the end of an epoch", order(nothing, "gradient 8 from the cloud")) {
      try opening(8) + [tell(8, batches: 0, report: 2), answer(8)]
    },
    Case("the gradient of the last position", order(nothing, "gradient 7 from the cloud")) {
      try opening(7, steps: 3) + [answer(7)]
    },
    Case("a replay of the last position", order(nothing, "replay from 7 to 7 from the cloud")) {
      try opening(7, steps: 3) + [tell(7)]
    },
    Case("the gradient of what lies before the last position", order(nothing, "gradient 5 from the cloud")) {
      try opening(5, steps: 3) + [answer(5)]
    },
    Case("a replay of what lies before the last position", order(nothing, "replay from 5 to 5 from the cloud")) {
      try opening(5, steps: 3) + [tell(5)]
    },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  /// What has come before a batch may be sent.
  @Test(arguments: [Role.edge, .cloud]) func turns(role: Role) throws {
    var lines = try Self.owing()
    func check(canSend: Bool, owed: UInt64?, sourceLocation: SourceLocation = #_sourceLocation) throws {
      let machine = try ConversationTests.play(lines, as: role)
      #expect(machine.canSendBatch == canSend, sourceLocation: sourceLocation)
      #expect(machine.owedGradient == owed, sourceLocation: sourceLocation)
      #expect(machine.expectsPeer && !machine.isBetweenEpochs, sourceLocation: sourceLocation)
    }
    try check(canSend: false, owed: 8)
    lines.append(Self.tell(8))
    try check(canSend: false, owed: 8)
    lines.append(try Self.answer(8))
    try check(canSend: true, owed: nil)
    lines.append(Self.train(9))
    try check(canSend: false, owed: 9)
    lines.append(try Self.answer(9))
    try check(canSend: false, owed: nil)
    lines.append(Self.acknowledge(9))
    try check(canSend: true, owed: nil)
  }
}
