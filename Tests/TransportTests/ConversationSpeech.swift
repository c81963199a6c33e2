@testable import Transport

/// What the cases of a conversation say, in short.
protocol ConversationSpeech {}

extension ConversationSpeech {
  typealias Line = ConversationTests.Line
  typealias Case = ConversationTests.Case

  static var welcome: Message { .welcome(Welcome(maximumFrameBytes: 1 << 26, softwareVersion: "0")) }
  static var refusal: Message { .refusal(Refusal(code: .busy, reason: "busy")) }
  static var failure: Message { .failure(Failure(code: "x", reason: "y")) }
  static func goodbye(_ reason: Goodbye.Reason) -> Message { .goodbye(Goodbye(reason: reason)) }
  static func train(_ sequence: UInt64) -> Line { .edge(.trainBatch(batch(sequence))) }
  static func evaluate(_ sequence: UInt64) -> Line { .edge(.evaluationBatch(batch(sequence))) }
  static func end(_ epoch: Int, steps: Int, _ sequence: UInt64) -> Line {
    .edge(epochEnd(epoch, steps: steps, sequence))
  }
  static func acknowledge(_ sequence: UInt64) -> Line { .cloud(acknowledgement(sequence)) }
  static func report(_ epoch: Int) -> Line { .cloud(epochReport(epoch)) }
  static func opening(
    window: Int = 4, exchange: Exchange = .activations, offer: ResumeOffer? = nil, resume: ResumePosition? = nil
  ) throws -> [Line] {
    let welcome = Welcome(maximumFrameBytes: 1 << 26, resume: resume, softwareVersion: "0")
    let hello = try hello(window: window, exchange: exchange, resume: offer)
    return [.edge(.hello(hello)), .cloud(.welcome(welcome))]
  }
  static func answer(_ sequence: UInt64) throws -> Line { .cloud(.gradient(try gradient(sequence))) }
  static func keep(_ sequence: UInt64) -> Line { .cloud(durable(sequence)) }
  static func tell(_ first: UInt64, batches: Int = 1, report: Int? = nil) -> Line {
    .cloud(replay(first, batches: batches, report: report))
  }

  static func order(_ expected: String, _ actual: String) -> WireError {
    .order(expected: expected, actual: actual)
  }
}
