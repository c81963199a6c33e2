import Platform
import RunFiles
import Training
import Transport

/// The edge's end of the conversation: the records that the edge makes are sent in order, as many as the window lets on
/// their way, and what comes back is kept until it is taken. A connection has a thread that sends and one that
/// receives.
///
/// The connection can be replaced: the next one goes on with the record that its welcome asks for.
final class EdgeLink: Sendable {
  let records: any RecordStore
  private let timeline: Timeline?
  /// The records after which the run can go on, beside the one that is answered last; nil if it can go on anywhere.
  private let positions: (@Sendable () -> [UInt64])?
  private let state: Guarded<State>
  private let interrupter = Guarded<Thread?>(nil)

  /// A link that is not connected yet.
  ///
  /// - Parameters:
  ///   - window: most records on their way.
  ///   - keepsAcknowledgements: whether they are wanted; their reports always are.
  ///   - position: of the run that goes on; nil at its beginning.
  ///   - positions: the records after which the run can go on, beside the one that is answered last; nil if it can go
  ///     on anywhere.
  init(
    _ records: any RecordStore, window: Int, keepsAcknowledgements: Bool,
    after position: RunProgress.Records = RunProgress.Records(), positions: (@Sendable () -> [UInt64])? = nil,
    timeline: Timeline? = nil
  ) {
    self.records = records
    self.positions = positions
    self.timeline = timeline
    state = Guarded(State(window: window, keepsAcknowledgements: keepsAcknowledgements, after: position))
  }

  /// Whether a lost connection is replaced by somebody: if it is not, its loss ends everything that waits.
  func keepsConnecting(_ isKept: Bool) { state.change { $0.isKept = isKept } }

  // MARK: The connection

  /// Where a cloud could go on.
  var offer: ResumeOffer {
    let (answered, weights) = state.withLock { ($0.answered, $0.cloudWeights) }
    guard let positions else {
      return ResumeOffer(first: records.first, answered: answered, initialWeights: weights)
    }
    // What was written is not beyond what is answered, unless the run has gone back.
    return ResumeOffer(positions: positions().filter { $0 <= answered } + [answered], initialWeights: weights)
  }

  /// Starts both threads on a connection whose handshake is done; the one before must be detached.
  ///
  /// - Throws: `ThreadError`, `EarlierPositionError`; `detach` has to follow then, too.
  func attach(_ connection: FramedConnection, _ welcome: Welcome) throws {
    try state.withLock { state in
      let applied = welcome.resume?.applied ?? 0
      if positions != nil, applied != state.answered, applied != state.answered + 1 {
        connection.abandon()
        throw EarlierPositionError(applied: applied)
      }
      precondition(state.attachment == nil, "a link has one connection at a time")
      let silence = min(connection.timeout, welcome.timeoutSeconds)
      state.begin(
        State.Attachment(connection: connection, aliveInterval: Alive.interval(silence: silence)),
        after: applied, welcome.initialWeights)
    }
    for body in [send, receive] {
      let thread = try Thread { body(connection) }
      state.withLock { $0.attachment?.threads.append(thread) }
    }
  }

  /// Sends a last message if there is one and the peer still listens, closes, and waits for both threads.
  func detach(sending message: Message?) {
    let connection = state.change { state in
      state.attachment?.isClosing = true
      return state.attachment?.connection
    }
    if let message { connection?.close(sending: message, within: 2) } else { connection?.abandon() }
    let threads = state.withLock { $0.attachment?.threads ?? [] }
    for thread in threads { thread.join() }
    state.change { $0.forgetConnection() }
  }

  /// Waits until there is no connection that works.
  ///
  /// - Returns: what ended the last one; nil if there has been none, or the link has ended.
  func awaitLoss() -> (any Error)? {
    state.wait { state -> (any Error)?? in
      if state.failure != nil || state.isEnding { return .some(nil) }
      guard let attachment = state.attachment else { return .some(nil) }
      return attachment.loss.map { .some($0) }
    }
  }

  /// Rests until a moment at most.
  ///
  /// - Returns: whether the link still goes on.
  func rest(seconds: Double) -> Bool {
    state.wait(until: Deadline(secondsFromNow: seconds)) { $0.failure != nil || $0.isEnding ? () : nil } == nil
  }

  /// No connection is to replace the present one any more.
  func end() {
    state.change { $0.isEnding = true }
    interrupter.withLock { $0.take() }?.join()
  }

  var hasEnded: Bool { state.withLock { $0.failure != nil || $0.isEnding } }

  /// Whether there is a connection.
  var isConnected: Bool { state.withLock { $0.attachment?.loss == nil && $0.attachment != nil } }

  /// What all connections have carried.
  var traffic: RunTraffic.Connections { state.withLock { $0.traffic } }

  /// From what the cloud's weights began; nil if no cloud has welcomed the run yet.
  var cloudWeights: String? { state.withLock { $0.cloudWeights } }

  /// The last record that has been sent, on any connection.
  var sent: UInt64 { state.withLock { $0.sent } }

  /// The final loss of the batch that was acknowledged last; nil before the first.
  var latestLoss: Double? { state.withLock { $0.latestLoss } }

  // MARK: The computing thread

  /// - Throws: what ended the link.
  func requireGoingOn() throws { if let end = state.withLock({ $0.end }) { throw end } }

  /// Whether the next record need not wait.
  func hasRoom(for message: Message) -> Bool {
    state.withLock { records.hasRoom(for: message, unanswered: $0.unanswered(of: records)) }
  }

