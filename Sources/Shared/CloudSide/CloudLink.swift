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
  /// Its tensor is to be given back with `CloudLink.recycle`.
  let samples: Datasets.Batch
}

/// The cloud's end of the conversation. One thread receives, decodes or stores what messages carry, and keeps it until
/// the computing thread asks; another sends what that one posts, so that a slow link never stops the computing.
final class CloudLink: Sendable {
  enum Item {
    case training(ReceivedBatch)
    case evaluation(ReceivedBatch)
    /// Images that have been stored.
    case stored(sequence: UInt64)
    case epochEnd(ReceivedEnd)
    /// The edge has said goodbye.
    case completed

    /// As error texts have it.
    var description: String {
      switch self {
      case .training: "a train-batch"
      case .evaluation: "an evaluation-batch"
      case .stored: "images"
      case .epochEnd: "an epoch-end"
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
    var items: Deque<Item> = []
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
  private let state: Guarded<State>

  /// - Parameters:
  ///   - connection: whose edge waits for its welcome.
  ///   - decoder: of batches.
  ///   - uploaded: where uploaded images go; nil if the run has none.
  ///   - timeline: where the times are recorded.
  init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, _ decoder: any BatchDecoder,
    uploaded: UploadedImages? = nil, timeline: Timeline? = nil
  ) {
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

  var ledger: ByteLedger { connection.ledger }

  /// Seconds in which frames were being sent.
  var sendingSeconds: Double { connection.sendingSeconds }

  // MARK: The computing thread

  /// The next item, in order. Waits for it.
  ///
  /// - Throws: what ended the conversation, after all that came before it; an interruption, on either side, at once.
  func next() throws -> Item {
    try state.wait { state in
      if let failure = state.failure, state.items.isEmpty || Self.isInterruption(failure) { throw failure }
      return state.items.popFirst()
    }
  }

  /// - Throws: what has ended the conversation, for a computation that needs nothing from it.
  func check() throws { try state.withLock { state in if let failure = state.failure { throw failure } } }

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
    while let draft = nextDraft() {
      do {
        try timeline.measure(.send) { _ = try connection.send(draft(connection.ledger)) }
        state.change { $0.outbox.sent() }
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

  private func nextDraft() -> Outbox.Draft? {
    state.wait { state -> Outbox.Draft?? in
      if state.isClosing || state.failure != nil { return .some(nil) }
      return state.outbox.next().map { .some($0) }
    }
  }

  // MARK: The receiving thread

  private func receive() { do { while try receiveOne() {} } catch { fail(error) } }

  /// - Returns: whether more is to come.
  private func receiveOne() throws -> Bool {
    let received = try connection.receive()
    timeline?.record(.receive, from: received.firstByteNanoseconds)
    switch received.message {
    case .trainBatch(let batch): append(.training(try decode(batch, .trainBatch)))
    case .evaluationBatch(let batch): append(.evaluation(try decode(batch, .evaluationBatch)))
    case .trainImages(let batch): try store(batch, .trainImages)
    case .testImages(let batch): try store(batch, .testImages)
    case .epochEnd(let end):
      append(.epochEnd(ReceivedEnd(end: end, before: received.receivedBefore, with: received.receivedWith)))
    case .goodbye(let goodbye):
      guard goodbye.reason == .completed else { throw TrainingError.peerInterrupted(peer: .edge) }
      append(.completed)
      return false
    case .failure(let failure): throw failure
    default: throw WireError.unexpected(received.message, expected: "a message of a run")
    }
    return true
  }

  private func append(_ item: Item) { state.change { $0.items.append(item) } }

  private func store(_ batch: EncodedBatch, _ type: FrameType) throws {
    guard let store = type == .trainImages ? uploaded?.train : uploaded?.test else {
      throw WireError.order(expected: "a message of a run without an upload", actual: "\(type)")
    }
    try check(batch, type)
    try store.append(batch, type)
    append(.stored(sequence: batch.sequence))
  }

  private func decode(_ batch: EncodedBatch, _ type: FrameType) throws -> ReceivedBatch {
    try check(batch, type)
    let tensor = try takeTensor()
    try timeline.measure(.decode) { try decoder.withLock { try $0.decode(batch, type, into: tensor) } }
    return ReceivedBatch(
      sequence: batch.sequence,
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
