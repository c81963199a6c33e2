import DequeModule
import Platform
import RunFiles
import Training
import Transport

/// The edge's end of the conversation: what waits to be sent (outbox), how much may be on its way (window) and what has
/// come back (mailbox), over a connection with a thread that sends and one that receives.
///
/// The connection can be replaced: what was posted and not taken by the connection before goes over the next one.
final class EdgeLink: Sendable {
  /// An epoch's report and what had been received before it.
  struct ReceivedReport {
    let report: EpochReport
    let receivedBefore: ByteCounts
  }

  private struct State {
    var outbox = Outbox()
    var window: Window
    var mailbox = Mailbox()
    var failure: (any Error)?
    var attachment: Attachment?
    /// Of the connections before.
    var past = (ledger: ByteLedger(), sendingSeconds: 0.0)

    /// What everything that waits throws.
    var end: (any Error)? { failure ?? attachment?.loss }
  }

  /// How many batches may be on their way without acknowledgement.
  private struct Window {
    let size: Int
    var reserved: UInt64 = 0
    var acknowledged: UInt64 = 0

    var hasRoom: Bool { Int(reserved - acknowledged) < size }
    var isDone: Bool { acknowledged == reserved }
  }

  /// What the cloud has sent, until it is taken.
  private struct Mailbox {
    var acknowledgements: [Acknowledgement] = []
    /// Of the batch that was posted last.
    var gradient: Gradient?
    var batchReports: Deque<BatchReport> = []
    var report: ReceivedReport?
    var latestLoss: Double?
  }

  /// A connection and the threads on it.
  private struct Attachment {
    let connection: FramedConnection
    var isClosing = false
    /// What has ended a thread, unless the connection was being closed here.
    var loss: (any Error)?
    var threads: [Thread] = []
  }

  private let timeline: Timeline?
  private let state: Guarded<State>

  /// A link that is not connected yet.
  init(window: Int, timeline: Timeline? = nil) {
    self.timeline = timeline
    state = Guarded(State(window: Window(size: window)))
  }

  /// Starts both threads on a connection whose handshake is done; the one before must be detached.
  ///
  /// - Throws: `ThreadError`; `detach` has to follow then, too.
  func attach(_ connection: FramedConnection) throws {
    state.withLock { state in
      precondition(state.attachment == nil, "a link has one connection at a time")
      state.attachment = Attachment(connection: connection)
      state.outbox.sent()
    }
    do {
      for body in [send, receive] {
        let thread = try Thread { body(connection) }
        state.withLock { $0.attachment?.threads.append(thread) }
      }
    } catch {
      fail(error)
      throw error
    }
  }

  /// Sends a last message if there is one and the peer still listens, closes, and waits for both threads.
  func detach(sending message: Message?) {
    let connection = state.change { state in
      state.attachment?.isClosing = true
      return state.attachment?.connection
    }
    connection?.close(sending: message, within: 2)
    let threads = state.withLock { $0.attachment?.threads ?? [] }
    for thread in threads { thread.join() }
    state.withLock { state in
      state.past = (Self.ledger(&state), Self.sendingSeconds(&state))
      state.attachment = nil
    }
  }

  /// Bytes over all connections.
  var ledger: ByteLedger { state.withLock(Self.ledger) }

  /// Bytes over the present connection: what a report of the cloud is to be compared with.
  var connectionLedger: ByteLedger { state.withLock { $0.attachment?.connection.ledger ?? ByteLedger() } }

  /// Seconds in which frames were being sent.
  var sendingSeconds: Double { state.withLock(Self.sendingSeconds) }

  private static func ledger(_ state: inout State) -> ByteLedger {
    state.past.ledger + (state.attachment?.connection.ledger ?? ByteLedger())
  }

  private static func sendingSeconds(_ state: inout State) -> Double {
    state.past.sendingSeconds + (state.attachment?.connection.sendingSeconds ?? 0)
  }

  /// The final loss of the batch that was acknowledged last; nil before the first.
  var latestLoss: Double? { state.withLock { $0.mailbox.latestLoss } }

  // MARK: The computing thread

  /// Waits for a place in the window.
  ///
  /// - Returns: the sequence number of the batch to be posted.
  /// - Throws: what ended the link.
  func reserve() throws -> UInt64 {
    try state.wait { state in
      if let end = state.end { throw end }
      guard state.window.hasRoom else { return nil }
      state.window.reserved += 1
      return state.window.reserved
    }
  }

