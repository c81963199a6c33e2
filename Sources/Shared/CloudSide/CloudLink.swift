import Compute
import Datasets
import DequeModule
import Platform
import RunFiles
import Training
import Transport

/// A batch that the edge has sent, decoded.
struct ReceivedBatch {
  let sequence: UInt64
  /// Bytes of the frame's payload.
  let byteCount: Int
  /// Its tensor is to be given back with `CloudLink.recycle`.
  let samples: Datasets.Batch
}

/// The cloud's end of the conversation. One thread receives, decodes or stores what messages carry, and keeps it until
/// the computing thread asks; another sends what that one posts, so that a slow link never stops the computing.
final class CloudLink: Sendable {
  enum Item {
    case training(ReceivedBatch)
    case evaluation(ReceivedBatch)
    /// The next batch of the uploaded images is to be trained on, or evaluated.
    case trainStep(sequence: UInt64)
    case evaluationStep(sequence: UInt64)
    /// Images that have been stored, and what is stored with them.
    case stored(sequence: UInt64, type: FrameType, byteCount: Int, RunProgress.StoredImages?)
    case epochEnd(ReceivedEnd)
    /// Both sides write their state.
    case checkpoint(CheckpointRequest)
    /// The edge has said goodbye.
    case completed

    /// As error texts have it.
    var description: String {
      switch self {
      case .training: "a train-batch"
      case .evaluation: "an evaluation-batch"
      case .trainStep: "a train-step"
      case .evaluationStep: "an evaluation-step"
      case .stored: "images"
      case .epochEnd: "an epoch-end"
      case .checkpoint: "a checkpoint"
      case .completed: "a goodbye"
      }
    }
  }

  /// The end of an epoch, and what had been received before it and with it.
  struct ReceivedEnd {
    let end: EpochEnd
    let before: ByteCounts
    let with: ByteCounts
  }

  private struct State {
    /// What has come, each with what had been received up to and with it.
    var items: Deque<(item: Item, received: ByteCounts)> = []
    /// Up to and with what was taken last.
    var taken = ByteCounts()
    var free: [Tensor]
    var outbox = Outbox()
    var failure: (any Error)?
    var isClosing = false
    var threads: [Thread] = []
  }

  /// One batch is computed with while the next ones are decoded.
  private static let tensors = 3
  /// Seconds in which the edge may still say why it went, when sending to it has failed.
  private static let explanationSeconds = 0.5

  private let connection: FramedConnection
  /// Only the receiving thread uses it.
  private let decoder: Guarded<any BatchDecoder>
  private let uploaded: UploadedImages?
  private let batchSize: Int
  private let classes: Int
  private let timeline: Timeline?
  /// Seconds after which something is said even if there is nothing to say.
  private let aliveInterval: Double
  private let state: Guarded<State>

