import Datasets
import Logging
import NeuralNetwork
import Platform
import RunFiles
import Terminal
import Training
import Transport

/// A run under way in the cloud: the state, the log, the clock and the checkpoints that all strategies share.
final class CloudRun {
  let configuration: RunConfiguration
  let recorder: RunRecorder
  let link: CloudLink
  /// Where the times of the run are recorded.
  let timeline: Timeline?
  private let progress: ProgressReporter?
  private let logger: Logger

  private(set) var state: TrainingState
  /// Of the epoch under way; it runs from its first batch to the end of its training.
  var clock: TrainingClock
  /// What the cloud has answered: as many records are applied.
  private(set) var answers: AnswerHistory
  /// Samples that have been applied.
  private var samples: RunTraffic.Samples
  /// What the connections before have carried.
  private let earlier: RunTraffic.Connections
  private var beganSeconds: Double
  /// Images that are uploaded, as far as they are acknowledged.
  private var images: RunProgress.StoredImages?
  let uploaded: UploadedImages?

  /// Nil for a run that cannot go on after this connection.
  private let checkpoints: CheckpointWriter?
  private let settings: RunProgress.Settings
  /// Records that the newest checkpoint covers, and the one before.
  private var covered: (newest: UInt64, before: UInt64)
  /// Whether the logs have been ended.
  private(set) var isFinished = false
  /// Whether the numbers of the network are between two states of the run.
  private var isInsideStep = false

  /// The answer to the batch under way, where gradients are exchanged.
  private var gradient: AnswerHistory.LastGradient?

  /// What has come, and is not yet taken: the end of one stage is the beginning of the next.
  var ahead: CloudLink.Item?

  /// - Parameters:
  ///   - earlier: where a run goes on that had begun, with what was answered.
  ///   - checkpoints: nil for a run that cannot go on after this connection.
  init(
    _ configuration: RunConfiguration, _ link: CloudLink,
    from earlier: (progress: RunProgress, answers: AnswerHistory)?,
    recorder: RunRecorder, uploaded: UploadedImages?, checkpoints: CheckpointWriter?, settings: RunProgress.Settings,
    progress: ProgressReporter?, logger: Logger, timeline: Timeline?
  ) {
    self.configuration = configuration
    self.link = link
    self.recorder = recorder
    self.uploaded = uploaded
    self.checkpoints = checkpoints
    self.settings = settings
    self.progress = progress
    self.logger = logger
    self.timeline = timeline
    let position = earlier?.progress
    state = position?.state ?? TrainingState()
    clock = TrainingClock(timeline: timeline, after: position?.clock ?? TrainingClock.Reading())
    answers = earlier?.answers ?? AnswerHistory()
    samples = position?.traffic.samples ?? RunTraffic.Samples()
    self.earlier = position?.traffic.connections ?? RunTraffic.Connections()
    beganSeconds = position?.records.beganSeconds ?? 0
    images = position?.records.images
    covered = (position?.records.last ?? 0, 0)
  }

  /// Learning rate and momentum of the next step.
  var scheduled: LearningRateSchedule.Values { configuration.scheduled(step: state.completedSteps) }

  /// Whether epochs are left.
  var isUnfinished: Bool { recorder.endedEpochs < configuration.epochs }

  /// What has gone over the link since the run has begun.
  var traffic: RunTraffic {
    var traffic = RunTraffic()
    traffic.samples = samples
    traffic.connections = earlier + link.traffic
    return traffic
  }

  /// Runs `body`, which waits; in training this counts as idle.
  func waiting<Result>(_ body: () throws -> Result) rethrows -> Result { try clock.waiting(body) }

  // MARK: An epoch

