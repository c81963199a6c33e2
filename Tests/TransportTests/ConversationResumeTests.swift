import Platform
import Testing

@testable import Transport

/// The order of messages where a run goes on that had begun: positions, and replays of what the edge lacks.
@Suite struct ConversationResumeTests: ConversationSpeech {
  /// The edge has kept records from 2 on.
  private static func opening(
    _ applied: UInt64, epoch: Int = 3, steps: Int = 0, testBatches: Int = 0, answered: UInt64? = nil
  ) throws -> [Line] {
    try ConversationTests.opening(
      offer: ResumeOffer(first: 2, answered: answered ?? applied),
      resume: ResumePosition(applied: applied, epoch: epoch, steps: steps, testBatches: testBatches))
  }
  /// A run of which the edge lacks the answers 3 to 6.
  private static func owing() throws -> [Line] { try opening(6, steps: 2, answered: 2) }
  private static let completed = Line.edge(ConversationTests.goodbye(.completed))

  static let cases: [Case] = positions + offers + replays + wrongReplays

  static let positions: [Case] = [
    Case("in training") { try opening(12, steps: 5) + [train(13), acknowledge(13), end(3, steps: 6, 14), report(3)] },
    Case("after the last batch of training") { try opening(12, steps: 5) + [evaluate(13)] },
    Case("in evaluation") { try opening(12, steps: 5, testBatches: 2) + [evaluate(13), end(3, steps: 5, 14)] },
    Case("at the beginning of an epoch") { try opening(12) + [train(13), end(3, steps: 1, 14)] },
    Case("at the end of the run") { try opening(12) + [completed] },
    Case(
      "in evaluation, with a batch of training",
      order(
        "evaluation-batch 13, epoch-end 13 of epoch 3 after 5 steps, goodbye (interrupted), failure",
        "train-batch 13 from the edge")
    ) { try opening(12, steps: 5, testBatches: 2) + [train(13)] },
    Case(
      "with a record that is applied",
      order(
        "train-batch 13, evaluation-batch 13, epoch-end 13 of epoch 3 after 5 steps, goodbye (interrupted), failure",
        "train-batch 12 from the edge")
    ) { try opening(12, steps: 5) + [train(12)] },
    Case(
      "with an epoch whose steps before are not counted",
      order(
        "train-batch 14, evaluation-batch 14, epoch-end 14 of epoch 3 after 6 steps, goodbye (interrupted), failure",
        "epoch-end 14 of epoch 3 after 1 steps from the edge")
    ) { try opening(12, steps: 5) + [train(13), end(3, steps: 1, 14)] },
    Case(
      "completed in training",
      order(
        "train-batch 13, evaluation-batch 13, epoch-end 13 of epoch 3 after 5 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening(12, steps: 5) + [completed] },
    Case(
      "completed in evaluation",
      order(
        "evaluation-batch 13, epoch-end 13 of epoch 3 after 0 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening(12, testBatches: 2) + [completed] },
  ]

  static let offers: [Case] = [
    Case("the earliest position that the edge can go on from") { try opening(1, epoch: 1, steps: 1) + [train(2)] },
    Case("from the beginning, by position") {
      try ConversationTests.opening(
        offer: ResumeOffer(first: 1, answered: 0),
        resume: ResumePosition(applied: 0, epoch: 1, steps: 0, testBatches: 0)) + [train(1)]
    },
    Case("from the beginning, since the cloud has nothing") {
      try ConversationTests.opening(offer: ResumeOffer(first: 1, answered: 3)) + [train(1), acknowledge(1)]
    },
    Case("the cloud has lost what it had answered") {
      try opening(3, steps: 1, answered: 7) + [train(4), acknowledge(4)]
    },
    Case("refused") {
      [
        .edge(.hello(try hello(resume: ResumeOffer(first: 2, answered: 7)))),
        .cloud(.refusal(Refusal(code: .cannotResume, reason: "no such run"))),
      ]
    },
    Case(
      "before what the edge has",
      order(
        "welcome to go on after 1 or later, refusal, failure", "welcome to go on after 0 from the cloud")
    ) { try opening(0, epoch: 1) },
    Case(
      "from the beginning, which the edge does not have",
      order("welcome to go on after 1 or later, refusal, failure", "welcome from the cloud")
    ) { try ConversationTests.opening(offer: ResumeOffer(first: 2, answered: 1)) },
    Case(
      "without an offer", order("welcome, refusal, failure", "welcome to go on after 3 from the cloud")
    ) {
      try ConversationTests.opening(resume: ResumePosition(applied: 3, epoch: 1, steps: 3, testBatches: 0))
    },
  ]

  static let replays: [Case] = [
    Case("replay at once") { try owing() + [tell(3, batches: 4), train(7), acknowledge(7)] },
    Case("replay in pieces") { try owing() + [tell(3, batches: 1), tell(4, batches: 2), tell(6, batches: 1)] },
    Case("replay with a report at its end") {
      try owing() + [tell(3, batches: 3, report: 1), train(7), acknowledge(7)]
    },
    Case("replay of reports alone") {
      try opening(6, answered: 4) + [tell(5, batches: 0, report: 1), tell(6, batches: 0, report: 2), completed]
    },
    Case("records cross the replay") {
      try owing() + [
        train(7), tell(3, batches: 2), end(3, steps: 3, 8), tell(5, batches: 2), acknowledge(7), report(3),
      ]
    },
    Case("completed after the replay") {
      try opening(6, answered: 2) + [tell(3, batches: 3, report: 2), completed]
    },
    Case("replay crosses an interruption") {
      try owing() + [.edge(ConversationTests.goodbye(.interrupted)), tell(3, batches: 4)]
    },
    Case("interrupted before the replay") { try owing() + [.cloud(ConversationTests.goodbye(.interrupted))] },
    Case("failure before the replay") { try owing() + [.cloud(ConversationTests.failure)] },
  ]

  private static func owes(_ first: UInt64) -> String {
    "replay from \(first) to 6 at most, durable of 0 to 6, goodbye (interrupted), failure"
  }

  static let wrongReplays: [Case] = [
    Case("a gap before the replay", order(owes(3), "replay from 4 to 6 from the cloud")) {
      try owing() + [tell(4, batches: 3)]
    },
    Case("a gap between replays", order(owes(5), "replay from 6 to 6 from the cloud")) {
      try owing() + [tell(3, batches: 2), tell(6, batches: 1)]
    },
    Case("replay of what the edge has", order(owes(3), "replay from 2 to 6 from the cloud")) {
      try owing() + [tell(2, batches: 5)]
    },
    Case("replay twice", order(owes(5), "replay from 3 to 4 from the cloud")) {
      try owing() + [tell(3, batches: 2), tell(3, batches: 2)]
    },
    Case("replay of too many batches", order(owes(3), "replay from 3 to 7 from the cloud")) {
      try owing() + [train(7), tell(3, batches: 5)]
    },
    Case("replay of a report too many", order(owes(3), "replay from 3 to 7 from the cloud")) {
      try owing() + [end(3, steps: 2, 7), tell(3, batches: 4, report: 3)]
    },
    Case(
      "replay after all of it",
      order("durable of 0 to 6, goodbye (interrupted), failure", "replay from 7 to 7 from the cloud")
    ) { try owing() + [tell(3, batches: 4), tell(7, batches: 1)] },
    Case(
      "replay that is not needed",
      order("durable of 0 to 6, goodbye (interrupted), failure", "replay from 6 to 6 from the cloud")
    ) { try opening(6) + [tell(6, batches: 1)] },
    Case(
      "replay in place of an acknowledgement",
      order(
        "acknowledgement of 7 to 7, durable of 0 to 6, goodbye (interrupted), failure",
        "replay from 7 to 7 from the cloud")
    ) { try opening(6) + [train(7), tell(7, batches: 1)] },
    Case(
      "replay where the cloud has less than the edge",
      order("durable of 0 to 6, goodbye (interrupted), failure", "replay from 7 to 7 from the cloud")
    ) { try opening(6, answered: 8) + [tell(7, batches: 1)] },
    Case(
      "replay in a new run",
      order("durable of 0 to 0, goodbye (interrupted), failure", "replay from 1 to 1 from the cloud")
    ) { try ConversationTests.opening() + [tell(1, batches: 1)] },
    Case(
      "replay before the welcome", order("welcome, refusal, failure", "replay from 1 to 1 from the cloud")
    ) { [.edge(.hello(try hello())), tell(1, batches: 1)] },
    Case(
      "replay from the edge",
      order(
        "train-batch 7, evaluation-batch 7, epoch-end 7 of epoch 3 after 2 steps, goodbye (interrupted), failure",
        "replay from 3 to 6 from the edge")
    ) { try owing() + [.edge(replay(3, batches: 4))] },
    Case("acknowledged before the replay", order(owes(3), "acknowledgement of 7 from the cloud")) {
      try owing() + [train(7), acknowledge(7)]
    },
    Case("acknowledged before the rest of the replay", order(owes(5), "acknowledgement of 7 from the cloud")) {
      try owing() + [train(7), tell(3, batches: 2), acknowledge(7)]
    },
    Case("reported before the replay", order(owes(3), "epoch-report of epoch 3 from the cloud")) {
      try owing() + [end(3, steps: 2, 7), report(3)]
    },
    Case(
      "completed before the replay",
      order(
        "train-batch 7, evaluation-batch 7, epoch-end 7 of epoch 3 after 0 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening(6, answered: 2) + [completed] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  /// What is applied takes no room in the window, whether the edge has its answers or not.
  @Test(arguments: [Role.edge, .cloud]) func windowAfterAPosition(role: Role) throws {
    var lines = try Self.owing()
    var machine = try ConversationTests.play(lines, as: role)
    #expect(machine.canSendBatch && machine.owesReplay && !machine.isBetweenEpochs)
    #expect((machine.epoch, machine.steps, machine.nextSequence, machine.unacknowledged) == (3, 2, 7, 0))
    lines += (7...10).map(Self.train)
    machine = try ConversationTests.play(lines, as: role)
    #expect(!machine.canSendBatch && machine.owesReplay)
    #expect((machine.epoch, machine.steps, machine.nextSequence, machine.unacknowledged) == (3, 6, 11, 4))
    lines += [Self.tell(3, batches: 4), Self.acknowledge(10)]
    machine = try ConversationTests.play(lines, as: role)
    #expect(machine.canSendBatch && !machine.owesReplay && machine.unacknowledged == 0)
  }
}