  /// - Parameters:
  ///   - connection: whose edge waits for its welcome.
  ///   - decoder: of batches.
  ///   - uploaded: where uploaded images go; nil if the run has none.
  ///   - silence: seconds of it that the edge allows.
  ///   - timeline: where the times are recorded.
  init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, _ decoder: any BatchDecoder,
    uploaded: UploadedImages? = nil, silence: Double, timeline: Timeline? = nil
  ) {
    aliveInterval = Alive.interval(silence: min(silence, connection.timeout))
    self.connection = connection
    self.decoder = Guarded(decoder)
    self.uploaded = uploaded
    self.timeline = timeline
    batchSize = configuration.batchSize
    classes = configuration.task.classes
    state = Guarded(State(free: (0..<Self.tensors).map { _ in Tensor(decoder.shape, count: configuration.batchSize) }))
  }

  /// Starts both threads; the edge has been welcomed.
  ///
  /// - Throws: `ThreadError`.
  func start() throws {
    for body in [receive, send] {
      let thread = try Thread(body)
      state.withLock { $0.threads.append(thread) }
    }
  }

  /// Sends a last message if there is one and the edge still listens, closes, and waits for both threads.
  func close(sending message: Message? = nil, within seconds: Double = 1) {
    state.change { $0.isClosing = true }
    connection.close(sending: message, within: seconds)
    fail(ConnectionError.closed)
    for thread in state.withLock({ $0.threads }) { thread.join() }
    state.withLock { $0.threads = [] }
  }

  /// What the connection has carried.
  var traffic: RunTraffic.Connections {
    var traffic = RunTraffic.Connections()
    traffic.ledger = connection.ledger
    traffic.sendingSeconds = connection.sendingSeconds
    return traffic
  }

  /// Up to and with the item that was taken last.
  var receivedWithTaken: ByteCounts { state.withLock { $0.taken } }

  // MARK: The computing thread

  /// The next item, in order. Waits for it.
  ///
  /// - Parameter seconds: the longest wait.
  /// - Returns: nil if none has come in that time.
  /// - Throws: what ended the conversation, after all that came before it; an interruption, on either side, at once.
  func next(within seconds: Double) throws -> Item? {
    try state.wait(until: Deadline(secondsFromNow: seconds)) { state -> Item? in
      if let failure = state.failure, state.items.isEmpty || Self.isInterruption(failure) { throw failure }
      guard let next = state.items.popFirst() else { return nil }
      state.taken = next.received
      return next.item
    }
  }

  /// Hands a message to the sending thread; never waits.
  func post(_ message: Message) { post { _ in message } }

  /// The same with a message that is made when all before it are sent.
  func post(_ draft: @escaping Outbox.Draft) { state.change { $0.outbox.append(draft) } }

  /// Waits until everything is sent, and in the ledger.
  ///
  /// - Throws: what ended the conversation.
  func awaitSent() throws {
    try state.wait { state in
      if state.outbox.isDone { return () }
      if let failure = state.failure { throw failure }
      return nil
    }
  }

  /// Takes a tensor back.
  func recycle(_ tensor: Tensor) { state.change { $0.free.append(tensor) } }

  /// Makes `next` throw. The first error stays.
  func fail(_ error: any Error) { state.change { $0.failure = $0.failure ?? error } }

  private static func isInterruption(_ error: any Error) -> Bool {
    if case TrainingError.peerInterrupted = error { return true }
    return error is InterruptedError
  }

  // MARK: The sending thread

  private func send() {
    while let turn = nextTurn() {
      do {
        switch turn {
        case .alive: try connection.send(.alive(Alive()))
        case .message(let draft):
          try timeline.measure(.send) { _ = try connection.send(draft(connection.ledger)) }
          state.change { $0.outbox.sent() }
        }
      } catch {
        // The edge may have said why it went, and then that is the error to report.
        _ = state.wait(until: Deadline(secondsFromNow: Self.explanationSeconds)) { state in
          state.failure != nil || state.isClosing ? () : nil
        }
        return state.change { state in
          state.failure = state.failure ?? error
          // What came before it helps nobody any more.
          state.items = []
        }
      }
    }
  }

  private enum Turn {
    case message(Outbox.Draft)
    case alive
  }

  private func nextTurn() -> Turn? {
    state.wait(until: Deadline(secondsFromNow: aliveInterval)) { state -> Turn?? in
      if state.isClosing || state.failure != nil { return .some(nil) }
      return state.outbox.next().map { .message($0) }
    } ?? .alive
  }

  // MARK: The receiving thread

  private func receive() { do { while try receiveOne() {} } catch { fail(error) } }

  /// - Returns: whether more is to come.
  private func receiveOne() throws -> Bool {
    let received = try connection.receive()
    timeline?.record(.receive, from: received.firstByteNanoseconds)
    switch received.message {
    case .trainBatch(let batch): append(.training(try decode(batch, .trainBatch)), received)
    case .evaluationBatch(let batch): append(.evaluation(try decode(batch, .evaluationBatch)), received)
    case .trainStep(let step): append(.trainStep(sequence: step.sequence), received)
    case .evaluationStep(let step): append(.evaluationStep(sequence: step.sequence), received)
    case .trainImages(let batch): append(try store(batch, .trainImages), received)
    case .testImages(let batch): append(try store(batch, .testImages), received)
    case .epochEnd(let end):
      let end = ReceivedEnd(end: end, before: received.receivedBefore, with: received.receivedWith)
      append(.epochEnd(end), received)
    case .checkpoint(let request): append(.checkpoint(request), received)
    case .alive: break
    case .goodbye(let goodbye):
      guard goodbye.reason == .completed else { throw TrainingError.peerInterrupted(peer: .edge) }
      append(.completed, received)
      return false
    case .failure(let failure): throw failure
    default: throw WireError.unexpected(received.message, expected: "a message of a run")
    }
    return true
  }

  private func append(_ item: Item, _ received: ReceivedMessage) {
    state.change { $0.items.append((item, received.receivedWith)) }
  }

  private func store(_ batch: EncodedBatch, _ type: FrameType) throws -> Item {
    guard let uploaded else {
      throw WireError.order(expected: "a message of a run without an upload", actual: "\(type)")
    }
    try check(batch, type)
    let stored = try uploaded.append(batch, type)
    return .stored(sequence: batch.sequence, type: type, byteCount: batch.payloadByteCount, stored)
  }

  private func decode(_ batch: EncodedBatch, _ type: FrameType) throws -> ReceivedBatch {
    try check(batch, type)
    let tensor = try takeTensor()
    try timeline.measure(.decode) { try decoder.withLock { try $0.decode(batch, type, into: tensor) } }
    return ReceivedBatch(
      sequence: batch.sequence, byteCount: batch.payloadByteCount,
      samples: Datasets.Batch(index: Int(batch.sequence) - 1, images: tensor, labels: batch.labels))
  }

  private func check(_ batch: EncodedBatch, _ type: FrameType) throws(WireError) {
    guard batch.labels.count <= batchSize else {
      throw .payload(type: type, field: "count", expected: "at most \(batchSize)", actual: "\(batch.labels.count)")
    }
    if let label = batch.labels.first(where: { $0 >= classes }) {
      throw .payload(type: type, field: "labels", expected: "0 to \(classes - 1)", actual: "\(label)")
    }
  }

  private func takeTensor() throws -> Tensor {
    try state.wait { state in
      if let failure = state.failure { throw failure }
      return state.free.popLast()
    }
  }
}