  /// Trains and evaluates once, or what is left of an epoch that was begun; logs the epoch, writes this side's weights,
  /// and reports to the edge. After the last one the run is complete, whatever comes of the report.
  ///
  /// - Throws: `WireError`, `LedgerMismatchError`, `FileError`, what ended the link.
  func epoch(_ strategy: any CloudStrategy) throws {
    if state.epoch == recorder.endedEpochs {
      state.beginEpoch()
      clock = TrainingClock(timeline: timeline)
      beganSeconds = recorder.wallSeconds
    }
    progress?.beginEpoch(current(loss: nil))
    try strategy.trainEpoch(self)
    try strategy.evaluate(self)
    let received = try awaitEpochEnd()
    try check(received.end)
    try LedgerMismatchError.check("from edge to cloud", here: received.before, there: received.end.sent)

    let sums = state.sums
    let exit = received.end.exitCount > 0 ? Double(received.end.exitCorrect) / Double(received.end.exitCount) : nil
    let accuracy = sums.testImages > 0 ? Double(sums.correct) / Double(sums.testImages) : nil
    let epochClock = clock
    try link.awaitSent()
    try recorder.endEpoch(
      state, strategy.parts, exitAccuracy: exit, clock: epochClock, beganSeconds: beganSeconds, samples: samples)
    clock = TrainingClock(timeline: timeline)
    try recorder.reportEpoch(finalAccuracy: accuracy, finalByClass: sums.byClass, traffic)
    let epoch = state.epoch
    func report(received: ByteCounts, sent: ByteCounts) -> EpochReport {
      EpochReport(
        epoch: epoch, meanTrainingLoss: sums.meanLoss, finalLoss: sums.meanTestLoss.isFinite ? sums.meanTestLoss : nil,
        finalCorrect: sums.correct, finalCount: sums.testImages, finalByClass: sums.byClass,
        busySeconds: epochClock.busySeconds, idleSeconds: epochClock.idleSeconds, received: received, sent: sent)
    }
    answers.append(report(received: ByteCounts(), sent: ByteCounts()))
    if writesByItself { try checkpoint() } else if !isUnfinished { try checkpoint(to: aside) }
    // An edge that has the last report may go, and never tell whether it has it.
    if !isUnfinished { try finish() }
    link.post { ledger in .epochReport(report(received: received.with, sent: ledger.sent)) }
    let exitNote = exit.map { "exit \(Formatting.percent($0)), final " } ?? ""
    logger.info(
      """
      epoch \(epoch)/\(configuration.epochs): loss \(Formatting.fixed(sums.meanLoss, decimals: 4)), \
      accuracy \(exitNote)\(Formatting.percent(accuracy))
      """)
    if !isUnfinished, let accuracies = sums.byClass?.accuracies {
      logger.info("final accuracy by class: \(configuration.task.line(of: accuracies))")
    }
  }

  /// Ends the logs of a run that is complete.
  ///
  /// - Throws: `FileError`.
  func finish() throws {
    try checkpoints?.awaitWritten()
    try recorder.finish(nil, traffic)
    isFinished = true
  }

  /// Logs one step, and answers the record that it was on.
  ///
  /// - Throws: `TrainingError`, `FileError`.
  func trained(_ sequence: UInt64, _ batch: Datasets.Batch, _ result: SoftmaxCrossEntropy.Result) throws {
    try checkFinite(result)
    let learningRate = scheduled.learningRate
    state.countStep(images: batch.count, loss: result.loss)
    try recorder.step(state, loss: result.loss, learningRate: learningRate, images: batch.count, traffic)
    acknowledge(sequence, result)
    progress?.update(current(loss: result.loss))
    isInsideStep = false
    if writesByItself, checkpoints?.isDue == true { try checkpoint() }
  }

  private func current(loss: Double?) -> Progress {
    var progress = recorder.progress(state, sentBytes: traffic.connections.ledger.sent.total)
    progress.finalLoss = loss
    return progress
  }

  /// The same for a batch that the edge has sent.
  ///
  /// - Throws: `TrainingError`, `FileError`.
  func trained(_ batch: ReceivedBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    samples.count(.trainBatch, payloadBytes: batch.byteCount)
    try trained(batch.sequence, batch.samples, result)
    link.recycle(batch.samples.images)
  }

