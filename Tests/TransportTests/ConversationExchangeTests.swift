import Platform
import Testing

@testable import Transport

/// The order of messages where gradients, images or uploads are exchanged.
@Suite struct ConversationExchangeTests {
  typealias Line = ConversationTests.Line
  typealias Case = ConversationTests.Case

  private static func opening(_ exchange: Exchange, window: Int = 1) throws -> [Line] {
    try ConversationTests.opening(window: window, exchange: exchange)
  }

  private static func train(_ sequence: UInt64) -> Line { ConversationTests.train(sequence) }
  private static func evaluate(_ sequence: UInt64) -> Line { ConversationTests.evaluate(sequence) }
  private static func acknowledge(_ sequence: UInt64) -> Line { ConversationTests.acknowledge(sequence) }
  private static func answer(_ sequence: UInt64) throws -> Line { .cloud(.gradient(try gradient(sequence))) }
  private static func trainImages(_ sequence: UInt64) -> Line { .edge(.trainImages(batch(sequence))) }
  private static func testImages(_ sequence: UInt64) -> Line { .edge(.testImages(batch(sequence))) }
  private static func end(_ epoch: Int, steps: Int = 0) -> Line { .edge(epochEnd(epoch, steps: steps)) }
  private static func report(_ batch: Int, _ stage: BatchReport.Stage = .training, epoch: Int = 1) -> Line {
    .cloud(batchReport(batch, stage, epoch: epoch))
  }
  private static func order(_ expected: String, _ actual: String) -> WireError {
    .order(expected: expected, actual: actual)
  }
  /// Two batches, uploaded and acknowledged.
  private static func uploaded() throws -> [Line] {
    try opening(.upload, window: 2) + [trainImages(1), testImages(2), acknowledge(2)]
  }

