import Platform
import Testing

@testable import Transport

/// The order of messages where images are uploaded, and steps on them follow.
@Suite struct ConversationUploadTests: ConversationSpeech {
  private static func opening(window: Int = 2) throws -> [Line] {
    try ConversationTests.opening(window: window, exchange: .upload)
  }
  private static func resuming(_ applied: UInt64, epoch: Int, steps: Int = 0, testBatches: Int = 0) throws -> [Line] {
    try ConversationTests.opening(
      exchange: .upload, offer: ResumeOffer(first: 1, answered: applied),
      resume: ResumePosition(applied: applied, epoch: epoch, steps: steps, testBatches: testBatches))
  }
  private static func trainImages(_ sequence: UInt64) -> Line { .edge(.trainImages(batch(sequence))) }
  private static func testImages(_ sequence: UInt64) -> Line { .edge(.testImages(batch(sequence))) }
  private static func train(_ sequence: UInt64) -> Line { .edge(.trainStep(StepRequest(sequence: sequence))) }
  private static func evaluate(_ sequence: UInt64) -> Line { .edge(.evaluationStep(StepRequest(sequence: sequence))) }
  private static let completed = Line.edge(ConversationTests.goodbye(.completed))
  /// Two batches, uploaded and acknowledged.
  private static func uploaded() throws -> [Line] { try opening() + [trainImages(1), testImages(2), acknowledge(2)] }
  /// The first step is taken, too.
  private static func begun() throws -> [Line] { try uploaded() + [train(3), acknowledge(3)] }

  static let cases: [Case] = legal + wrongMessages + wrongSteps

  static let legal: [Case] = [
    Case("two epochs") {
      try begun() + [evaluate(4), end(1, steps: 1, 5), acknowledge(4), report(1)]
        + [train(6), train(7), acknowledge(7), evaluate(8), acknowledge(8), end(2, steps: 2, 9), report(2), completed]
    },
    Case("a step before the images are acknowledged") { try opening() + [trainImages(1), train(2), acknowledge(2)] },
    Case("the next epoch before the report") { try begun() + [end(1, steps: 1, 4), train(5), report(1)] },
    Case("interrupted by the cloud; images cross it") {
      try opening() + [trainImages(1), .cloud(ConversationTests.goodbye(.interrupted)), testImages(2)]
    },
    Case("interrupted by the edge; an acknowledgement crosses it") {
      try uploaded() + [train(3), .edge(ConversationTests.goodbye(.interrupted)), acknowledge(3)]
    },
    Case("goes on in the upload") { try resuming(1, epoch: 1) + [testImages(2), train(3), end(1, steps: 1, 4)] },
    Case("goes on after the upload") { try resuming(2, epoch: 1) + [train(3), evaluate(4)] },
    Case("goes on in training") { try resuming(5, epoch: 1, steps: 3) + [train(6), end(1, steps: 4, 7)] },
    Case("goes on in evaluation") { try resuming(6, epoch: 1, steps: 3, testBatches: 1) + [evaluate(7)] },
    Case("goes on in the second epoch") { try resuming(6, epoch: 2) + [train(7), end(2, steps: 1, 8)] },
    Case("goes on at the end") { try resuming(6, epoch: 2) + [completed] },
  ]

  private static let uploading = "train-images 3, test-images 3, train-step 3, goodbye (interrupted), failure"
  private static let training =
    "train-step 4, evaluation-step 4, epoch-end 4 of epoch 1 after 1 steps, goodbye (interrupted), failure"