  /// Counts a batch of test samples, and answers its record.
  ///
  /// - Throws: `TrainingError`.
  func tested(_ sequence: UInt64, _ batch: Datasets.Batch, _ result: SoftmaxCrossEntropy.Result) throws {
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: state.completedSteps, loss: result.loss)
    }
    state.countTest(
      labels: batch.labels, classes: configuration.task.classes, loss: result.loss, hits: result.hits)
    acknowledge(sequence, result)
    isInsideStep = false
  }

  /// The same for a batch that the edge has sent.
  ///
  /// - Throws: `TrainingError`.
  func tested(_ batch: ReceivedBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    samples.count(.evaluationBatch, payloadBytes: batch.byteCount)
    try tested(batch.sequence, batch.samples, result)
    link.recycle(batch.samples.images)
  }

  /// - Throws: `TrainingError.diverged`.
  func checkFinite(_ result: SoftmaxCrossEntropy.Result) throws {
    guard result.loss.isFinite else { throw TrainingError.diverged(step: state.completedSteps + 1, loss: result.loss) }
  }

  /// Acknowledges images that have been stored.
  func stored(_ sequence: UInt64, _ type: FrameType, byteCount: Int, _ images: RunProgress.StoredImages?) {
    samples.count(type, payloadBytes: byteCount)
    self.images = images
    answers.append(loss: 0, correct: 0)
    link.post(.acknowledgement(Acknowledgement(sequence: sequence, loss: 0, correct: 0)))
  }

  private func acknowledge(_ sequence: UInt64, _ result: SoftmaxCrossEntropy.Result) {
    answers.append(loss: result.wireLoss, correct: result.correct, gradient: gradient.take())
    link.post(.acknowledgement(Acknowledgement(sequence: sequence, loss: result.wireLoss, correct: result.correct)))
  }

  func send(_ gradient: Gradient, _ shape: ActivationShape) {
    self.gradient = AnswerHistory.LastGradient(gradient, shape)
    samples.count(.gradient, payloadBytes: gradient.encoded.count)
    link.post(.gradient(gradient))
  }

  /// A record is being applied.
  func beginStep() { isInsideStep = true }

  // MARK: Checkpoints

  /// Whether there is a checkpoint whenever it is time for one. Where gradients are exchanged, both sides go on from
  /// the same record, and the edge says at which ones they write their state.
  private var writesByItself: Bool { !configuration.strategy.isInLockStep }

  /// Beside the checkpoints that the edge has asked for: where this side is at the end of a connection, which lets the
  /// edge go on from there, if it still lives. (Number 1 is the beginning.)
  private var aside: CheckpointWriter.Place { .aside(max(1, checkpoints?.number ?? 1)) }

  /// Seconds of waiting for the edge after which there may be a checkpoint before its time: an edge whose spool is full
  /// waits for it.
  static let idleSeconds = 1.0

  /// Lets the run's state be written while there is nothing to do, if the edge still keeps what is applied.
  func checkpointWhileIdle() throws {
    guard let checkpoints, writesByItself, isUnfinished, !isInsideStep, covered.before < answers.count,
      checkpoints.isIdle(forSeconds: max(Self.idleSeconds, settings.checkpointInterval / 6))
    else { return }
    try checkpoint()
  }

  /// Lets the run's state be written to its directory. The edge is told, when it is there, what the one before covers,
  /// since that is what is left if the newest one is damaged; of one that it has asked for, that it is there.
  ///
  /// - Parameter isLast: whether this connection ends here, so that what was received and not applied comes again.
  /// - Throws: `FileError` if one cannot be written.
  func checkpoint(to place: CheckpointWriter.Place = .next, isLast: Bool = false) throws {
    guard let checkpoints else { return }
    var records = RunProgress.Records()
    records.last = answers.count
    records.beganSeconds = beganSeconds
    records.reports = answers.reports
    records.images = images
    var traffic = traffic
    let applied = earlier.ledger.received + link.receivedWithTaken
    let unused = traffic.connections.ledger.received - applied
    if isLast { traffic.connections.resentBytes += unused.total } else { traffic.connections.ledger.received = applied }
    covered = (answers.count, covered.newest)
    let durable: UInt64 =
      switch place {
      case .next: covered.before
      case .turn: covered.newest
      case .aside: 0
      }
    try checkpoints.write(
      RunProgress(
        state: state, clock: clock.reading, logs: recorder.position, records: records, traffic: traffic,
        settings: settings), answers, to: place,
      after: { [recorder, uploaded] in
        try recorder.synchronize()
        try uploaded?.synchronize()
      },
      then: { [link] in if durable > 0 { link.post(.durable(Durable(sequence: durable))) } })
  }

  /// Writes the state of a run whose connection ends before it is complete, if its numbers are those of a state, and
  /// ends the writing.
  ///
  /// - Parameter isNeeded: false if the run is complete, or no state can be gone on from.
  /// - Throws: `FileError`.
  func endCheckpoints(writing isNeeded: Bool) throws {
    defer { checkpoints?.end() }
    if isNeeded && !isInsideStep { try checkpoint(to: writesByItself ? .next : aside, isLast: true) }
    try checkpoints?.awaitWritten()
  }
}
