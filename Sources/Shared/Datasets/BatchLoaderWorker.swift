import Compute
import Platform

/// The thread behind a `BatchLoader` and what both share: a ring of batches that the thread fills and the consumer
/// empties.
final class BatchLoaderWorker: Sendable {
  /// Memory for one batch. It belongs to the thread while it prepares the batch, and then to the consumer.
  private final class Slot {
    let images: Tensor
    var labels: [UInt16] = []

    init(_ shape: FeatureShape, batchSize: Int) { images = Tensor(shape, count: batchSize, zeroed: false) }
  }

  private struct State {
    var ring: [Slot]
    var thread: Thread?
    var isStopping = false
    /// Which call of `startEpoch` the variables below belong to; 0 before the first.
    var generation = 0
    var epoch = 0
    /// The next batch that the thread prepares, and the next that the consumer gets.
    var prepared = 0
    var delivered = 0
    var consumerHoldsBatch = false
    var error: DatasetError?

    var hasRoom: Bool { prepared - delivered + (consumerHoldsBatch ? 1 : 0) < ring.count }
  }

  /// A batch that is to be prepared.
  private struct Job {
    let generation: Int
    let epoch: Int
    let index: Int
    let slot: Slot
  }

  private enum Step {
    case prepare(Job)
    case end
  }

  let preparer: BatchPreparer
  private let onPrepared: (@Sendable (UInt64, UInt64) -> Void)?
  private let state: Guarded<State>

  init(preparer: BatchPreparer, prefetch: Int, onPrepared: (@Sendable (UInt64, UInt64) -> Void)?) {
    precondition(prefetch >= 1, "at least one batch is prepared ahead")
    self.preparer = preparer
    self.onPrepared = onPrepared
    let shape = preparer.images.task.shape
    let batchSize = min(preparer.sampler.batchSize, preparer.sampler.count)
    state = Guarded(State(ring: (0...prefetch).map { _ in Slot(shape, batchSize: batchSize) }))
  }

  // MARK: - The consumer's side

  func start() throws(ThreadError) {
    let thread = try Thread { [self] in prepareBatches() }
    state.withLock { $0.thread = thread }
  }

  func stop() {
    let thread = state.change { state in
      state.isStopping = true
      return state.thread.take()
    }
    thread?.join()
  }

  func startEpoch(_ epoch: Int, firstBatch: Int) {
    let batchCount = preparer.sampler.batchCount
    precondition(epoch >= 0 && firstBatch >= 0 && firstBatch <= batchCount, "epoch \(epoch), batch \(firstBatch)")
    state.change { state in
      state.generation += 1
      state.epoch = epoch
      state.prepared = firstBatch
      state.delivered = firstBatch
      state.consumerHoldsBatch = false
      state.error = nil
    }
  }

  func next() throws(DatasetError) -> Batch? {
    let isOver = state.change { state in
      precondition(state.generation > 0, "next() before startEpoch()")
      state.consumerHoldsBatch = false
      return state.delivered == preparer.sampler.batchCount && !state.isStopping
    }
    if isOver { return nil }
    return try state.wait { (state) throws(DatasetError) -> Batch? in
      if state.isStopping { throw .loaderStopped }
      guard state.delivered < state.prepared else {
        if let error = state.error { throw error }
        return nil
      }
      let slot = state.ring[state.delivered % state.ring.count]
      let batch = Batch(index: state.delivered, images: slot.images, labels: slot.labels)
      state.delivered += 1
      state.consumerHoldsBatch = true
      return batch
    }
  }

  // MARK: - The thread's side

  private func prepareBatches() {
    var indices: (generation: Int, values: [UInt32]) = (0, [])
    var scratch = [UInt8](repeating: 0, count: preparer.images.task.imageBytes)
    while case .prepare(let job) = nextStep() {
      if indices.generation != job.generation { indices = (job.generation, preparer.sampler.indices(epoch: job.epoch)) }
      let start = MonotonicClock.nanoseconds()
      let outcome = Result { () throws(DatasetError) in
        try preparer.prepareBatch(
          job.index, epoch: job.epoch, indices: indices.values, into: job.slot.images, scratch: &scratch)
      }
      onPrepared?(start, MonotonicClock.nanoseconds())
      state.change { state in
        // If another epoch was started meanwhile, nobody waits for this batch.
        guard job.generation == state.generation else { return }
        switch outcome {
        case .success(let labels):
          job.slot.labels = labels
          state.prepared += 1
        case .failure(let error): state.error = error
        }
      }
    }
  }

  private func nextStep() -> Step {
    state.wait { state in
      if state.isStopping { return .end }
      guard state.generation > 0, state.error == nil, state.prepared < preparer.sampler.batchCount, state.hasRoom else {
        return nil
      }
      return .prepare(
        Job(
          generation: state.generation, epoch: state.epoch, index: state.prepared,
          slot: state.ring[state.prepared % state.ring.count]))
    }
  }
}