  static let cases: [Case] =
    [
      Case("gradients: two epochs") {
        try opening(.gradients) + [train(1), answer(1), acknowledge(1), train(2), answer(2), acknowledge(2)]
          + [evaluate(3), acknowledge(3), end(1, steps: 2), .cloud(epochReport(1))]
          + [train(4), answer(4), acknowledge(4), end(2, steps: 1), .cloud(epochReport(2))]
          + [.edge(ConversationTests.goodbye(.completed))]
      },
      Case("gradients: the last one crosses the end of the epoch") {
        try opening(.gradients) + [
          train(1), end(1, steps: 1), answer(1), acknowledge(1), .cloud(epochReport(1)),
        ]
      },
      Case("gradients: one crosses an interruption") {
        try opening(.gradients) + [train(1), .edge(ConversationTests.goodbye(.interrupted)), answer(1)]
      },
      Case(
        "gradients: acknowledged without one",
        order("gradient 1, goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")
      ) { try opening(.gradients) + [train(1), acknowledge(1)] },
      Case(
        "gradients: of another batch",
        order("gradient 1, goodbye (interrupted), failure", "gradient 2 from the cloud")
      ) { try opening(.gradients) + [train(1), answer(2)] },
      Case(
        "gradients: two for one batch",
        order("acknowledgement of 1 to 1, goodbye (interrupted), failure", "gradient 1 from the cloud")
      ) { try opening(.gradients) + [train(1), answer(1), answer(1)] },
      Case(
        "gradients: of an evaluation batch",
        order("acknowledgement of 1 to 1, goodbye (interrupted), failure", "gradient 1 from the cloud")
      ) { try opening(.gradients) + [evaluate(1), answer(1)] },
      Case(
        "gradients: report without the last one",
        order("gradient 1, goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
      ) { try opening(.gradients) + [train(1), end(1, steps: 1), .cloud(epochReport(1))] },
      Case(
        "gradients: the next batch before the acknowledgement",
        order(
          "no batch while 1 of 1 are unacknowledged, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), "
            + "failure", "train-batch 2 from the edge")
      ) { try opening(.gradients) + [train(1), answer(1), train(2)] },
      Case(
        "activations: a gradient",
        order("acknowledgement of 1 to 1, goodbye (interrupted), failure", "gradient 1 from the cloud")
      ) { try opening(.activations) + [train(1), answer(1)] },
      Case("gradient from the edge", order("hello, failure", "gradient 1 from the edge")) {
        [.edge(.gradient(try gradient(1)))]
      },

      Case("images: as activations") {
        try opening(.images, window: 2) + [train(1), train(2), acknowledge(2), evaluate(3), end(1, steps: 2)]
          + [acknowledge(3), .cloud(epochReport(1)), .edge(ConversationTests.goodbye(.completed))]
      },
      Case(
        "images: an upload",
        order(
          "train-batch 1, evaluation-batch 1, epoch-end of epoch 1 after 0 steps, goodbye, failure",
          "train-images 1 from the edge")
      ) { try opening(.images) + [trainImages(1)] },

      Case("upload: two epochs") {
        try uploaded() + [end(1), report(1), report(2), report(1, .evaluation), .cloud(epochReport(1))]
          + [end(2), report(1, epoch: 2), report(1, .evaluation, epoch: 2), .cloud(epochReport(2))]
          + [.edge(ConversationTests.goodbye(.completed))]
      },
      Case("upload: an epoch end before the acknowledgement") {
        try opening(.upload) + [trainImages(1), end(1), acknowledge(1), report(1), .cloud(epochReport(1))]
      },
      Case("upload: interrupted by the cloud; images cross it") {
        try opening(.upload, window: 2)
          + [trainImages(1), .cloud(ConversationTests.goodbye(.interrupted)), testImages(2)]
      },
      Case("upload: interrupted by the edge in mid-epoch") {
        try uploaded() + [end(1), report(1), .edge(ConversationTests.goodbye(.interrupted)), report(2)]
      },
      Case(
        "upload: a batch to train on",
        order(
          "train-images 1, test-images 1, epoch-end of epoch 1 after 0 steps, goodbye (interrupted), failure",
          "train-batch 1 from the edge")
      ) { try opening(.upload) + [train(1)] },
      Case(
        "upload: more images in the second epoch",
        order("epoch-end of epoch 2 after 0 steps, goodbye, failure", "train-images 3 from the edge")
      ) { try uploaded() + [end(1), .cloud(epochReport(1)), trainImages(3)] },
      Case(
        "upload: evaluation in the second epoch",
        order("epoch-end of epoch 2 after 0 steps, goodbye, failure", "evaluation-batch 3 from the edge")
      ) { try uploaded() + [end(1), .cloud(epochReport(1)), evaluate(3)] },
      Case(
        "upload: window overrun",
        order(
          "no batch while 1 of 1 are unacknowledged, epoch-end of epoch 1 after 0 steps, goodbye (interrupted), "
            + "failure", "test-images 2 from the edge")
      ) { try opening(.upload) + [trainImages(1), testImages(2)] },
      Case(
        "upload: completed without an epoch",
        order(
          "train-images 3, test-images 3, epoch-end of epoch 1 after 0 steps, goodbye (interrupted), failure",
          "goodbye (completed) from the edge")
      ) { try uploaded() + [.edge(ConversationTests.goodbye(.completed))] },
      Case(
        "upload: report before the end",
        order("goodbye (interrupted), failure", "batch-report of training batch 1 of epoch 1 from the cloud")
      ) { try uploaded() + [report(1)] },
    ]
    + [
      ("a gap", [report(1), report(3)], "training batch 3 of epoch 1"),
      ("the same batch again", [report(1), report(1)], "training batch 1 of epoch 1"),
      ("another epoch", [report(1, epoch: 2)], "training batch 1 of epoch 2"),
      ("training after evaluation", [report(1, .evaluation), report(1)], "training batch 1 of epoch 1"),
      ("evaluation begins with 2", [report(1), report(2, .evaluation)], "evaluation batch 2 of epoch 1"),
    ].map { name, reports, actual in
      Case(
        "upload: reports with \(name)",
        order(
          "the next batch-report of epoch 1, epoch-report of epoch 1, goodbye (interrupted), failure",
          "batch-report of \(actual) from the cloud")
      ) { try uploaded() + [end(1)] + reports }
    }

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws {
    try ConversationTests.check(testCase, as: role)
  }

  /// While the cloud trains by itself, it is its silence that counts.
  @Test func turnsOfAnUpload() throws {
    func check(_ lines: [Line], canSend: Bool, edgeWaits: Bool, cloudWaits: Bool) throws {
      let edge = try ConversationTests.play(lines, as: .edge)
      let cloud = try ConversationTests.play(lines, as: .cloud)
      #expect(edge.canSendBatch == canSend)
      #expect(edge.expectsPeer == edgeWaits)
      #expect(cloud.expectsPeer == cloudWaits)
    }
    var lines = try Self.opening(.upload)
    try check(lines, canSend: true, edgeWaits: false, cloudWaits: true)
    lines.append(Self.trainImages(1))
    try check(lines, canSend: false, edgeWaits: true, cloudWaits: false)
    lines.append(Self.acknowledge(1))
    try check(lines, canSend: true, edgeWaits: false, cloudWaits: true)
    lines += [Self.end(1), Self.report(1)]
    try check(lines, canSend: false, edgeWaits: true, cloudWaits: false)
    lines.append(.cloud(epochReport(1)))
    try check(lines, canSend: false, edgeWaits: false, cloudWaits: true)
  }
}
