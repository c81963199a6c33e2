import Datasets
import Logging
import NeuralNetwork
import RunFiles
import Terminal
import Training
import Transport

/// A run under way in the cloud: the state, the log, the clock and the checks that all strategies share.
final class CloudRun {
  let configuration: RunConfiguration
  let recorder: RunRecorder
  let link: CloudLink
  /// Where the times of the run are recorded.
  let timeline: Timeline?
  private let logger: Logger

  private(set) var state = TrainingState()
  /// Of the epoch under way; it runs from its first batch to the end of its training.
  private(set) var clock: TrainingClock
  /// What has come, and is not yet taken: the end of one stage is the beginning of the next.
  private var ahead: CloudLink.Item?
  /// The end of the epoch under way, with the bytes counted before and with it.
  private var epochEnd: CloudLink.ReceivedEnd?

  init(_ configuration: RunConfiguration, _ link: CloudLink, recorder: RunRecorder, logger: Logger, timeline: Timeline?)
  {
    self.configuration = configuration
    self.link = link
    self.recorder = recorder
    self.logger = logger
    self.timeline = timeline
    clock = TrainingClock(timeline: timeline)
  }

  /// Learning rate and momentum of the next step.
  var scheduled: LearningRateSchedule.Values { configuration.scheduled(step: state.completedSteps) }

  /// Runs `body`, which waits; in training this counts as idle.
  func waiting<Result>(_ body: () throws -> Result) rethrows -> Result { try clock.waiting(body) }

  /// Runs `body` as the training of the epoch under way.
  func training(_ body: () throws -> Void) rethrows {
    clock.begin()
    try body()
    clock.end()
  }

  // MARK: An epoch

  /// Trains and evaluates once, logs the epoch, writes this side's weights, and reports to the edge.
  ///
  /// - Throws: `WireError`, `LedgerMismatchError`, `FileError`, what ended the link.
  func epoch(_ strategy: any CloudStrategy) throws {
    state.beginEpoch()
    clock = TrainingClock(timeline: timeline)
    try strategy.trainEpoch(self)
    try strategy.evaluate(self)
    let received = try awaitEpochEnd()
    epochEnd = nil
    try check(received.end)
    try LedgerMismatchError.check("from edge to cloud", here: received.before, there: received.end.sent)

    let sums = state.sums
    let exit = received.end.exitCount > 0 ? Double(received.end.exitCorrect) / Double(received.end.exitCount) : nil
    let accuracy = sums.testImages > 0 ? Double(sums.correct) / Double(sums.testImages) : nil
    let epochClock = clock
    clock = TrainingClock(timeline: timeline)
    try link.awaitSent()
    try recorder.epoch(
      state, strategy.parts, exitAccuracy: exit, finalAccuracy: accuracy, clock: epochClock, link.ledger)
    let epoch = state.epoch
    let finalLoss = sums.meanTestLoss.isFinite ? sums.meanTestLoss : nil
    link.post { ledger in
      .epochReport(
        EpochReport(
          epoch: epoch, meanTrainingLoss: sums.meanLoss, finalLoss: finalLoss, finalCorrect: sums.correct,
          finalCount: sums.testImages, busySeconds: epochClock.busySeconds, idleSeconds: epochClock.idleSeconds,
          received: received.with, sent: ledger.sent))
    }
    let exitNote = exit.map { "exit \(Formatting.percent($0)), final " } ?? ""
    logger.info(
      """
      epoch \(epoch)/\(configuration.epochs): loss \(Formatting.fixed(sums.meanLoss, decimals: 4)), \
      accuracy \(exitNote)\(Formatting.percent(accuracy))
      """)
  }

  /// Logs one step.
  ///
  /// - Throws: `TrainingError`, `FileError`.
  func trained(_ batch: Datasets.Batch, _ result: SoftmaxCrossEntropy.Result) throws {
    try checkFinite(result)
    let learningRate = scheduled.learningRate
    state.countStep(images: batch.count, loss: result.loss)
    try recorder.step(state, loss: result.loss, learningRate: learningRate, images: batch.count, link.ledger)
  }

  /// Logs one step on what the edge has sent, and acknowledges it.
  ///
  /// - Throws: `TrainingError`, `FileError`.
  func trained(_ batch: ReceivedBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    try trained(batch.samples, result)
    acknowledge(batch, result)
  }

  /// Counts a batch of test samples.
  ///
  /// - Throws: `TrainingError`.
  func tested(_ batch: Datasets.Batch, _ result: SoftmaxCrossEntropy.Result) throws {
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: state.completedSteps, loss: result.loss)
    }
    state.countTest(images: batch.count, loss: result.loss, correct: result.correct)
  }

  /// Counts a batch of test samples that the edge has sent, and acknowledges it.
  ///
  /// - Throws: `TrainingError`.
  func tested(_ batch: ReceivedBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    try tested(batch.samples, result)
    acknowledge(batch, result)
  }

  /// - Throws: `TrainingError.diverged`.
  func checkFinite(_ result: SoftmaxCrossEntropy.Result) throws {
    guard result.loss.isFinite else { throw TrainingError.diverged(step: state.completedSteps + 1, loss: result.loss) }
  }

  private func acknowledge(_ batch: ReceivedBatch, _ result: SoftmaxCrossEntropy.Result) {
    link.recycle(batch.samples.images)
    link.post(
      .acknowledgement(Acknowledgement(sequence: batch.sequence, loss: result.wireLoss, correct: result.correct)))
  }
}

// MARK: What the edge sends, and what the configuration promised of it

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
    ahead = nil
    if !clock.isRunning { clock.begin() }
    try check(training: batch.samples)
    return batch
  }

  /// Waits for the next batch of test samples.
  ///
  /// - Returns: nil when something else comes.
  /// - Throws: `WireError` for evaluation in mid-epoch, or of more images than the run has; what ended the link.
  func nextTestBatch() throws -> ReceivedBatch? {
    guard case .evaluation(let batch) = try peek() else { return nil }
    ahead = nil
    try check(evaluation: batch.samples)
    return batch
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
  /// - Throws: what ended the link.
  func awaitUpload() throws {
    while case .stored(let sequence) = try peek() {
      ahead = nil
      link.post(.acknowledgement(Acknowledgement(sequence: sequence, loss: 0, correct: 0)))
    }
  }

  /// Waits for the end of the epoch, unless it has come already.
  ///
  /// - Throws: `WireError` if something else comes; what ended the link.
  @discardableResult func awaitEpochEnd() throws -> CloudLink.ReceivedEnd {
    if let epochEnd { return epochEnd }
    let item = try peek()
    ahead = nil
    switch item {
    case .epochEnd(let end):
      epochEnd = end
      return end
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
    let item = try waiting { try link.next() }
    ahead = item
    return item
  }

  private func check(training batch: Datasets.Batch) throws(WireError) {
    let step = state.sums.steps
    guard state.completedSteps < configuration.totalSteps, step < configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.epochs) epochs of \(configuration.stepsPerEpoch) train-batches", actual: "one more")
    }
    let count = min(configuration.batchSize, configuration.trainImages - step * configuration.batchSize)
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
  private func check(_ end: EpochEnd) throws(WireError) {
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
