import Compute
import Logging
import NeuralNetwork
import Transport

/// A run under way in the cloud: the log, the clock, the sums and the checks that all strategies share.
final class CloudRun {
  let configuration: RunConfiguration
  let recorder: RunRecorder
  private let connection: FramedConnection
  private let work: any CloudWork
  private let logger: Logger
  private let timeline: Timeline?

  /// Of the epoch under way.
  var clock: TrainingClock
  private var totals = EpochTotals()
  /// Steps of the whole run.
  private var completedSteps = 0

  /// Sums over the batches of an epoch.
  private struct EpochTotals {
    var images = 0
    var trainingLoss = 0.0
    var testImages = 0
    var testLoss = 0.0
    var correct = 0
  }

  init(
    _ configuration: RunConfiguration, _ connection: FramedConnection, _ work: any CloudWork,
    recorder: RunRecorder, logger: Logger, timeline: Timeline?
  ) {
    self.timeline = timeline
    clock = TrainingClock(timeline: timeline)
    self.configuration = configuration
    self.connection = connection
    self.work = work
    self.recorder = recorder
    self.logger = logger
  }

  /// One step, logged.
  ///
  /// - Throws: `WireError`, `TrainingError`, `RunDirectoryError`, what ended the connection.
  func train(_ batch: CloudInbox.Batch) throws -> SoftmaxCrossEntropy.Result {
    try checkTraining(batch)
    let values = configuration.scheduled(step: completedSteps)
    let result = try work.train(batch, step: completedSteps, values)
    guard result.loss.isFinite else {
      throw TrainingError.diverged(step: completedSteps + 1, loss: result.loss)
    }
    try recorder.step(
      completedSteps, epoch: recorder.summary.completedEpochs + 1, loss: result.loss,
      learningRate: values.learningRate, images: batch.labels.count, connection.ledger)
    completedSteps += 1
    totals.images += batch.labels.count
    totals.trainingLoss += result.loss * Double(batch.labels.count)
    return result
  }

  /// Loss and hits of a batch of test samples.
  ///
  /// - Throws: `WireError`, `TrainingError`.
  func evaluate(_ batch: CloudInbox.Batch) throws -> SoftmaxCrossEntropy.Result {
    try checkEvaluation(batch)
    let result = work.evaluate(batch)
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: completedSteps, loss: result.loss)
    }
    totals.testImages += batch.labels.count
    totals.testLoss += result.loss * Double(batch.labels.count)
    totals.correct += result.correct
    return result
  }

  /// Logs the epoch, writes this side's layers, and sends the report.
  ///
  /// - Parameters:
  ///   - end: of the edge.
  ///   - receivedBefore: bytes received before that message.
  ///   - receivedWith: bytes received with it.
  /// - Throws: `WireError`, `LedgerMismatchError`, `RunDirectoryError`, what ended the connection.
  func endEpoch(_ end: EpochEnd, receivedBefore: ByteCounts, receivedWith: ByteCounts) throws {
    try checkEnd(end)
    try LedgerMismatchError.check("from edge to cloud", here: receivedBefore, there: end.sent)
    let number = end.epoch
    let exitAccuracy = end.exitCount > 0 ? Double(end.exitCorrect) / Double(end.exitCount) : nil
    let totals = totals
    let accuracy = totals.testImages > 0 ? Double(totals.correct) / Double(totals.testImages) : nil
    let trainLoss = totals.trainingLoss / Double(max(1, totals.images))
    let epochClock = clock
    self.totals = EpochTotals()
    clock = TrainingClock(timeline: timeline)
    try recorder.epoch(
      number, work.parts, trainLoss: trainLoss, exitAccuracy: exitAccuracy, finalAccuracy: accuracy,
      clock: epochClock, connection.ledger)
    // Read just before the report is built: it holds what was sent before it.
    let testLoss = totals.testLoss / Double(max(1, totals.testImages))
    let report = EpochReport(
      epoch: number, meanTrainingLoss: trainLoss, finalLoss: testLoss.isFinite ? testLoss : nil,
      finalCorrect: totals.correct, finalCount: totals.testImages, busySeconds: epochClock.busySeconds,
      idleSeconds: epochClock.idleSeconds, received: receivedWith, sent: connection.ledger.sent)
    _ = try timeline.measure(.send) { try connection.send(.epochReport(report)) }
    let exit = exitAccuracy.map { "exit \(Formatting.percent($0)), final " } ?? ""
    logger.info(
      """
      epoch \(number)/\(configuration.epochs): loss \(Formatting.fixed(trainLoss, decimals: 4)), \
      accuracy \(exit)\(Formatting.percent(accuracy))
      """
    )
  }
}

// MARK: What the configuration promised

extension CloudRun {
  /// Steps of the epoch under way before this moment.
  private var stepsOfEpoch: Int {
    completedSteps - recorder.summary.completedEpochs * configuration.stepsPerEpoch
  }

  /// - Throws: `WireError` for a step that the run does not have, or one of another size.
  private func checkTraining(_ batch: CloudInbox.Batch) throws(WireError) {
    let step = stepsOfEpoch
    guard completedSteps < configuration.totalSteps, step < configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.epochs) epochs of \(configuration.stepsPerEpoch) train-batches",
        actual: "one more")
    }
    let count = min(configuration.batchSize, configuration.trainImages - step * configuration.batchSize)
    guard batch.labels.count == count else {
      throw .payload(type: .trainBatch, field: "count", expected: "\(count)", actual: "\(batch.labels.count)")
    }
  }

  /// - Throws: `WireError` for evaluation in mid-epoch, or of more images than the run has.
  private func checkEvaluation(_ batch: CloudInbox.Batch) throws(WireError) {
    let steps = stepsOfEpoch
    guard steps == configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.stepsPerEpoch) train-batches in an epoch",
        actual: "an evaluation-batch after \(steps)")
    }
    let count = totals.testImages + batch.labels.count
    guard count <= configuration.testImages else {
      throw .payload(
        type: .evaluationBatch, field: "count", expected: "\(configuration.testImages) in an epoch",
        actual: "\(count)")
    }
  }

  /// - Throws: `WireError` for an epoch that lacks steps or test images.
  private func checkEnd(_ end: EpochEnd) throws(WireError) {
    let steps = stepsOfEpoch
    guard steps == configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.stepsPerEpoch) train-batches in an epoch",
        actual: "an epoch-end after \(steps)")
    }
    let exitCount = configuration.strategy.hasExit ? configuration.testImages : 0
    for (field, count, expected) in [
      ("evaluation samples", totals.testImages, configuration.testImages),
      ("exit_count", end.exitCount, exitCount),
    ] where count != expected {
      throw .payload(type: .epochEnd, field: field, expected: "\(expected)", actual: "\(count)")
    }
  }
}
