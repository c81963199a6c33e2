import Platform

/// The legal order of messages, without any input or output. Both ends keep one, and tell it every message that they
/// send or receive, before they act on it.
///
/// ```
///            hello          welcome          train-batch*      evaluation-batch*      epoch-end
/// opening ──────────▶ greeted ──────▶ training ──────────▶ evaluating ──────────▶ reporting
///    │ refusal           │ refusal       ▲                                            │ epoch-report
///    ▼                   ▼               └────────────────────────────────────────────┘
///  refused            refused             (training may go to reporting without evaluating)
/// ```
///
/// That is the order for activations and images that are sent in every epoch. Where gradients are exchanged, each
/// train-batch is answered by its gradient before its acknowledgement. Where images are uploaded, the phase after
/// `welcome` is uploading (train-images*, test-images*, epoch-end), no batches follow, and in reporting the cloud sends
/// a batch-report for each batch that it trains on or evaluates. Where measurements are exchanged, the phase after
/// `welcome` is measuring, to the end: each probe is answered by a probe-report, and each filler by a filler, before
/// the next.
///
/// Acknowledgements may come from the cloud in uploading, training, evaluating and reporting. `goodbye` and `failure`
/// end what their sender sends; messages of the other side that crossed them are still legal.
package struct ConversationStateMachine: Equatable, Sendable {
  package enum Phase: String, Sendable {
    case opening, greeted, uploading, training, evaluating, reporting, measuring, refused
  }

  private struct ReportedBatch: Equatable {
    let stage: BatchReport.Stage
    let batch: Int
  }

  /// The side that keeps this state.
  package let role: Role
  package private(set) var phase = Phase.opening
  /// The edge's window, from its `hello`.
  private(set) var window = 4
  /// What is exchanged, from the edge's `hello`.
  private(set) var exchange = Exchange.activations
  /// The epoch under way, from 1.
  private(set) var epoch = 1
  /// Training steps of this epoch so far, those before the resume position included.
  private(set) var steps = 0
  /// The sequence number of the last batch that was sent (on the edge) or received (in the cloud).
  private(set) var lastSequence: UInt64 = 0
  private(set) var lastAcknowledged: UInt64 = 0
  /// Whether the edge has said its last word.
  private(set) var edgeHasEnded = false
  /// Whether the cloud has said its last word.
  private(set) var cloudHasEnded = false
  private(set) var batchesInEpoch = 0
  /// The training batch whose gradient the cloud has to send.
  private(set) var owedGradient: UInt64?
  /// The answer to the edge's question, while measuring.
  var owedAnswer: OwedAnswer?
  /// The last batch report of this epoch.
  private var reported: ReportedBatch?

  init(role: Role) { self.role = role }

  /// Batches that are not acknowledged yet.
  var unacknowledged: Int { Int(lastSequence - lastAcknowledged) }

  /// Whether the window has room for a batch now.
  var canSendBatch: Bool {
    guard unacknowledged < window && !edgeHasEnded else { return false }
    return phase == .uploading || ((phase == .training || phase == .evaluating) && exchange != .upload)
  }

  /// The sequence number of the next batch.
  var nextSequence: UInt64 { lastSequence + 1 }

  /// Whether it is the peer's turn, so that its silence is its fault.
  var expectsPeer: Bool {
    switch (role, phase) {
    case (_, .refused): true
    case (.edge, .opening), (.cloud, .greeted), (.cloud, .reporting): false
    case (.edge, .greeted), (.edge, .reporting), (.cloud, .opening): true
    case (.edge, .uploading), (.edge, .training), (.edge, .evaluating): unacknowledged > 0 || edgeHasEnded
    case (.edge, .measuring): owedAnswer != nil || edgeHasEnded
    case (.cloud, .measuring): owedAnswer == nil || cloudHasEnded
    case (.cloud, .uploading), (.cloud, .training), (.cloud, .evaluating): unacknowledged < window || cloudHasEnded
    }
  }

  /// This side is about to send `message`.
  ///
  /// - Throws: `WireError.order`; the state is then unchanged.
  mutating func willSend(_ message: Message) throws(WireError) { try advance(message, from: role) }

  /// This side has received `message`.
  ///
  /// - Throws: `WireError.order`; the state is then unchanged.
  mutating func didReceive(_ message: Message) throws(WireError) { try advance(message, from: role.peer) }

  private mutating func advance(_ message: Message, from sender: Role) throws(WireError) {
    let hasEnded = sender == .edge ? edgeHasEnded : cloudHasEnded
    if hasEnded { throw illegal(message, from: sender) }
    if case .failure = message { return end(sender) }
    switch sender {
    case .edge: try advanceEdge(message)
    case .cloud: try advanceCloud(message)
    }
  }

  private mutating func end(_ sender: Role) { if sender == .edge { edgeHasEnded = true } else { cloudHasEnded = true } }

  private mutating func advanceEdge(_ message: Message) throws(WireError) {
    switch (message, phase) {
    case (.hello(let hello), .opening):
      window = hello.window
      exchange = hello.exchange
      phase = .greeted
    case (.hello, .refused) where role == .edge:
      break  // The cloud was busy before it heard us; the refusal and our hello have crossed.
    case (.trainImages(let batch), .uploading), (.testImages(let batch), .uploading): try takeBatch(batch, message)
    case (.trainBatch(let batch), .training) where exchange != .upload:
      try takeBatch(batch, message)
      steps += 1
      if exchange == .gradients { owedGradient = batch.sequence }
    case (.evaluationBatch(let batch), .training) where exchange != .upload, (.evaluationBatch(let batch), .evaluating):
      try takeBatch(batch, message)
      phase = .evaluating
    case (.probe, .measuring), (.filler, .measuring): try takeQuestion(message)
    case (.epochEnd(let end), .uploading), (.epochEnd(let end), .training), (.epochEnd(let end), .evaluating):
      guard end.epoch == epoch, end.steps == steps else { throw illegal(message, from: .edge) }
      phase = .reporting
    case (.goodbye(let goodbye), _) where phase != .opening && phase != .refused:
      let isBetweenEpochs = phase == .training && batchesInEpoch == 0
      guard goodbye.reason == .interrupted || isBetweenEpochs || canAsk else { throw illegal(message, from: .edge) }
      end(.edge)
    default: throw illegal(message, from: .edge)
    }
  }

  /// The edge has sent the frame with this number.
  mutating func advance(toSequence sequence: UInt64) { lastSequence = sequence }

  private mutating func takeBatch(_ batch: EncodedBatch, _ message: Message) throws(WireError) {
    guard batch.sequence == nextSequence, unacknowledged < window else { throw illegal(message, from: .edge) }
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
      phase =
        switch exchange {
        case .upload: .uploading
        case .measurements: .measuring
        case .activations, .gradients, .images: .training
        }
    case (.probeReport, .measuring), (.filler, .measuring): try takeAnswer(message)
    case (.gradient(let gradient), .training), (.gradient(let gradient), .reporting):
      guard gradient.sequence == owedGradient else { throw illegal(message, from: .cloud) }
      owedGradient = nil
    case (.batchReport(let report), .reporting) where exchange == .upload:
      guard unacknowledged == 0, report.epoch == epoch, isNext(report) else { throw illegal(message, from: .cloud) }
      reported = ReportedBatch(stage: report.stage, batch: report.batch)
    case (.acknowledgement(let acknowledgement), .uploading), (.acknowledgement(let acknowledgement), .training),
      (.acknowledgement(let acknowledgement), .evaluating), (.acknowledgement(let acknowledgement), .reporting):
      guard acknowledgement.sequence > lastAcknowledged, acknowledgement.sequence <= lastSequence, owedGradient == nil
      else { throw illegal(message, from: .cloud) }
      lastAcknowledged = acknowledgement.sequence
    case (.epochReport(let report), .reporting):
      guard unacknowledged == 0, report.epoch == epoch else { throw illegal(message, from: .cloud) }
      epoch += 1
      steps = 0
      batchesInEpoch = 0
      reported = nil
      phase = .training
    case (.goodbye(let goodbye), .uploading), (.goodbye(let goodbye), .training), (.goodbye(let goodbye), .evaluating),
      (.goodbye(let goodbye), .reporting), (.goodbye(let goodbye), .measuring):
      guard goodbye.reason == .interrupted else { throw illegal(message, from: .cloud) }
      end(.cloud)
    default: throw illegal(message, from: .cloud)
    }
  }

  /// Whether batches are reported without a gap, those of training first.
  private func isNext(_ report: BatchReport) -> Bool {
    guard let reported, reported.stage == report.stage else {
      return report.batch == 1 && reported?.stage != .evaluation
    }
    return report.batch == reported.batch + 1
  }
}
