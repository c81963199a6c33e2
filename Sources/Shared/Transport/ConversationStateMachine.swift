/// Which end of a connection.
package enum ConversationRole: Sendable, CustomStringConvertible {
  case edge
  case cloud

  package var peer: Self { self == .edge ? .cloud : .edge }
  package var description: String { self == .edge ? "edge" : "cloud" }
}

/// The legal order of messages, without any input or output. Both ends keep one, and tell it every message
/// that they send or receive, before they act on it.
///
/// ```
///            hello          welcome          train-batch*      evaluation-batch*      epoch-end
/// opening ──────────▶ greeted ──────▶ training ──────────▶ evaluating ──────────▶ reporting
///    │ refusal           │ refusal       ▲                                            │ epoch-report
///    ▼                   ▼               └────────────────────────────────────────────┘
///  refused            refused             (training may go to reporting without evaluating)
/// ```
///
/// Acknowledgements may come from the cloud in training, evaluating and reporting. `goodbye` and `failure`
/// end what their sender sends; messages of the other side that crossed them are still legal.
package struct ConversationStateMachine: Equatable, Sendable {
  package enum Phase: String, Sendable {
    case opening, greeted, training, evaluating, reporting, refused
  }

  /// The side that keeps this state.
  package let role: ConversationRole
  package private(set) var phase = Phase.opening
  /// The edge's window, from its `hello`.
  package private(set) var window = 4
  /// The epoch under way, from 1.
  package private(set) var epoch = 1
  /// Training steps of this epoch so far, those before the resume position included.
  package private(set) var steps = 0
  /// The sequence number of the last batch that was sent (on the edge) or received (in the cloud).
  package private(set) var lastSequence: UInt64 = 0
  package private(set) var lastAcknowledged: UInt64 = 0
  /// Whether the edge has said its last word.
  package private(set) var edgeHasEnded = false
  /// Whether the cloud has said its last word.
  package private(set) var cloudHasEnded = false
  private var batchesInEpoch = 0

  package init(role: ConversationRole) {
    self.role = role
  }

  /// Batches that are not acknowledged yet.
  package var unacknowledged: Int { Int(lastSequence - lastAcknowledged) }

  /// Whether the window has room for a batch now.
  package var canSendBatch: Bool {
    (phase == .training || phase == .evaluating) && unacknowledged < window && !edgeHasEnded
  }

  /// The sequence number of the next batch.
  package var nextSequence: UInt64 { lastSequence + 1 }

  /// Whether it is the peer's turn, so that its silence is its fault.
  package var expectsPeer: Bool {
    switch (role, phase) {
    case (_, .refused): true
    case (.edge, .opening), (.cloud, .greeted), (.cloud, .reporting): false
    case (.edge, .greeted), (.edge, .reporting), (.cloud, .opening): true
    case (.edge, .training), (.edge, .evaluating): unacknowledged > 0 || edgeHasEnded
    case (.cloud, .training), (.cloud, .evaluating): unacknowledged < window || cloudHasEnded
    }
  }

  /// This side is about to send `message`.
  ///
  /// - Throws: `WireError.order`; the state is then unchanged.
  package mutating func willSend(_ message: Message) throws(WireError) {
    try advance(message, from: role)
  }

  /// This side has received `message`.
  ///
  /// - Throws: `WireError.order`; the state is then unchanged.
  package mutating func didReceive(_ message: Message) throws(WireError) {
    try advance(message, from: role.peer)
  }

  private mutating func advance(_ message: Message, from sender: ConversationRole) throws(WireError) {
    let hasEnded = sender == .edge ? edgeHasEnded : cloudHasEnded
    if hasEnded { throw illegal(message, from: sender) }
    if case .failure = message { return end(sender) }
    switch sender {
    case .edge: try advanceEdge(message)
    case .cloud: try advanceCloud(message)
    }
  }

  private mutating func end(_ sender: ConversationRole) {
    if sender == .edge { edgeHasEnded = true } else { cloudHasEnded = true }
  }

  private mutating func advanceEdge(_ message: Message) throws(WireError) {
    switch (message, phase) {
    case (.hello(let hello), .opening):
      window = hello.window
      phase = .greeted
    case (.hello, .refused) where role == .edge:
      break  // The cloud was busy before it heard us; the refusal and our hello have crossed.
    case (.trainBatch(let batch), .training):
      try takeBatch(batch, message)
      steps += 1
    case (.evaluationBatch(let batch), .training), (.evaluationBatch(let batch), .evaluating):
      try takeBatch(batch, message)
      phase = .evaluating
    case (.epochEnd(let end), .training), (.epochEnd(let end), .evaluating):
      guard end.epoch == epoch, end.steps == steps else { throw illegal(message, from: .edge) }
      phase = .reporting
    case (.goodbye(let goodbye), _) where phase != .opening && phase != .refused:
      let isBetweenEpochs = phase == .training && batchesInEpoch == 0
      guard goodbye.reason == .interrupted || isBetweenEpochs else { throw illegal(message, from: .edge) }
      end(.edge)
    default: throw illegal(message, from: .edge)
    }
  }

  private mutating func takeBatch(_ batch: Batch, _ message: Message) throws(WireError) {
    guard batch.sequence == nextSequence, unacknowledged < window else {
      throw illegal(message, from: .edge)
    }
    lastSequence = batch.sequence
    batchesInEpoch += 1
  }

  private mutating func advanceCloud(_ message: Message) throws(WireError) {
    switch (message, phase) {
    case (.refusal, .opening), (.refusal, .greeted):
      phase = .refused
      end(.cloud)
    case (.welcome(let welcome), .greeted):
      epoch = welcome.resume?.epoch ?? 1
      steps = welcome.resume?.step ?? 0
      phase = .training
    case (.acknowledgement(let acknowledgement), .training),
      (.acknowledgement(let acknowledgement), .evaluating),
      (.acknowledgement(let acknowledgement), .reporting):
      guard acknowledgement.sequence > lastAcknowledged, acknowledgement.sequence <= lastSequence else {
        throw illegal(message, from: .cloud)
      }
      lastAcknowledged = acknowledgement.sequence
    case (.epochReport(let report), .reporting):
      guard unacknowledged == 0, report.epoch == epoch else { throw illegal(message, from: .cloud) }
      epoch += 1
      steps = 0
      batchesInEpoch = 0
      phase = .training
    case (.goodbye(let goodbye), .training), (.goodbye(let goodbye), .evaluating),
      (.goodbye(let goodbye), .reporting):
      guard goodbye.reason == .interrupted else { throw illegal(message, from: .cloud) }
      end(.cloud)
    default: throw illegal(message, from: .cloud)
    }
  }

  // MARK: Error texts

  private func illegal(_ message: Message, from sender: ConversationRole) -> WireError {
    .order(expected: expectation(of: sender), actual: "\(Self.summary(message)) from the \(sender)")
  }

  /// What `sender` may send now, in words.
  private func expectation(of sender: ConversationRole) -> String {
    let hasEnded = sender == .edge ? edgeHasEnded : cloudHasEnded
    if hasEnded { return "nothing more from the \(sender)" }
    var legal: [String] = []
    switch (sender, phase) {
    case (.edge, .opening): legal = ["hello"]
    case (.edge, .greeted), (.edge, .reporting): legal = ["goodbye (interrupted)"]
    case (.edge, .training), (.edge, .evaluating):
      if canSendBatch {
        if phase == .training { legal.append("train-batch \(nextSequence)") }
        legal.append("evaluation-batch \(nextSequence)")
      } else {
        legal.append("no batch while \(unacknowledged) of \(window) are unacknowledged")
      }
      legal.append("epoch-end of epoch \(epoch) after \(steps) steps")
      legal.append(
        phase == .training && batchesInEpoch == 0 ? "goodbye" : "goodbye (interrupted)")
    case (.cloud, .opening): legal = ["refusal"]
    case (.cloud, .greeted): legal = ["welcome", "refusal"]
    case (.cloud, .training), (.cloud, .evaluating), (.cloud, .reporting):
      if unacknowledged > 0 {
        legal.append("acknowledgement of \(lastAcknowledged + 1) to \(lastSequence)")
      } else if phase == .reporting {
        legal.append("epoch-report of epoch \(epoch)")
      }
      legal.append("goodbye (interrupted)")
    case (_, .refused): break
    }
    legal.append("failure")
    return legal.joined(separator: ", ")
  }

  private static func summary(_ message: Message) -> String {
    switch message {
    case .trainBatch(let batch), .evaluationBatch(let batch): "\(message.type) \(batch.sequence)"
    case .acknowledgement(let acknowledgement): "acknowledgement of \(acknowledgement.sequence)"
    case .epochEnd(let end): "epoch-end of epoch \(end.epoch) after \(end.steps) steps"
    case .epochReport(let report): "epoch-report of epoch \(report.epoch)"
    case .goodbye(let goodbye): "goodbye (\(goodbye.reason.rawValue))"
    default: "\(message.type)"
    }
  }
}
