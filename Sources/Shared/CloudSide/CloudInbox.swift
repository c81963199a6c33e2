import Compute
import NeuralNetwork
import Transport

/// The cloud's receiving thread: takes messages, decodes or stores what they carry, and keeps them until the computing
/// thread asks.
final class CloudInbox: @unchecked Sendable {
  /// Decoded features or images with their labels.
  struct Batch {
    let sequence: UInt64
    /// Each in `0..<classes`.
    let labels: [UInt8]
    /// `[labels.count, shape]`; to be given back with `recycle`.
    let input: Tensor
  }

  enum Item {
    case training(Batch)
    case evaluation(Batch)
    /// Images that have been stored.
    case stored(sequence: UInt64)
    case epochEnd(EpochEnd, receivedBefore: ByteCounts, receivedWith: ByteCounts)
    /// The edge has said goodbye.
    case completed
  }

  /// One batch is computed with while the next ones are decoded.
  private static let tensors = 3

  private let connection: FramedConnection
  private let decoder: any BatchDecoder
  private let uploaded: UploadedImages?
  private let batchSize: Int
  private let timeline: Timeline?
  private let condition = Condition()

  // Guarded by `condition`.
  private var items: [Item] = []
  private var free: [Tensor]
  private var failure: (any Error)?
  private var thread: Thread?

  /// - Parameters:
  ///   - shape: of the samples of a batch.
  ///   - decoder: of batches.
  ///   - uploaded: where uploaded images go; nil if the run has none.
  ///   - timeline: where the times are recorded.
  init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, shape: FeatureShape,
    decoder: any BatchDecoder, uploaded: UploadedImages? = nil, timeline: Timeline? = nil
  ) {
    self.timeline = timeline
    self.connection = connection
    self.decoder = decoder
    self.uploaded = uploaded
    batchSize = configuration.batchSize
    free = (0..<Self.tensors).map { _ in Tensor(shape, count: configuration.batchSize) }
  }

  /// Starts to receive.
  func start() { thread = Thread { [self] in receive() } }

  /// Waits for the thread; the connection must be closed.
  func stop() {
    fail(ConnectionError.closed)
    thread?.join()
    thread = nil
  }

  /// The next item, in order. Waits for it.
  ///
  /// - Throws: what ended the conversation, after all that came before it; an interruption, on either side, at once.
  func next() throws -> Item {
    try condition.locked {
      condition.wait { !items.isEmpty || failure != nil }
      if let failure, items.isEmpty || Self.isInterruption(failure) { throw failure }
      return items.removeFirst()
    }
  }

  /// - Throws: what has ended the conversation, for a computation that needs nothing from it.
  func check() throws {
    try condition.locked { if let failure { throw failure } }
  }

  private static func isInterruption(_ error: any Error) -> Bool {
    if case TrainingError.peerInterrupted = error { return true }
    return error is InterruptedError
  }

  /// Sends a message from the computing thread.
  ///
  /// - Throws: what ended the connection: what the peer said if it did, else why sending failed.
  func send(_ message: Message) throws {
    do {
      _ = try timeline.measure(.send) { try connection.send(message) }
    } catch {
      throw explanation(of: error)
    }
  }

  /// Why sending failed: the peer may have said why it went, and then that is the error to report. Gives up what was
  /// not taken yet.
  private func explanation(of error: any Error) -> any Error {
    for _ in 0..<50 {
      let failure = condition.locked {
        for case .training(let batch) in items { free.append(batch.input) }
        for case .evaluation(let batch) in items { free.append(batch.input) }
        items = []
        condition.broadcast()
        return self.failure
      }
      if let failure { return failure }
      sleep(milliseconds: 10)
    }
    return error
  }

  /// Takes a tensor back.
  func recycle(_ tensor: Tensor) {
    condition.locked {
      free.append(tensor)
      condition.broadcast()
    }
  }

  /// Makes `next` throw. The first error stays. The computing thread may be sending over a link that is held back: that
  /// it is not any more.
  func fail(_ error: any Error) {
    defer { connection.endShaping() }
    condition.locked {
      if failure == nil { failure = error }
      condition.broadcast()
    }
  }

  // MARK: The receiving thread

  private func receive() {
    do {
      while try receiveOne() {}
    } catch {
      fail(error)
    }
  }

  /// - Returns: whether more is to come.
  private func receiveOne() throws -> Bool {
    let received = try connection.receive()
    timeline?.record(.receive, from: received.firstByteNanoseconds)
    switch received.message {
    case .trainBatch(let batch): try append(.training(decode(batch, .trainBatch)))
    case .evaluationBatch(let batch): try append(.evaluation(decode(batch, .evaluationBatch)))
    case .trainImages(let batch): try store(batch, .trainImages, in: uploaded?.train)
    case .testImages(let batch): try store(batch, .testImages, in: uploaded?.test)
    case .epochEnd(let end):
      append(
        .epochEnd(end, receivedBefore: received.receivedBefore, receivedWith: received.receivedWith))
    case .goodbye(let goodbye):
      guard goodbye.reason == .completed else { throw TrainingError.peerInterrupted(peer: "edge") }
      append(.completed)
      return false
    case .failure(let failure): throw failure
    default: preconditionFailure("the state machine lets no \(received.message.type) through")
    }
    return true
  }

  private func append(_ item: Item) {
    condition.locked {
      items.append(item)
      condition.broadcast()
    }
  }

  private func store(_ batch: Transport.Batch, _ type: FrameType, in store: ImageStore?) throws {
    guard let store else { preconditionFailure("images are uploaded in a run without a store") }
    try check(batch, type)
    try store.append(batch, type)
    append(.stored(sequence: batch.sequence))
  }

  private func decode(_ batch: Transport.Batch, _ type: FrameType) throws -> Batch {
    try check(batch, type)
    let input = try takeTensor()
    try timeline.measure(.decode) { try decoder.decode(batch, type, into: input) }
    return Batch(sequence: batch.sequence, labels: batch.labels, input: input)
  }

  private func check(_ batch: Transport.Batch, _ type: FrameType) throws {
    guard batch.labels.count <= batchSize else {
      throw WireError.payload(
        type: type, field: "count", expected: "at most \(batchSize)", actual: "\(batch.labels.count)")
    }
    if let label = batch.labels.first(where: { $0 >= Architecture.classes }) {
      throw WireError.payload(
        type: type, field: "labels", expected: "0 to \(Architecture.classes - 1)", actual: "\(label)")
    }
  }

  private func takeTensor() throws -> Tensor {
    try condition.locked {
      condition.wait { !free.isEmpty || failure != nil }
      if let failure { throw failure }
      return free.removeLast()
    }
  }
}
