#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The thread behind a `BatchLoader` and what both share: a ring of buffers that the thread fills and the consumer
/// empties. All variables are guarded by `monitor`, except that a buffer's contents, `indices` and `scratch` belong to the
/// thread while it prepares.
final class BatchLoaderWorker: @unchecked Sendable {
  let preparer: BatchPreparer
  private let onPrepared: (@Sendable (UInt64, UInt64) -> Void)?

  private let monitor = Monitor()
  private let ring: [BatchBuffer]
  private let indices: UnsafeMutableBufferPointer<UInt32>
  private let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: ImageFormat.valueCount)
  private var thread: pthread_t?
  private var isStopping = false

  /// Which call of `startEpoch` the variables below belong to; 0 before the first.
  private var generation = 0
  private var epoch = 0
  private var firstBatch = 0
  /// The next batch that the thread prepares, and the next that the consumer gets.
  private var prepared = 0
  private var delivered = 0
  private var consumerHoldsBatch = false
  private var error: DatasetError?
  private var waitedNanoseconds: UInt64 = 0

  init(preparer: BatchPreparer, prefetch: Int, onPrepared: (@Sendable (UInt64, UInt64) -> Void)?) {
    precondition(prefetch >= 1, "at least one batch is prepared ahead")
    self.preparer = preparer
    self.onPrepared = onPrepared
    let batchSize = min(preparer.sampler.batchSize, preparer.sampler.count)
    ring = (0...prefetch).map { _ in BatchBuffer(batchSize: batchSize) }
    indices = .allocate(capacity: preparer.sampler.count)
  }

  deinit {
    indices.deallocate()
    scratch.deallocate()
  }

  // MARK: - The consumer's side

  func start() throws(DatasetError) {
    let context = Unmanaged.passRetained(self).toOpaque()
    #if canImport(Darwin)
      var handle: pthread_t?
    #else
      var handle = pthread_t()
    #endif
    let code = pthread_create(&handle, nil, batchLoaderThread, context)
    guard code == 0 else {
      Unmanaged<BatchLoaderWorker>.fromOpaque(context).release()
      throw .threadNotStarted(code: code)
    }
    monitor.lock()
    thread = handle
    monitor.unlock()
  }

  func stop() {
    monitor.lock()
    isStopping = true
    let handle = thread
    thread = nil
    monitor.wakeAll()
    monitor.unlock()
    if let handle { pthread_join(handle, nil) }
  }

  func startEpoch(_ epoch: Int, firstBatch: Int) {
    let batchCount = preparer.sampler.batchCount
    precondition(
      epoch >= 0 && firstBatch >= 0 && firstBatch <= batchCount, "epoch \(epoch), batch \(firstBatch)")
    monitor.lock()
    generation += 1
    self.epoch = epoch
    self.firstBatch = firstBatch
    prepared = firstBatch
    delivered = firstBatch
    consumerHoldsBatch = false
    error = nil
    monitor.wakeAll()
    monitor.unlock()
  }

  func next() throws(DatasetError) -> Batch? {
    monitor.lock()
    defer { monitor.unlock() }
    precondition(generation > 0, "next() before startEpoch()")
    if consumerHoldsBatch {
      consumerHoldsBatch = false
      monitor.wakeAll()
    }
    guard delivered < preparer.sampler.batchCount || isStopping else { return nil }
    if delivered == prepared && error == nil && !isStopping {
      let start = monotonicNanoseconds()
      while delivered == prepared && error == nil && !isStopping { monitor.wait() }
      waitedNanoseconds += monotonicNanoseconds() - start
    }
    if isStopping { throw .loaderStopped }
    if delivered == prepared, let error { throw error }
    let buffer = ring[delivered % ring.count]
    let count = preparer.sampler.positions(ofBatch: delivered).count
    let batch = Batch(
      epoch: epoch, index: delivered, count: count, images: UnsafePointer(buffer.images),
      labels: UnsafeBufferPointer(start: buffer.labels, count: count))
    delivered += 1
    consumerHoldsBatch = true
    return batch
  }

  var waitedSeconds: Double {
    monitor.lock()
    defer { monitor.unlock() }
    return Double(waitedNanoseconds) * 1e-9
  }

  // MARK: - The thread's side

  private var hasRoom: Bool {
    prepared - delivered + (consumerHoldsBatch ? 1 : 0) < ring.count
  }

  fileprivate func run() {
    var indicesGeneration = 0
    monitor.lock()
    while !isStopping {
      guard generation > 0, error == nil, prepared < preparer.sampler.batchCount, hasRoom else {
        monitor.wait()
        continue
      }
      let (generation, epoch, index) = (self.generation, self.epoch, prepared)
      let buffer = ring[index % ring.count]
      monitor.unlock()
      var failure: DatasetError?
      if indicesGeneration != generation {
        preparer.sampler.fill(indices, epoch: epoch)
        indicesGeneration = generation
      }
      do throws(DatasetError) {
        try prepare(index, epoch: epoch, into: buffer)
      } catch {
        failure = error
      }
      monitor.lock()
      // If another epoch was started meanwhile, nobody waits for this batch.
      guard generation == self.generation else { continue }
      if let failure { error = failure } else { prepared += 1 }
      monitor.wakeAll()
    }
    monitor.unlock()
  }

  private func prepare(_ index: Int, epoch: Int, into buffer: BatchBuffer) throws(DatasetError) {
    guard let indices = indices.baseAddress else { return }
    let start = onPrepared == nil ? 0 : monotonicNanoseconds()
    defer { onPrepared?(start, monotonicNanoseconds()) }
    _ = try preparer.prepareBatch(
      index, epoch: epoch, indices: indices, values: buffer.images, labels: buffer.labels,
      scratch: scratch)
  }

  private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

#if canImport(Darwin)
  private func batchLoaderThread(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<BatchLoaderWorker>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }
#else
  private func batchLoaderThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<BatchLoaderWorker>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }
#endif
