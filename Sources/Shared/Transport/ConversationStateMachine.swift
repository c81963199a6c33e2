import DequeModule
import Platform

/// The legal order of messages, without any input or output. Both ends keep one, and tell it every message that they
/// send or receive, before they act on it.
///
/// ```
///            hello          welcome          train-batch*      evaluation-batch*
/// opening ──────────▶ greeted ──────▶ training ──────────▶ evaluating ─────┐
///    │ refusal           │ refusal       ▲ │                               │
///    ▼                   ▼               │ ▼ epoch-end                     ▼ epoch-end
///  refused            refused            └─┴───────────────────────────────┘
/// ```
///
/// What the edge sends in a run are records with consecutive numbers: batches, steps and epoch-ends. The cloud answers
/// them in order, a batch or a step by an acknowledgement, which may be of several, and an epoch-end by an
/// epoch-report. The edge need not wait for answers, but no more than a window of records are without one when it sends
/// a batch or a step. A run that had begun goes on after the record that the welcome names; what the edge lacks of the
/// answers before it comes as replays first.
///
/// Where gradients are exchanged, each train-batch is answered by its gradient before its acknowledgement. Where images
/// are uploaded, the phase after `welcome` is uploading (train-images*, test-images*), and steps take the place of
/// batches afterwards. Where measurements are exchanged, the phase after `welcome` is measuring, to the end: each probe
/// is answered by a probe-report, and each filler by a filler, before the next.
///
/// An edge that exchanges gradients can go on only after certain records, which its hello names, or one before the last
/// that the cloud has applied, whose answer it is told again, and its gradient. So that both sides have such a state on
/// disk, it asks for a checkpoint at a record that is answered, and for the next one when that is durable. Nothing else
/// is called durable there: it might cross the question, and each side would take it for another answer.
///
/// A hello may offer a file of weights. A cloud that begins the run asks for it then, if it does at all, before it
/// welcomes: all of it comes as weights 1, 2, 3, …
///
/// From the welcome on, except while measuring, either side says alive when it has nothing else to say, and the cloud
/// says durable. `goodbye` and `failure` end what their sender sends; messages of the other side that crossed them are
/// still legal.
package struct ConversationStateMachine: Equatable, Sendable {
  package enum Phase: String, Sendable {
    case opening, greeted, uploading, training, evaluating, measuring, refused
  }

  /// An epoch-end that is not answered.
  struct OwedReport: Equatable {
    let epoch: Int
    let sequence: UInt64
  }

  /// The side that keeps this state.
  package let role: Role
  package private(set) var phase = Phase.opening
  /// The edge's window, from its `hello`.
  private(set) var window = 4
  /// What is exchanged, from the edge's `hello`.
  private(set) var exchange = Exchange.activations
  /// Where the edge can go on, from its `hello`.
  private(set) var offer: ResumeOffer?
  /// The file of weights that the cloud may ask for, from the edge's `hello`; nil once it has.
  var offeredWeights: WeightsOffer?
  var owedWeights: OwedWeights?
  /// The epoch under way, from 1.
  private(set) var epoch = 1
  /// Training steps of this epoch so far, those before the resume position included.
  private(set) var steps = 0
  /// The last record that was sent (on the edge) or received (in the cloud).
  private(set) var lastSequence: UInt64 = 0
  /// The last record that is answered, on this connection or before.
  private(set) var lastAcknowledged: UInt64 = 0
  /// The last record whose answer the edge has; what lies before `lastAcknowledged` is to be replayed.
  private(set) var lastReplayed: UInt64 = 0
  /// The last record that the cloud has called durable.
  private(set) var lastDurable: UInt64 = 0
  private(set) var owedReports: Deque<OwedReport> = []
  /// Whether the edge has said its last word.
  private(set) var edgeHasEnded = false
  /// Whether the cloud has said its last word.
  private(set) var cloudHasEnded = false
  /// Batches, of training and evaluation, and steps.
  private(set) var batchesInEpoch = 0
  /// The training batch whose gradient the cloud has to send.
  private(set) var owedGradient: UInt64?
  /// The record at which the cloud writes a checkpoint that the edge has asked for, until it is durable.
  private(set) var owedCheckpoint: UInt64?
  /// The answer to the edge's question, while measuring.
  var owedAnswer: OwedAnswer?

  init(role: Role) { self.role = role }

  /// Records that are not answered yet.
  var unacknowledged: Int { Int(lastSequence - lastAcknowledged) }

  /// Whether there is a run on this connection.
  var isRunning: Bool { phase == .uploading || phase == .training || phase == .evaluating }

  /// Whether the cloud still has to tell of earlier answers.
  var owesReplay: Bool { lastReplayed < lastAcknowledged }

  /// Whether the window has room for a batch or a step now, and the edge has trained on the one before.
  var canSendBatch: Bool { isRunning && unacknowledged < window && owedGradient == nil && !edgeHasEnded }

  /// The number of the next record.
  var nextSequence: UInt64 { lastSequence + 1 }

  /// Whether it is the peer's turn, so that its silence is its fault.
  var expectsPeer: Bool {
    switch (role, phase) {
    case (_, .refused), (_, .uploading), (_, .training), (_, .evaluating): true
    case (.edge, .opening): false
    case (.cloud, .opening): true
    case (.edge, .greeted): owedWeights == nil
    case (.cloud, .greeted): owedWeights != nil
    case (.edge, .measuring): owedAnswer != nil || edgeHasEnded
    case (.cloud, .measuring): owedAnswer == nil || cloudHasEnded
    }
  }

  /// What the peer owes this side now. Of a run it owes signs of life, so that only what comes is one.
  var expectation: Expectation { isRunning ? .word : expectsPeer ? .progress : .nothing }

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
    switch message {
    case .failure: end(sender)
    case .alive where isRunning: break
    default: if sender == .edge { try advanceEdge(message) } else { try advanceCloud(message) }
    }
  }

  private mutating func end(_ sender: Role) { if sender == .edge { edgeHasEnded = true } else { cloudHasEnded = true } }

  // MARK: The edge

  private mutating func advanceEdge(_ message: Message) throws(WireError) {
    switch (message, phase) {
    case (.hello(let hello), .opening):
      window = hello.window
      exchange = hello.exchange
      offer = hello.resume
      offeredWeights = hello.weights
      phase = .greeted
    case (.hello, .refused) where role == .edge:
      break  // The cloud was busy before it heard us; the refusal and our hello have crossed.
    case (.weights(let part), .greeted): try takePart(part)
    case (.trainImages(let batch), .uploading), (.testImages(let batch), .uploading):
      try takeRecord(batch.sequence, message)
      batchesInEpoch += 1
    case (.trainBatch(let batch), .training) where exchange != .upload:
      try train(batch.sequence, message)
      if exchange == .gradients { owedGradient = batch.sequence }
    case (.trainStep(let step), .uploading),
      (.trainStep(let step), .training) where exchange == .upload:
      try train(step.sequence, message)
    case (.evaluationBatch(let batch), .training), (.evaluationBatch(let batch), .evaluating):
      guard exchange != .upload else { throw illegal(message, from: .edge) }
      try evaluate(batch.sequence, message)
    case (.evaluationStep(let step), .training), (.evaluationStep(let step), .evaluating):
      guard exchange == .upload else { throw illegal(message, from: .edge) }
      try evaluate(step.sequence, message)
    case (.probe, .measuring), (.filler, .measuring): try takeQuestion(message)
    case (.epochEnd(let end), .training), (.epochEnd(let end), .evaluating):
      guard end.epoch == epoch, end.steps == steps, end.sequence == nextSequence else {
        throw illegal(message, from: .edge)
      }
      lastSequence = end.sequence
      owedReports.append(OwedReport(epoch: epoch, sequence: end.sequence))
      epoch += 1
      (steps, batchesInEpoch) = (0, 0)
      phase = .training
    case (.checkpoint(let request), .training), (.checkpoint(let request), .evaluating):
      guard canRequestCheckpoint, request.sequence == lastSequence else { throw illegal(message, from: .edge) }
      owedCheckpoint = request.sequence
    case (.goodbye(let goodbye), _) where phase != .opening && phase != .refused:
      guard goodbye.reason == .interrupted || isBetweenEpochs || canAsk else { throw illegal(message, from: .edge) }
      end(.edge)
    default: throw illegal(message, from: .edge)
    }
  }

  /// Whether everything that was begun is done.
  var isBetweenEpochs: Bool { phase == .training && batchesInEpoch == 0 && unacknowledged == 0 && !owesReplay }

  /// Whether both sides are at the same record, and no checkpoint is being written.
  var canRequestCheckpoint: Bool {
    exchange == .gradients && offer != nil && unacknowledged == 0 && lastSequence > 0 && !owesReplay
      && owedGradient == nil && owedCheckpoint == nil
  }

  /// The edge has sent the frame with this number.
  mutating func advance(toSequence sequence: UInt64) { lastSequence = sequence }

  private mutating func train(_ sequence: UInt64, _ message: Message) throws(WireError) {
    try takeRecord(sequence, message)
    if phase == .uploading { batchesInEpoch = 0 }
    batchesInEpoch += 1
    steps += 1
    phase = .training
  }

  private mutating func evaluate(_ sequence: UInt64, _ message: Message) throws(WireError) {
    try takeRecord(sequence, message)
    batchesInEpoch += 1
    phase = .evaluating
  }

  private mutating func takeRecord(_ sequence: UInt64, _ message: Message) throws(WireError) {
    guard sequence == nextSequence, canSendBatch else { throw illegal(message, from: .edge) }
    lastSequence = sequence
  }

  // MARK: The cloud

  private mutating func advanceCloud(_ message: Message) throws(WireError) {
    switch (message, phase) {
    case (.refusal, .opening), (.refusal, .greeted):
      phase = .refused
      end(.cloud)
    case (.weightsRequest(let request), .greeted): try takeRequest(request)
    case (.welcome(let welcome), .greeted) where owedWeights == nil: try begin(welcome, message)
    case (.probeReport, .measuring), (.filler, .measuring): try takeAnswer(message)
    case (.replay(let replay), _) where isRunning:
      guard owesReplay, replay.first == lastReplayed + 1, replay.last <= lastAcknowledged else {
        throw illegal(message, from: .cloud)
      }
      lastReplayed = replay.last
    case (.gradient(let gradient), .training), (.gradient(let gradient), .evaluating):
      guard gradient.sequence == owedGradient, !owesReplay else { throw illegal(message, from: .cloud) }
      owedGradient = nil
    case (.acknowledgement(let acknowledgement), _) where isRunning:
      let sequence = acknowledgement.sequence
      guard sequence > lastAcknowledged, sequence <= lastSequence, sequence < owedReports.first?.sequence ?? .max,
        owedGradient == nil, !owesReplay
      else { throw illegal(message, from: .cloud) }
      answer(sequence)
    case (.epochReport(let report), _) where isRunning:
      guard let owed = owedReports.first, owed.epoch == report.epoch, lastAcknowledged == owed.sequence - 1,
        owedGradient == nil, !owesReplay
      else { throw illegal(message, from: .cloud) }
      owedReports.removeFirst()
      answer(owed.sequence)
    case (.durable(let durable), _) where isRunning:
      guard durable.sequence >= lastDurable, durable.sequence <= lastAcknowledged,
        exchange != .gradients || durable.sequence == owedCheckpoint
      else { throw illegal(message, from: .cloud) }
      lastDurable = durable.sequence
      owedCheckpoint = nil
    case (.goodbye(let goodbye), _) where isRunning || phase == .measuring:
      guard goodbye.reason == .interrupted else { throw illegal(message, from: .cloud) }
      end(.cloud)
    default: throw illegal(message, from: .cloud)
    }
  }

  private mutating func answer(_ sequence: UInt64) {
    lastAcknowledged = sequence
    lastReplayed = sequence
  }

  private mutating func begin(_ welcome: Welcome, _ message: Message) throws(WireError) {
    // What lies before its offer the edge cannot send; and without an offer it has nothing to go on with.
    guard isPossible(welcome) else { throw illegal(message, from: .cloud) }
    phase =
      switch exchange {
      case .upload: .uploading
      case .measurements: .measuring
      case .activations, .gradients, .images: .training
      }
    guard let offer, let resume = welcome.resume else { return }
    (epoch, steps, batchesInEpoch) = (resume.epoch, resume.steps, resume.steps + resume.testBatches)
    if resume.testBatches > 0 { phase = .evaluating } else if steps > 0 || epoch > 1 { phase = .training }
    (lastSequence, lastAcknowledged) = (resume.applied, resume.applied)
    lastReplayed = min(offer.answered, resume.applied)
    // The edge may have it; the cloud cannot know.
    if exchange == .gradients, owesReplay, steps > 0, resume.testBatches == 0 { owedGradient = resume.applied }
  }

  private func isPossible(_ welcome: Welcome) -> Bool {
    guard let offer else { return welcome.resume == nil }
    let applied = welcome.resume?.applied ?? 0
    guard let positions = offer.positions else { return applied + 1 >= offer.first }
    // One record's answer can be told again.
    return positions.contains(applied) || applied > 0 && positions.contains(applied - 1)
  }
}
