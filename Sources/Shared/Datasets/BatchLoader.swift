import Platform

/// Prepares batches on a thread of its own while the current one is computed with.
///
/// The batches are those of its `BatchPreparer`, in order. There is memory for the images of `prefetch` batches and the
/// one in use. A batch is valid until the next call of `next`, `startEpoch` or `stop`, and only while the loader lives.
/// One thread consumes; `stop` may be called from any.
package final class BatchLoader: Sendable {
  private let worker: BatchLoaderWorker

  /// Starts the thread; it rests until the first epoch.
  ///
  /// - Parameters:
  ///   - preparer: which batches.
  ///   - prefetch: number of batches prepared ahead, at least 1.
  ///   - onPrepared: told, by the thread, when it began and ended to prepare a batch, in nanoseconds of the monotonic
  ///     clock.
  /// - Throws: `ThreadError`.
  package init(
    _ preparer: BatchPreparer, prefetch: Int = 2,
    onPrepared: (@Sendable (_ start: UInt64, _ end: UInt64) -> Void)? = nil
  ) throws(ThreadError) {
    worker = BatchLoaderWorker(preparer: preparer, prefetch: prefetch, onPrepared: onPrepared)
    try worker.start()
  }

  deinit { worker.stop() }

  /// Begins an epoch and gives up what is left of the one before.
  ///
  /// - Parameters:
  ///   - epoch: number of the epoch, from 0; any order.
  ///   - firstBatch: the first batch to deliver, `0...batchCount`; other than 0 when a run is resumed.
  package func startEpoch(_ epoch: Int, firstBatch: Int = 0) { worker.startEpoch(epoch, firstBatch: firstBatch) }

  /// The next batch of the epoch, nil after the last one (again and again). Waits if it is not ready.
  ///
  /// - Throws: the `DatasetError` that preparing this batch met (again on each call until the next `startEpoch`), or
  ///   `DatasetError.loaderStopped` after `stop`.
  package func next() throws(DatasetError) -> Batch? { try worker.next() }

  /// Ends the thread, in mid-epoch too, and waits for it; a thread that waits in `next` is woken. Called by itself when
  /// the loader goes; may be called more than once.
  package func stop() { worker.stop() }

  /// Batches of an epoch.
  package var batchCount: Int { worker.preparer.sampler.batchCount }
}