  static let wrongMessages: [Case] = [
    Case("a batch while uploading", order(uploading, "train-batch 3 from the edge")) {
      try uploaded() + [ConversationTests.train(3)]
    },
    Case("a batch to evaluate while uploading", order(uploading, "evaluation-batch 3 from the edge")) {
      try uploaded() + [ConversationTests.evaluate(3)]
    },
    Case("evaluation before training", order(uploading, "evaluation-step 3 from the edge")) {
      try uploaded() + [evaluate(3)]
    },
    Case(
      "the end of an epoch without a step", order(uploading, "epoch-end 3 of epoch 1 after 0 steps from the edge")
    ) { try uploaded() + [end(1, steps: 0, 3)] },
    Case("completed without an epoch", order(uploading, "goodbye (completed) from the edge")) {
      try uploaded() + [completed]
    },
    Case(
      "completed in the upload, after a loss of the connection", order(uploading, "goodbye (completed) from the edge")
    ) { try resuming(2, epoch: 1) + [completed] },
    Case("a batch", order(training, "train-batch 4 from the edge")) { try begun() + [ConversationTests.train(4)] },
    Case("a batch to evaluate", order(training, "evaluation-batch 4 from the edge")) {
      try begun() + [ConversationTests.evaluate(4)]
    },
    Case("images to train on after a step", order(training, "train-images 4 from the edge")) {
      try begun() + [trainImages(4)]
    },
    Case("images to evaluate after a step", order(training, "test-images 4 from the edge")) {
      try begun() + [testImages(4)]
    },
    Case("completed after a step", order(training, "goodbye (completed) from the edge")) { try begun() + [completed] },
    Case(
      "images in the second epoch",
      order(
        "train-step 5, evaluation-step 5, epoch-end 5 of epoch 2 after 0 steps, goodbye, failure",
        "train-images 5 from the edge")
    ) { try begun() + [end(1, steps: 1, 4), report(1), trainImages(5)] },
    Case(
      "images after a loss of the connection in training",
      order(
        "train-step 6, evaluation-step 6, epoch-end 6 of epoch 1 after 3 steps, goodbye (interrupted), failure",
        "test-images 6 from the edge")
    ) { try resuming(5, epoch: 1, steps: 3) + [testImages(6)] },
    Case(
      "images after a loss of the connection between two epochs",
      order(
        "train-step 7, evaluation-step 7, epoch-end 7 of epoch 2 after 0 steps, goodbye, failure",
        "train-images 7 from the edge")
    ) { try resuming(6, epoch: 2) + [trainImages(7)] },
  ]

  static let wrongSteps: [Case] = [
    Case(
      "window overrun by images",
      order("no batch while 2 of 2 are unacknowledged, goodbye (interrupted), failure", "test-images 3 from the edge")
    ) { try opening() + [trainImages(1), testImages(2), testImages(3)] },
    Case(
      "window overrun by the first step",
      order("no batch while 2 of 2 are unacknowledged, goodbye (interrupted), failure", "train-step 3 from the edge")
    ) { try opening() + [trainImages(1), testImages(2), train(3)] },
    Case(
      "window overrun by a step",
      order(
        "no batch while 2 of 2 are unacknowledged, epoch-end 5 of epoch 1 after 2 steps, goodbye (interrupted), "
          + "failure", "evaluation-step 5 from the edge")
    ) { try uploaded() + [train(3), train(4), evaluate(5)] },
    Case("a step left out", order(training, "train-step 5 from the edge")) { try begun() + [train(5)] },
    Case("a step repeated", order(training, "train-step 3 from the edge")) { try begun() + [train(3)] },
    Case(
      "training after evaluation",
      order(
        "evaluation-step 5, epoch-end 5 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-step 5 from the edge")
    ) { try begun() + [evaluate(4), train(5)] },
    Case(
      "the end of an epoch that counts images", order(training, "epoch-end 4 of epoch 1 after 3 steps from the edge")
    ) { try begun() + [end(1, steps: 3, 4)] },
    Case(
      "a step from the cloud",
      order("durable of 0 to 3, goodbye (interrupted), failure", "train-step 4 from the cloud")
    ) { try begun() + [.cloud(.trainStep(StepRequest(sequence: 4)))] },
    Case(
      "a gradient",
      order(
        "acknowledgement of 4 to 4, durable of 0 to 3, goodbye (interrupted), failure", "gradient 4 from the cloud")
    ) { try begun() + [train(4), .cloud(.gradient(try gradient(4)))] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  /// Neither side falls silent for long, whoever computes.
  @Test func turns() throws {
    func check(_ lines: [Line], canSend: Bool, sourceLocation: SourceLocation = #_sourceLocation) throws {
      for role in [Role.edge, .cloud] {
        let machine = try ConversationTests.play(lines, as: role)
        #expect(machine.canSendBatch == canSend, sourceLocation: sourceLocation)
        #expect(machine.expectsPeer, sourceLocation: sourceLocation)
      }
    }
    var lines = try Self.opening(window: 1)
    try check(lines, canSend: true)
    lines.append(Self.trainImages(1))
    try check(lines, canSend: false)
    lines.append(Self.acknowledge(1))
    try check(lines, canSend: true)
    lines.append(Self.train(2))
    try check(lines, canSend: false)
    lines += [Self.end(1, steps: 1, 3), Self.acknowledge(2)]
    try check(lines, canSend: false)
    lines.append(Self.report(1))
    try check(lines, canSend: true)
  }
}
