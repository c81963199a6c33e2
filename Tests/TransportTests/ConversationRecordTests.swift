import Platform
import Testing

@testable import Transport

/// The order of what the edge sends in a run, which is numbered over all epochs, and of the cloud's answers.
@Suite struct ConversationRecordTests: ConversationSpeech {
  private static func opening(window: Int = 4) throws -> [Line] { try ConversationTests.opening(window: window) }
  /// An epoch of one batch, which is acknowledged, and its end.
  private static func ended() throws -> [Line] { try opening() + [train(1), acknowledge(1), end(1, steps: 1, 2)] }

  static let cases: [Case] = sentByTheEdge + saidByTheCloud

  static let sentByTheEdge: [Case] = [
    Case("epochs that do not wait for reports") {
      try opening(window: 8) + [train(1), end(1, steps: 1, 2), train(3), evaluate(4), end(2, steps: 1, 5), train(6)]
        + [acknowledge(1), report(1), acknowledge(3), acknowledge(4), report(2), acknowledge(6)]
        + [end(3, steps: 1, 7), report(3), .edge(ConversationTests.goodbye(.completed))]
    },
    Case("a batch before the report") { try ended() + [train(3), report(1), acknowledge(3)] },
    Case("evaluation of the next epoch before the report") { try ended() + [evaluate(3), report(1), acknowledge(3)] },
    Case("ends of epochs one after another") {
      try opening() + [end(1, steps: 0, 1), end(2, steps: 0, 2), report(1), end(3, steps: 0, 3), report(2), report(3)]
    },
    Case(
      "first batch is 2",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "train-batch 2 from the edge")
    ) { try opening() + [train(2)] },
    Case(
      "batch left out",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 3 from the edge")
    ) { try opening() + [train(1), train(3)] },
    Case(
      "batch repeated",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 1 from the edge")
    ) { try opening() + [train(1), train(1)] },
    Case(
      "the first batch of an epoch has the number of the end before it",
      order(
        "train-batch 3, evaluation-batch 3, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), failure",
        "train-batch 2 from the edge")
    ) { try ended() + [train(2)] },
    Case(
      "the first batch of an epoch has number 1",
      order(
        "train-batch 3, evaluation-batch 3, epoch-end 3 of epoch 2 after 0 steps, goodbye, failure",
        "train-batch 1 from the edge")
    ) { try ended() + [report(1), train(1)] },
    Case(
      "training after evaluation",
      order(
        "evaluation-batch 3, epoch-end 3 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 3 from the edge")
    ) { try opening() + [train(1), evaluate(2), train(3)] },
    Case("training after evaluation and the end of the epoch") {
      try opening() + [evaluate(1), end(1, steps: 0, 2), train(3)]
    },
    Case("window moves on") { try opening(window: 1) + [train(1), acknowledge(1), evaluate(2), acknowledge(2)] },
    Case(
      "window overrun by a batch of training",
      order(
        "no batch while 2 of 2 are unacknowledged, epoch-end 3 of epoch 1 after 2 steps, goodbye (interrupted), "
          + "failure", "train-batch 3 from the edge")
    ) { try opening(window: 2) + [train(1), train(2), train(3)] },
    Case(
      "window overrun by a batch of evaluation",
      order(
        "no batch while 2 of 2 are unacknowledged, epoch-end 3 of epoch 1 after 1 steps, goodbye (interrupted), "
          + "failure", "evaluation-batch 3 from the edge")
    ) { try opening(window: 2) + [train(1), evaluate(2), evaluate(3)] },
    Case(
      "window counts the end of an epoch",
      order(
        "no batch while 2 of 2 are unacknowledged, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), "
          + "failure", "train-batch 3 from the edge")
    ) { try opening(window: 2) + [train(1), end(1, steps: 1, 2), train(3)] },
    Case("the end of an epoch needs no room in the window") {
      try opening(window: 1) + [train(1), end(1, steps: 1, 2), end(2, steps: 0, 3)]
    },
    Case(
      "window overrun after the acknowledgement, without the report",
      order(
        "no batch while 1 of 1 are unacknowledged, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), "
          + "failure", "train-batch 3 from the edge")
    ) { try opening(window: 1) + [train(1), end(1, steps: 1, 2), acknowledge(1), train(3)] },
    Case("window moves on with the report") {
      try opening(window: 1) + [train(1), end(1, steps: 1, 2), acknowledge(1), report(1), train(3)]
    },
    Case(
      "end of another epoch",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "epoch-end 2 of epoch 2 after 1 steps from the edge")
    ) { try opening() + [train(1), end(2, steps: 1, 2)] },
    Case(
      "end of an epoch with another number of steps",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "epoch-end 2 of epoch 1 after 2 steps from the edge")
    ) { try opening() + [train(1), end(1, steps: 2, 2)] },
    Case(
      "end of an epoch with the steps of the one before",
      order(
        "train-batch 3, evaluation-batch 3, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), failure",
        "epoch-end 3 of epoch 2 after 1 steps from the edge")
    ) { try ended() + [end(2, steps: 1, 3)] },
    Case(
      "end of an epoch with the number of a batch",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "epoch-end 1 of epoch 1 after 1 steps from the edge")
    ) { try opening() + [train(1), end(1, steps: 1, 1)] },
    Case(
      "end of an epoch after a record left out",
      order(
        "evaluation-batch 2, epoch-end 2 of epoch 1 after 0 steps, goodbye (interrupted), failure",
        "epoch-end 3 of epoch 1 after 0 steps from the edge")
    ) { try opening() + [evaluate(1), end(1, steps: 0, 3)] },
  ]

  static let saidByTheCloud: [Case] = [
    Case(
      "acknowledged beyond what was sent",
      order(
        "acknowledgement of 1 to 1, durable of 0 to 0, goodbye (interrupted), failure",
        "acknowledgement of 2 from the cloud")
    ) { try opening() + [train(1), acknowledge(2)] },
    Case(
      "acknowledged backwards",
      order(
        "acknowledgement of 3 to 3, durable of 0 to 2, goodbye (interrupted), failure",
        "acknowledgement of 1 from the cloud")
    ) { try opening() + [train(1), train(2), train(3), acknowledge(2), acknowledge(1)] },
    Case(
      "acknowledged twice",
      order("durable of 0 to 1, goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")
    ) { try opening() + [train(1), acknowledge(1), acknowledge(1)] },
    Case(
      "acknowledged 0",
      order("durable of 0 to 0, goodbye (interrupted), failure", "acknowledgement of 0 from the cloud")
    ) { try opening() + [acknowledge(0)] },
    Case(
      "end of an epoch acknowledged",
      order(
        "acknowledgement of 1 to 1, durable of 0 to 0, goodbye (interrupted), failure",
        "acknowledgement of 2 from the cloud")
    ) { try opening() + [train(1), end(1, steps: 1, 2), acknowledge(2)] },
    Case(
      "acknowledged past a report that is owed",
      order(
        "acknowledgement of 1 to 1, durable of 0 to 0, goodbye (interrupted), failure",
        "acknowledgement of 3 from the cloud")
    ) { try opening() + [train(1), end(1, steps: 1, 2), train(3), acknowledge(3)] },
    Case(
      "acknowledged past a report, the batches before it being acknowledged",
      order(
        "epoch-report of epoch 1, durable of 0 to 1, goodbye (interrupted), failure",
        "acknowledgement of 3 from the cloud")
    ) { try ended() + [train(3), acknowledge(3)] },
    Case(
      "acknowledged past the second report",
      order(
        "acknowledgement of 3 to 3, durable of 0 to 2, goodbye (interrupted), failure",
        "acknowledgement of 5 from the cloud")
    ) { try ended() + [train(3), end(2, steps: 1, 4), train(5), report(1), acknowledge(5)] },
    Case(
      "report that nobody asked for",
      order("durable of 0 to 0, goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
    ) { try opening() + [report(1)] },
    Case(
      "report twice",
      order("durable of 0 to 2, goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
    ) { try ended() + [report(1), report(1)] },
    Case(
      "report before all is acknowledged",
      order(
        "acknowledgement of 1 to 1, durable of 0 to 0, goodbye (interrupted), failure",
        "epoch-report of epoch 1 from the cloud")
    ) { try opening() + [train(1), end(1, steps: 1, 2), report(1)] },
    Case(
      "report of an epoch that is not over",
      order(
        "epoch-report of epoch 1, durable of 0 to 1, goodbye (interrupted), failure",
        "epoch-report of epoch 2 from the cloud")
    ) { try ended() + [report(2)] },
    Case(
      "reports in another order",
      order(
        "epoch-report of epoch 1, durable of 0 to 1, goodbye (interrupted), failure",
        "epoch-report of epoch 2 from the cloud")
    ) { try ended() + [end(2, steps: 0, 3), report(2)] },
    Case(
      "second report before its epoch is acknowledged",
      order(
        "acknowledgement of 3 to 3, durable of 0 to 2, goodbye (interrupted), failure",
        "epoch-report of epoch 2 from the cloud")
    ) { try ended() + [train(3), end(2, steps: 1, 4), report(1), report(2)] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  @Test(arguments: [Role.edge, .cloud]) func positions(role: Role) throws {
    func check(_ lines: [Line], _ epoch: Int, _ steps: Int, next: UInt64, unanswered: Int) throws {
      let machine = try ConversationTests.play(lines, as: role)
      #expect(machine.epoch == epoch && machine.steps == steps)
      #expect(machine.nextSequence == next && machine.unacknowledged == unanswered)
      #expect(machine.phase == .training)
    }
    var lines = try Self.opening() + [Self.train(1), Self.train(2)]
    try check(lines, 1, 2, next: 3, unanswered: 2)
    lines += [Self.acknowledge(1), Self.end(1, steps: 2, 3)]
    try check(lines, 2, 0, next: 4, unanswered: 2)
    lines += [Self.acknowledge(2), Self.train(4)]
    try check(lines, 2, 1, next: 5, unanswered: 2)
    lines.append(Self.report(1))
    try check(lines, 2, 1, next: 5, unanswered: 1)
  }
}
