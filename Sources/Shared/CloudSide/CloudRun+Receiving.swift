import Datasets
import NeuralNetwork
import Training
import Transport

/// What the edge sends, and what the configuration promised of it.
extension CloudRun {
  /// Waits for the next batch of training.
  ///
  /// - Returns: nil at the end of the epoch's training; the clock then stands.
  /// - Throws: `WireError` for a step that the run does not have, or one of another size; what ended the link.
  func nextTrainingBatch() throws -> ReceivedBatch? {
    guard case .training(let batch) = try peek() else {
      clock.end()
      return nil
    }
    beginTraining()
    try check(training: batch.samples)
    return batch
  }

  /// Waits until a step on uploaded images is asked for.
  ///
  /// - Returns: its number; nil at the end of the epoch's training, and the clock then stands.
  /// - Throws: what ended the link.
  func nextTrainingStep() throws -> UInt64? {
    guard case .trainStep(let sequence) = try peek() else {
      clock.end()
      return nil
    }
    beginTraining()
    return sequence
  }

  private func beginTraining() {
    ahead = nil
    beginStep()
    if !clock.isRunning { clock.begin() }
  }

  /// Waits for the next batch of test samples.
  ///
  /// - Returns: nil when something else comes.
  /// - Throws: `WireError` for evaluation in mid-epoch, or of more images than the run has; what ended the link.
  func nextTestBatch() throws -> ReceivedBatch? {
    guard case .evaluation(let batch) = try peek() else { return nil }
    ahead = nil
    beginStep()
    try check(evaluation: batch.samples)
    return batch
  }

  /// Waits until an evaluation of uploaded images is asked for.
  ///
  /// - Returns: its number; nil when something else comes.
  /// - Throws: `WireError` for evaluation in mid-epoch; what ended the link.
  func nextTestStep() throws -> UInt64? {
    guard case .evaluationStep(let sequence) = try peek() else { return nil }
    ahead = nil
    beginStep()
    try checkSteps(before: "an evaluation-step")
    return sequence
  }

  /// Evaluates `part` on the test samples of the epoch, as they arrive.
  ///
  /// - Throws: `TrainingError`, `WireError`, what ended the link.
  func evaluate(_ part: TrainedPart) throws {
    while let batch = try nextTestBatch() {
      let result = timeline.measure(.forward) { part.evaluate(batch.samples.images, labels: batch.samples.labels) }
      try tested(batch, result)
    }
  }

  /// Waits until the edge begins the first epoch; acknowledges what is uploaded until then.
  ///
  /// - Returns: whether something was uploaded.
  /// - Throws: what ended the link.
  func awaitUpload() throws -> Bool {
    var isUploading = false
    while case .stored(let sequence, let type, let byteCount, let images) = try peek() {
      ahead = nil
      stored(sequence, type, byteCount: byteCount, images)
      isUploading = true
    }
    return isUploading
  }

  /// Waits for the end of the epoch.
  ///
  /// - Throws: `WireError` if something else comes; what ended the link.
  func awaitEpochEnd() throws -> CloudLink.ReceivedEnd {
    let item = try peek()
    ahead = nil
    switch item {
    case .epochEnd(let end): return end
    case .training(let batch): try check(training: batch.samples)
    case .completed: try checkComplete()
    default: break
    }
    throw WireError.order(expected: "an epoch-end", actual: item.description)
  }

  /// Waits for the edge's goodbye after the last epoch.
  ///
  /// - Throws: `WireError` if something else comes; what ended the link.
  func awaitGoodbye() throws {
    let item = try peek()
    switch item {
    case .completed: return
    case .training(let batch): try check(training: batch.samples)
    case .evaluation(let batch): try check(evaluation: batch.samples)
    default: break
    }
    throw WireError.order(expected: "a goodbye", actual: item.description)
  }

  private func peek() throws -> CloudLink.Item {
    if let ahead { return ahead }
    while true {
      switch try waiting({ try link.next(within: Self.idleSeconds) }) {
      case nil: try checkpointWhileIdle()
      case .checkpoint(let request): try checkpoint(to: .turn(request.number))
      case .some(let item):
        ahead = item
        return item
      }
    }
  }

  private func check(training batch: Datasets.Batch) throws(WireError) {
    let step = state.sums.steps
    guard state.completedSteps < configuration.totalSteps, step < configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.epochs) epochs of \(configuration.stepsPerEpoch) train-batches", actual: "one more")
    }
    let places = RecordLayout.places(
      ofBatch: step, of: configuration.trainImages, batchSize: configuration.batchSize)
    let count = places.count
    guard batch.count == count else {
      throw .payload(type: .trainBatch, field: "count", expected: "\(count)", actual: "\(batch.count)")
    }
  }

  private func check(evaluation batch: Datasets.Batch) throws(WireError) {
    try checkSteps(before: "an evaluation-batch")
    let count = state.sums.testImages + batch.count
    guard count <= configuration.testImages else {
      throw .payload(
        type: .evaluationBatch, field: "count", expected: "\(configuration.testImages) in an epoch", actual: "\(count)")
    }
  }

  /// - Throws: `WireError` for an epoch that lacks steps or test images.
  func check(_ end: EpochEnd) throws(WireError) {
    try checkSteps(before: "an epoch-end")
    let exitCount = configuration.strategy.hasExit ? configuration.testImages : 0
    for (field, count, expected) in [
      ("evaluation samples", state.sums.testImages, configuration.testImages), ("exit_count", end.exitCount, exitCount),
    ] where count != expected {
      throw .payload(type: .epochEnd, field: field, expected: "\(expected)", actual: "\(count)")
    }
  }

  private func checkSteps(before what: String) throws(WireError) {
    guard state.sums.steps == configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.stepsPerEpoch) train-batches in an epoch",
        actual: "\(what) after \(state.sums.steps)")
    }
  }

  private func checkComplete() throws(WireError) {
    let completed = recorder.summary.completedEpochs
    throw .order(expected: "\(configuration.epochs) epochs", actual: "goodbye after \(completed)")
  }
}
