/// What the cloud has done with all records up to this one is safely on its disk.
package struct Durable: Codable, Equatable, Sendable {
  package let sequence: UInt64

  package init(sequence: UInt64) { self.sequence = sequence }
}

/// Where gradients are exchanged, both sides write their state at the same record: the edge has done so, or does, and
/// the cloud is to. It says when it has, by `durable`.
package struct CheckpointRequest: Codable, Equatable, Sendable {
  /// The last record, which both sides have applied.
  package let sequence: UInt64
  /// The number of the checkpoint, from 1, the same on both sides: two that follow each other are kept, so that they do
  /// not take each other's place.
  package let number: Int

  package init(sequence: UInt64, number: Int) {
    self.sequence = sequence
    self.number = number
  }
}

/// What the cloud has answered on earlier connections to consecutive records: batches, and then, if it has a report, an
/// epoch-end.
package struct Replay: Codable, Equatable, Sendable {
  /// The most batches in one.
  package static let maximumCount = 4096

  /// The number of the first record.
  package let first: UInt64
  /// Mean final loss over each batch's samples.
  package let losses: [Float]
  /// Samples of each batch that the final classifier got right.
  package let correct: [Int]
  /// The answer to the epoch-end that follows the batches. Its byte counts are those of the connection of then.
  package let report: EpochReport?

  package init(first: UInt64, losses: [Float], correct: [Int], report: EpochReport? = nil) {
    self.first = first
    self.losses = losses
    self.correct = correct
    self.report = report
  }

  /// The number of the last record.
  package var last: UInt64 { first + UInt64(losses.count + (report == nil ? 0 : 1)) - 1 }
}

/// The sender lives, and has nothing else to say.
package struct Alive: Codable, Equatable, Sendable {
  private enum CodingKeys: CodingKey {}

  package init() {}

  /// Seconds without anything else to say after which it is said, where this much silence is allowed. Not without
  /// bound, whatever the other side asks for.
  package static func interval(silence: Double) -> Double { max(silence / 3, 0.05) }

  // The one that the compiler writes would take any JSON, not only an object.
  package init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: CodingKeys.self) }

  package func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: CodingKeys.self) }
}

extension Durable: ControlPayload {
  static let frameType = FrameType.durable
  func validated() -> Self { self }
}

extension CheckpointRequest: ControlPayload {
  static let frameType = FrameType.checkpoint
  func validated() throws(WireError) -> Self {
    try PayloadCheck.sequence(sequence, "sequence", .checkpoint)
    try PayloadCheck.count(number, "number", .checkpoint, minimum: 1)
    return self
  }
}

extension Alive: ControlPayload {
  static let frameType = FrameType.alive
  func validated() -> Self { self }
}

extension Replay: ControlPayload {
  static let frameType = FrameType.replay
  func validated() throws(WireError) -> Self {
    try PayloadCheck.sequence(first, "first", .replay)
    try PayloadCheck.count(losses.count, "losses.count", .replay, maximum: Self.maximumCount)
    guard correct.count == losses.count else {
      throw .payload(type: .replay, field: "correct", expected: "\(losses.count) numbers", actual: "\(correct.count)")
    }
    guard !losses.isEmpty || report != nil else {
      throw .payload(type: .replay, field: "losses", expected: "a number, or a report", actual: "neither")
    }
    for loss in losses { try PayloadCheck.finite(Double(loss), "losses", .replay) }
    for count in correct { try PayloadCheck.count(count, "correct", .replay) }
    _ = try report?.validated()
    return self
  }
}
