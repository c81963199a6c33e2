import Compute
import NeuralNetwork
import Transport

/// The cloud's receiving thread: takes messages, decodes features, and keeps them until the computing thread asks.
final class CloudInbox: @unchecked Sendable {
  /// Decoded features with their labels.
  struct FeatureBatch {
    let sequence: UInt64
    /// Each in `0..<classes`.
    let labels: [UInt8]
    /// `[labels.count, cut shape]`; to be given back with `recycle`.
    let features: Tensor
  }

  enum Item {
    case training(FeatureBatch)
    case evaluation(FeatureBatch)
    case epochEnd(EpochEnd, receivedBefore: ByteCounts, receivedWith: ByteCounts)
    /// The edge has said goodbye.
    case completed
  }

  /// One batch is computed with while the next ones are decoded.
  private static let tensors = 3

  private let connection: FramedConnection
  private let codec: ActivationCodec
  private let shape: FeatureShape
  private let batchSize: Int
  private let timeline: Timeline?
  private let condition = Condition()

  // Guarded by `condition`.
  private var items: [Item] = []
  private var free: [Tensor]
  private var failure: (any Error)?
  private var thread: Thread?

  init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, shape: FeatureShape,
    timeline: Timeline? = nil
  ) {
    self.connection = connection
    self.timeline = timeline
    self.shape = shape
    batchSize = configuration.batchSize
    codec = ActivationCodec(format: configuration.activations)
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

  private static func isInterruption(_ error: any Error) -> Bool {
    if case TrainingError.peerInterrupted = error { return true }
    return error is InterruptedError
  }

  /// Why sending failed: the peer may have said why it went, and then that is the error to report. Gives up what was
  /// not taken yet.
  func explanation(of error: any Error) -> any Error {
    for _ in 0..<50 {
      let failure = condition.locked {
        for case .training(let batch) in items { free.append(batch.features) }
        for case .evaluation(let batch) in items { free.append(batch.features) }
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

  /// Makes `next` throw. The first error stays.
  func fail(_ error: any Error) {
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

  private func decode(_ batch: Transport.Batch, _ type: FrameType) throws -> FeatureBatch {
    guard batch.labels.count <= batchSize else {
      throw WireError.payload(
        type: type, field: "count", expected: "at most \(batchSize)", actual: "\(batch.labels.count)")
    }
    if let label = batch.labels.first(where: { $0 >= Architecture.classes }) {
      throw WireError.payload(
        type: type, field: "labels", expected: "0 to \(Architecture.classes - 1)", actual: "\(label)")
    }
    let features = try takeTensor()
    let limit = ActivationShape(
      count: batch.labels.count, height: shape.height, width: shape.width, channels: shape.channels)
    let decoded = try timeline.measure(.decode) {
      try batch.activations.withUnsafeBytes {
        try codec.decode($0, expecting: limit, into: features.data, capacity: features.capacity)
      }
    }
    guard decoded == limit else {
      throw WireError.payload(
        type: type, field: "activations", expected: "\(limit)", actual: "\(decoded)")
    }
    features.resize(count: batch.labels.count)
    return FeatureBatch(sequence: batch.sequence, labels: batch.labels, features: features)
  }

  private func takeTensor() throws -> Tensor {
    try condition.locked {
      condition.wait { !free.isEmpty || failure != nil }
      if let failure { throw failure }
      return free.removeLast()
    }
  }
}