  /// Takes the next record. Waits until there is room for it.
  ///
  /// - Throws: what ended the link; what `RecordStore.append` throws.
  func append(_ message: Message, waits: Bool = true) throws {
    try state.wait { state in
      let hasRoom = !waits || records.hasRoom(for: message, unanswered: state.unanswered(of: records))
      // A step that need not wait is done, whatever has ended the link: the run goes on from there.
      if hasRoom { return () }
      if let end = state.end { throw end }
      return nil
    }
    try records.append(message)
    state.change { _ in }
  }

  /// Records that are made and not answered.
  var unanswered: Int { state.withLock { $0.unanswered(of: records) } }

  /// What the cloud has answered since the last call. Waits until there is something.
  ///
  /// - Parameter seconds: the longest wait; nil for no end.
  /// - Returns: nothing new if there was nothing in that time.
  /// - Throws: what ended the link.
  func awaitAnswers(within seconds: Double? = nil) throws -> Answers {
    func take(_ state: inout State) throws -> Answers? {
      if let answers = state.takeAnswers() { return answers }
      if let end = state.end { throw end }
      return nil
    }
    guard let seconds else { return try state.wait(for: take) }
    return try state.wait(until: Deadline(secondsFromNow: seconds), for: take)
      ?? Answers(list: [], through: state.withLock { $0.taken })
  }

  /// Waits for the gradient of a batch.
  func awaitGradient(of sequence: UInt64) throws -> Gradient {
    try state.wait { state in
      // That of the batch before may have been told once more.
      if let gradient = state.gradient, gradient.sequence == sequence { return gradient }
      if let end = state.end { throw end }
      return nil
    }
  }

  /// Asks for the cloud's state at the last record, which is answered; it is durable when it is there.
  ///
  /// - Returns: the number of the connection on which it is asked for; nil if there is none.
  func request(_ checkpoint: CheckpointRequest) -> Int? {
    state.change { state in
      guard state.attachment?.loss == nil, state.attachment != nil else { return nil }
      state.request = checkpoint
      return state.connections
    }
  }

  /// The last record that is durable, and the number of the present connection.
  var durable: (through: UInt64, connection: Int) { state.withLock { ($0.durable, $0.connections) } }

  /// Notes when a record is answered.
  func watch(_ sequence: UInt64) { state.withLock { $0.watched.append(State.Watched(sequence: sequence)) } }

  /// When a record that is watched was answered, in seconds of the monotonic clock; nil if it is not.
  func answerSeconds(of sequence: UInt64) -> Double? {
    state.withLock { state in state.watched.first { $0.sequence == sequence }?.seconds }
  }

  /// The user has interrupted the run.
  ///
  /// - Parameter seconds: given to a step under way, which the cloud has to answer.
  func interrupt(afterSeconds seconds: Double) {
    guard seconds > 0 else { return fail(InterruptedError()) }
    do {
      let thread = try Thread { [self] in if rest(seconds: seconds) { fail(InterruptedError()) } }
      interrupter.withLock { $0 = thread }
    } catch { fail(InterruptedError()) }
  }

  /// Makes everything that waits, and all that would, throw the error. The first error stays.
  func fail(_ error: any Error) { state.change { $0.failure = $0.failure ?? error } }

  // MARK: The sending thread

  /// Seconds in which the peer may still say why it went, when sending to it has failed.
  private static let explanationSeconds = 0.5

  private enum Turn {
    case record(UInt64)
    case checkpoint(CheckpointRequest)
    case alive
    case end
  }

  private func send(over connection: FramedConnection) {
    do {
      while true {
        switch nextTurn() {
        case .end: return
        case .alive: try connection.send(.alive(Alive()))
        case .checkpoint(let request): try connection.send(.checkpoint(request))
        case .record(let sequence): try send(sequence, over: connection)
        }
      }
    } catch {
      // The receiving thread may know better.
      _ = state.wait(until: Deadline(secondsFromNow: Self.explanationSeconds)) { state in
        state.end != nil || state.attachment?.isClosing != false || state.attachment?.loss != nil ? () : nil
      }
      lost(error)
    }
  }

  private func send(_ sequence: UInt64, over connection: FramedConnection) throws {
    var message: Message
    do { message = try records.message(sequence) } catch { return fail(error) }
    let isEpochEnd: Bool
    if case .epochEnd(let end) = message {
      message = .epochEnd(end.with(sent: connection.ledger.sent))
      isEpochEnd = true
    } else {
      isEpochEnd = false
    }
    let bytes = try timeline.measure(.send) { try connection.send(message) }
    state.change { $0.countSent(sequence, bytes: bytes, endsWith: isEpochEnd ? connection.ledger.sent : nil) }
  }

  private func nextTurn() -> Turn {
    let interval = state.withLock { $0.attachment?.aliveInterval ?? 1 }
    return state.wait(until: Deadline(secondsFromNow: interval)) { state -> Turn? in
      if state.end != nil || state.attachment?.isClosing != false || state.attachment?.loss != nil { return .end }
      if let request = state.request.take() { return .checkpoint(request) }
      return state.next < records.next && state.hasPlace ? .record(state.next) : nil
    } ?? .alive
  }

  private func lost(_ error: any Error) {
    state.change { state in
      guard let attachment = state.attachment, !attachment.isClosing else { return }
      state.attachment?.loss = attachment.loss ?? error
    }
  }

  // MARK: The receiving thread

  private func receive(over connection: FramedConnection) {
    do {
      while true {
        let received = try connection.receive()
        timeline?.record(.receive, from: received.firstByteNanoseconds)
        let answered = try state.change { state in
          try state.take(received)
          return state.answered
        }
        records.answered(through: answered)
        if case .durable(let durable) = received.message {
          do { try records.durable(through: durable.sequence) } catch { return fail(error) }
          // There may be room now.
          state.change { _ in }
        }
      }
    } catch { lost(connection.explanation(of: error)) }
  }
}