  /// Hands a message to the sending thread; never waits.
  func post(_ message: Message) { post { _ in message } }

  /// The same with a message that is made when all before it are sent.
  func post(_ draft: @escaping Outbox.Draft) { state.change { $0.outbox.append(draft) } }

  /// What has been acknowledged since the last call, in order.
  func takeAcknowledgements() -> [Acknowledgement] { state.withLock { takeAll(&$0.mailbox.acknowledgements) } }

  /// Waits until every batch is acknowledged, and with it counted in the ledger.
  ///
  /// - Returns: the acknowledgements that have not been taken.
  @discardableResult func awaitAcknowledgements() throws -> [Acknowledgement] {
    try state.wait { state in
      if let end = state.end { throw end }
      guard state.window.isDone && state.outbox.isDone else { return nil }
      return takeAll(&state.mailbox.acknowledgements)
    }
  }

  /// Waits for the gradient of the batch that was posted last.
  func awaitGradient() throws -> Gradient {
    try state.wait { state in
      if let gradient = state.mailbox.gradient.take() { return gradient }
      if let end = state.end { throw end }
      return nil
    }
  }

  /// Waits for the next batch that the cloud has trained on or evaluated by itself.
  ///
  /// - Returns: nil if the epoch's report has come instead.
  func awaitBatchReport() throws -> BatchReport? {
    try state.wait { state -> BatchReport?? in
      if let report = state.mailbox.batchReports.popFirst() { return .some(report) }
      if let end = state.end { throw end }
      return state.mailbox.report == nil ? nil : .some(nil)
    }
  }

  /// Waits for the report of the epoch that was ended.
  func awaitReport() throws -> ReceivedReport {
    try state.wait { state in
      if state.outbox.isDone, let report = state.mailbox.report.take() { return report }
      if let end = state.end { throw end }
      return nil
    }
  }

  /// Makes everything that waits, and all that would, throw the error. The first error stays.
  func fail(_ error: any Error) { state.change { $0.failure = $0.failure ?? error } }

  // MARK: The other two threads

  /// Seconds in which the peer may still say why it went, when sending to it has failed.
  private static let explanationSeconds = 0.5

  private func send(over connection: FramedConnection) {
    while let draft = nextDraft() {
      do {
        try timeline.measure(.send) { _ = try connection.send(draft(connection.ledger)) }
        state.change { $0.outbox.sent() }
      } catch {
        // The receiving thread may know better.
        _ = state.wait(until: Deadline(secondsFromNow: Self.explanationSeconds)) { state in
          state.end != nil || state.attachment?.isClosing != false ? () : nil
        }
        return lost(error)
      }
    }
  }

  private func lost(_ error: any Error) {
    state.change { state in
      guard let attachment = state.attachment, !attachment.isClosing else { return }
      state.attachment?.loss = attachment.loss ?? error
    }
  }

  private func nextDraft() -> Outbox.Draft? {
    state.wait { state -> Outbox.Draft?? in
      if state.end != nil || state.attachment?.isClosing != false { return .some(nil) }
      return state.outbox.next().map { .some($0) }
    }
  }

  private func receive(over connection: FramedConnection) {
    do {
      while true {
        let received = try connection.receive()
        timeline?.record(.receive, from: received.firstByteNanoseconds)
        try state.change { try Self.take(received, &$0) }
      }
    } catch { lost(error) }
  }

  private static func take(_ received: ReceivedMessage, _ state: inout State) throws {
    switch received.message {
    case .acknowledgement(let acknowledgement):
      state.window.acknowledged = acknowledgement.sequence
      state.mailbox.latestLoss = Double(acknowledgement.loss)
      state.mailbox.acknowledgements.append(acknowledgement)
    case .gradient(let gradient): state.mailbox.gradient = gradient
    case .batchReport(let report):
      state.mailbox.batchReports.append(report)
      state.mailbox.latestLoss = Double(report.loss)
    case .epochReport(let report):
      state.mailbox.report = ReceivedReport(report: report, receivedBefore: received.receivedBefore)
    case .failure(let failure): throw failure
    case .goodbye: throw TrainingError.peerInterrupted(peer: .cloud)
    default: throw WireError.unexpected(received.message, expected: "an answer of the cloud")
    }
  }
}

/// Empties a list.
private func takeAll<Element>(_ list: inout [Element]) -> [Element] {
  defer { list = [] }
  return list
}
