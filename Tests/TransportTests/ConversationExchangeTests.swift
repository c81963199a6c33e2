import Platform
import Testing

@testable import Transport

/// The order of messages where gradients or images are exchanged.
@Suite struct ConversationExchangeTests: ConversationSpeech {
  private static func opening(_ exchange: Exchange, window: Int = 1) throws -> [Line] {
    try ConversationTests.opening(window: window, exchange: exchange)
  }

  static let cases: [Case] = [
    Case("gradients: two epochs") {
      try opening(.gradients) + [train(1), answer(1), acknowledge(1), train(2), answer(2), acknowledge(2)]
        + [evaluate(3), acknowledge(3), end(1, steps: 2, 4), report(1)]
        + [train(5), answer(5), acknowledge(5), end(2, steps: 1, 6), report(2)]
        + [.edge(ConversationTests.goodbye(.completed))]
    },
    Case("gradients: the last one crosses the end of the epoch") {
      try opening(.gradients) + [train(1), end(1, steps: 1, 2), answer(1), acknowledge(1), report(1)]
    },
    Case("gradients: one crosses an interruption") {
      try opening(.gradients) + [train(1), .edge(ConversationTests.goodbye(.interrupted)), answer(1)]
    },
    Case(
      "gradients: acknowledged without one",
      order(
        "gradient 1, goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")
    ) { try opening(.gradients) + [train(1), acknowledge(1)] },
    Case(
      "gradients: of another batch",
      order("gradient 1, goodbye (interrupted), failure", "gradient 2 from the cloud")
    ) { try opening(.gradients) + [train(1), answer(2)] },
    Case(
      "gradients: two for one batch",
      order(
        "acknowledgement of 1 to 1, goodbye (interrupted), failure",
        "gradient 1 from the cloud")
    ) { try opening(.gradients) + [train(1), answer(1), answer(1)] },
    Case(
      "gradients: of an evaluation batch",
      order(
        "acknowledgement of 1 to 1, goodbye (interrupted), failure",
        "gradient 1 from the cloud")
    ) { try opening(.gradients) + [evaluate(1), answer(1)] },
    Case(
      "gradients: report without the last one",
      order(
        "gradient 1, goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
    ) { try opening(.gradients) + [train(1), end(1, steps: 1, 2), report(1)] },
    Case(
      "gradients: the next batch before the acknowledgement",
      order(
        "no batch while 1 of 1 are unacknowledged, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), "
          + "failure", "train-batch 2 from the edge")
    ) { try opening(.gradients) + [train(1), answer(1), train(2)] },
    Case(
      "gradients: the next batch before the report",
      order(
        "no batch while 1 of 1 are unacknowledged, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), "
          + "failure", "train-batch 3 from the edge")
    ) { try opening(.gradients) + [train(1), answer(1), acknowledge(1), end(1, steps: 1, 2), train(3)] },
    Case(
      "activations: a gradient",
      order(
        "acknowledgement of 1 to 1, durable of 0 to 0, goodbye (interrupted), failure",
        "gradient 1 from the cloud")
    ) { try opening(.activations) + [train(1), answer(1)] },
    Case("gradient from the edge", order("hello, failure", "gradient 1 from the edge")) {
      [.edge(.gradient(try gradient(1)))]
    },

    Case("images: as activations") {
      try opening(.images, window: 2) + [train(1), train(2), acknowledge(2), evaluate(3), end(1, steps: 2, 4)]
        + [acknowledge(3), report(1), .edge(ConversationTests.goodbye(.completed))]
    },
    Case(
      "images: an upload",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "train-images 1 from the edge")
    ) { try opening(.images) + [.edge(.trainImages(batch(1)))] },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try ConversationTests.check(testCase, as: role) }

  /// There is nothing to take a step on unless images are uploaded.
  @Test(arguments: [Exchange.activations, .gradients, .images], [Role.edge, .cloud])
  func stepsWithoutAnUpload(exchange: Exchange, role: Role) throws {
    for message in [Message.trainStep(StepRequest(sequence: 1)), .evaluationStep(StepRequest(sequence: 1))] {
      let error = Self.order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "\(message.type) 1 from the edge")
      let testCase = Case("a step", error) { try Self.opening(exchange) + [.edge(message)] }
      try ConversationTests.check(testCase, as: role)
    }
  }
}
