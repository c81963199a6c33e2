import Platform
import Testing

@testable import Transport

/// The order of messages where the edge measures.
@Suite struct ConversationMeasuringTests: ConversationSpeech {
  private static func opening() throws -> [Line] { try ConversationTests.opening(exchange: .measurements) }

  private static func probe() throws -> Line {
    .edge(.probe(try Probe(steps: 1, configuration: TestConfiguration(cut: 2))))
  }
  private static let report = Line.cloud(.probeReport(ProbeReport(steps: 1, secondsPerStep: 1)))
  private static func ask(_ sequence: UInt64, for count: Int = 0) -> Line {
    .edge(.filler(Filler(sequence: sequence, byteCount: 9, answerByteCount: count)))
  }
  private static func answer(_ sequence: UInt64, _ count: Int = 0, answer: Int = 0) -> Line {
    .cloud(.filler(Filler(sequence: sequence, byteCount: count, answerByteCount: answer)))
  }

  static let cases: [Case] = [
    Case("probes and fillers") {
      try opening() + [probe(), report, ask(1), answer(1), ask(2, for: 5), answer(2, 5), probe(), report]
        + [.edge(ConversationTests.goodbye(.completed))]
    },
    Case("nothing but a goodbye") { try opening() + [.edge(ConversationTests.goodbye(.completed))] },
    Case("interrupted by the edge; an answer crosses it") {
      try opening() + [probe(), .edge(ConversationTests.goodbye(.interrupted)), report]
    },
    Case("interrupted by the cloud; a question crosses it") {
      try opening() + [.cloud(ConversationTests.goodbye(.interrupted)), ask(1)]
    },
    Case("failure of the cloud") { try opening() + [probe(), .cloud(ConversationTests.failure)] },
    Case(
      "two questions at a time", order("goodbye (interrupted), failure", "filler 1 of 9 bytes from the edge")
    ) {
      try opening() + [probe(), ask(1)]
    },
    Case("a gap", order("probe, filler 2, goodbye, failure", "filler 3 of 9 bytes from the edge")) {
      try opening() + [ask(1), answer(1), ask(3)]
    },
    Case(
      "completed without an answer",
      order("goodbye (interrupted), failure", "goodbye (completed) from the edge")
    ) { try opening() + [probe(), .edge(ConversationTests.goodbye(.completed))] },
    Case(
      "an answer without a question", order("goodbye (interrupted), failure", "probe-report from the cloud")
    ) {
      try opening() + [report]
    },
    Case(
      "the other answer",
      order("probe-report, goodbye (interrupted), failure", "filler 1 of 0 bytes from the cloud")
    ) { try opening() + [probe(), answer(1)] },
    Case(
      "an answer of another size",
      order("filler 1 of 5 bytes, goodbye (interrupted), failure", "filler 1 of 4 bytes from the cloud")
    ) { try opening() + [ask(1, for: 5), answer(1, 4)] },
    Case(
      "an answer to something else",
      order("filler 1 of 5 bytes, goodbye (interrupted), failure", "filler 2 of 5 bytes from the cloud")
    ) { try opening() + [ask(1, for: 5), answer(2, 5)] },
    Case(
      "an answer that asks",
      order("filler 1 of 5 bytes, goodbye (interrupted), failure", "filler 1 of 5 bytes from the cloud")
    ) { try opening() + [ask(1, for: 5), answer(1, 5, answer: 1)] },
    Case("training", order("probe, filler 1, goodbye, failure", "train-batch 1 from the edge")) {
      try opening() + [ConversationTests.train(1)]
    },
    Case(
      "the end of an epoch",
      order("probe, filler 1, goodbye, failure", "epoch-end 1 of epoch 1 after 0 steps from the edge")
    ) { try opening() + [ConversationTests.end(1, steps: 0, 1)] },
    Case("a step", order("probe, filler 1, goodbye, failure", "train-step 1 from the edge")) {
      try opening() + [.edge(.trainStep(StepRequest(sequence: 1)))]
    },
    Case("an acknowledgement", order("goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")) {
      try opening() + [ask(1), answer(1), ConversationTests.acknowledge(1)]
    },
    Case("a replay", order("goodbye (interrupted), failure", "replay from 1 to 1 from the cloud")) {
      try opening() + [ask(1), answer(1), .cloud(replay(1, batches: 1))]
    },
    Case(
      "a run that goes on", order("welcome, refusal, failure", "welcome to go on after 3 from the cloud")
    ) {
      try ConversationTests.opening(
        exchange: .measurements, resume: ResumePosition(applied: 3, epoch: 2, steps: 1, testBatches: 0))
    },
    Case(
      "a probe in a run",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "probe from the edge")
    ) { try ConversationTests.opening() + [probe()] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws {
    try ConversationTests.check(testCase, as: role)
  }

  @Test func turns() throws {
    func check(_ lines: [Line], edgeWaits: Bool) throws {
      let edge = try ConversationTests.play(lines, as: .edge)
      let cloud = try ConversationTests.play(lines, as: .cloud)
      #expect(!edge.canSendBatch && !cloud.canSendBatch)
      #expect(edge.expectsPeer == edgeWaits)
      #expect(cloud.expectsPeer == !edgeWaits)
    }
    var lines = try Self.opening()
    try check(lines, edgeWaits: false)
    lines.append(try Self.probe())
    try check(lines, edgeWaits: true)
    lines += [Self.report, Self.ask(1, for: 7)]
    try check(lines, edgeWaits: true)
    lines.append(Self.answer(1, 7))
    try check(lines, edgeWaits: false)
  }
}
