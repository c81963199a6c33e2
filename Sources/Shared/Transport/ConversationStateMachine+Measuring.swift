import Platform

/// The phase of a conversation in which nothing is trained for good: the edge measures the cloud and the link, one
/// question at a time.
extension ConversationStateMachine {
  /// What the cloud owes the edge.
  enum OwedAnswer: Equatable {
    case probeReport
    case filler(sequence: UInt64, byteCount: Int)
  }

  /// Whether the edge may ask something now.
  var canAsk: Bool { phase == .measuring && owedAnswer == nil && !edgeHasEnded }

  mutating func takeQuestion(_ message: Message) throws(WireError) {
    switch message {
    case .probe where canAsk: owedAnswer = .probeReport
    case .filler(let filler) where canAsk && filler.sequence == nextSequence:
      owedAnswer = .filler(sequence: filler.sequence, byteCount: filler.answerByteCount)
      advance(toSequence: filler.sequence)
    default: throw illegal(message, from: .edge)
    }
  }

  mutating func takeAnswer(_ message: Message) throws(WireError) {
    let isOwed =
      switch message {
      case .probeReport: owedAnswer == .probeReport
      case .filler(let filler):
        owedAnswer == .filler(sequence: filler.sequence, byteCount: filler.bytes.count) && filler.answerByteCount == 0
      default: false
      }
    guard isOwed else { throw illegal(message, from: .cloud) }
    owedAnswer = nil
  }

  /// What `sender` may send while measuring, in words.
  func measuringExpectation(of sender: Role) -> [String] {
    switch (sender, owedAnswer) {
    case (.edge, nil): ["probe", "filler \(nextSequence)", "goodbye"]
    case (.edge, .some): ["goodbye (interrupted)"]
    case (.cloud, nil): ["goodbye (interrupted)"]
    case (.cloud, .probeReport): ["probe-report", "goodbye (interrupted)"]
    case (.cloud, .filler(let sequence, let byteCount)):
      ["filler \(sequence) of \(byteCount) bytes", "goodbye (interrupted)"]
    }
  }
}
