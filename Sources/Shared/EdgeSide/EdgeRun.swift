import Compute
import Datasets
import DequeModule
import Logging
import NeuralNetwork
import Platform
import RunFiles
import Terminal
import Training
import Transport

/// A run under way on the edge: the state, the log, the clock and the progress that all strategies share.
final class EdgeRun {
  let configuration: RunConfiguration
  /// Nil where there is no cloud.
  let link: EdgeLink?
  let recorder: RunRecorder
  /// Where the times of the run are recorded.
  let timeline: Timeline?
  let layout: RecordLayout
  let options: Options
  private let progress: ProgressReporter
  private let interruption: Interruption
  private let logger: Logger

  private(set) var state: TrainingState
  /// Of the epoch under way; it runs in its training.
  private(set) var clock: TrainingClock
  /// Where the edge is in the series of records.
  var records: RunProgress.Records
  /// What has been made of the network's samples.
  var samples: RunTraffic.Samples
  /// What the cloud has answered and this run has not taken.
  var answers: Deque<EdgeLink.Answer> = []
  let checkpoints: CheckpointWriter
  /// Nil unless gradients are exchanged.
  var lockStep: LockStep?
  /// What the connections before this process have carried.
  private let earlier: RunTraffic.Connections
  private var toldThatItWaits = false
  private var toldOfOtherBits = false
  /// Whether the numbers of the network are between two states of the run.
  private(set) var isInsideStep = false

  struct Options {
    /// For the command that resumes the run.
    var settings: RunProgress.Settings
    /// Whether there is no cloud for now.
    var isOffline = false
    var timeline: Timeline?
  }

  /// - Parameters:
  ///   - earlier: where a run that is resumed goes on.
  init(
    _ configuration: RunConfiguration, _ options: Options, link: EdgeLink?, recorder: RunRecorder,
    checkpoints: CheckpointWriter, from earlier: RunProgress?, progress: ProgressReporter,
    interruption: Interruption, logger: Logger
  ) {
    timeline = options.timeline
    self.options = options
    self.logger = logger
    self.checkpoints = checkpoints
    if configuration.strategy.isInLockStep { lockStep = LockStep(after: checkpoints.number) }
    layout = RecordLayout(configuration)
    records = earlier?.records ?? RunProgress.Records()
    samples = earlier?.traffic.samples ?? RunTraffic.Samples()
    self.earlier = earlier?.traffic.connections ?? RunTraffic.Connections()
    state = earlier?.state ?? TrainingState()
    clock = TrainingClock(timeline: timeline, after: earlier?.clock ?? TrainingClock.Reading())
    self.configuration = configuration
    self.link = link
    self.recorder = recorder
    self.progress = progress
    self.interruption = interruption
    // Ended before this process began, and not answered.
    for epoch in recorder.unloggedEpochs { link?.watch(layout.lastStep(of: epoch)) }
  }

  /// Learning rate and momentum of the next step.
  var scheduled: LearningRateSchedule.Values { configuration.scheduled(step: state.completedSteps) }

  /// What has gone over the link since the run has begun.
  var traffic: RunTraffic {
    var traffic = RunTraffic()
    traffic.samples = samples
    traffic.connections = earlier + (link?.traffic ?? RunTraffic.Connections())
    return traffic
  }

  /// Runs `body`, which waits; in training this counts as idle.
  func waiting<Result>(_ body: () throws -> Result) rethrows -> Result { try clock.waiting(body) }

  // MARK: An epoch

  /// Whether epochs are left.
  var isUnfinished: Bool { recorder.endedEpochs < configuration.epochs }

  /// Whether the cloud still has to answer.
  var isUndelivered: Bool { recorder.summary.completedEpochs < configuration.epochs }

  /// Seconds at the end of an epoch in which a cloud that has nearly answered is given the time to do so.
  private static let courtesySeconds = 1.0

  /// Trains and evaluates once, or what is left of an epoch that was begun; writes what this side holds of the network,
  /// and logs it, if the cloud has told its figures.
  ///
  /// - Throws: what ends the run.
  func epoch(_ strategy: any EdgeStrategy) throws {
    if state.epoch == recorder.endedEpochs {
      state.beginEpoch()
      clock = TrainingClock(timeline: timeline)
      records.beganSeconds = recorder.wallSeconds
    }
    if configuration.strategy.hasExit { link?.watch(layout.lastStep(of: state.epoch)) }
    progress.beginEpoch(report(0, final: nil))
    clock.begin()
    try strategy.trainEpoch(self)
    clock.end()
    let outcome = try strategy.evaluate(self)
    isInsideStep = false

    try recorder.endEpoch(
      state, strategy.parts, exitAccuracy: outcome.exitCorrect.map(accuracy), clock: clock,
      beganSeconds: records.beganSeconds, samples: samples)
    clock = TrainingClock(timeline: timeline)
    if let finalCorrect = outcome.finalCorrect {
      try reportEpoch(final: finalCorrect, outcome.finalByClass, finalLoss: nil)
    } else if let link {
      let isNear = link.isConnected && link.unanswered <= 4 * configuration.window
      try takeReports(within: isNear ? Self.courtesySeconds : 0)
    }
    // With a connection the whole line comes soon.
    if recorder.summary.completedEpochs < state.epoch, link?.isConnected != true,
      let exit = outcome.exitCorrect.map(accuracy)
    {
      var line = report(state.sums.meanLoss, final: nil)
      (line.exitAccuracy, line.finalAccuracy) = (exit, nil)
      progress.endEpoch(line)
    }
    try checkpointUnderWay()
  }

  private func accuracy(_ correct: Int) -> Double { Double(correct) / Double(configuration.testImages) }

  /// Logs the first epoch that is not logged.
  ///
  /// - Parameters:
  ///   - final: test images that the whole network got right.
  ///   - finalByClass: the same class by class, if it is told.
  ///   - finalLoss: mean of its training, if the cloud has told it.
  func reportEpoch(final: Int, _ finalByClass: ClassCounts?, finalLoss: Double?) throws {
    let epoch = recorder.summary.completedEpochs + 1
    guard let (exit, exitByClass, loss) = recorder.pendingFigures(of: epoch) else {
      throw WireError.order(expected: "a report of an epoch that is ended", actual: "one of epoch \(epoch)")
    }
    let imagesPerSecond = try recorder.reportEpoch(
      finalAccuracy: accuracy(final), finalByClass: finalByClass, traffic)
    var line = report(loss, final: finalLoss)
    (line.epoch, line.images) = (epoch, configuration.trainImages)
    (line.exitAccuracy, line.finalAccuracy) = (exit, accuracy(final))
    progress.endEpoch(line, imagesPerSecond: imagesPerSecond)
    guard epoch == configuration.epochs else { return }
    for (output, accuracies) in [("exit", exitByClass), ("final", finalByClass?.accuracies)] {
      if let accuracies { logger.info("\(output) accuracy by class: \(configuration.task.line(of: accuracies))") }
    }
  }

  /// Waits until the cloud has answered everything.
  ///
  /// - Throws: what ended the link.
  func deliver() throws {
    guard isUndelivered else { return }
    let start = (seconds: MonotonicClock.seconds(), answered: records.answered)
    if records.answered + UInt64(configuration.window) + 1 < layout.count {
      logger.info("training here is done; the rest of the records is delivered")
    }
    while isUndelivered {
      try takeReports(within: 0.5)
      let left = layout.count - min(records.answered, layout.count)
      let bytes = Double(samples.payload + samples.evaluation) / Double(max(1, records.last)) * Double(left)
      progress.deliver(
        done: Int(records.answered - start.answered), left: Int(left), bytes: Int(bytes),
        seconds: MonotonicClock.seconds() - start.seconds)
    }
  }

  /// Takes the next batch of a loader. Waits for it; in training this counts as idle.
  ///
  /// - Returns: nil after the last one.
  /// - Throws: `InterruptedError`, `DatasetError`; what ended the link, before a step is begun.
  func next(_ loader: BatchLoader) throws -> Batch? {
    if interruption.isRequested { throw InterruptedError() }
    try link?.requireGoingOn()
    guard let batch = try waiting({ try loader.next() }) else { return nil }
    isInsideStep = true
    return batch
  }

  /// Logs one step.
  ///
  /// - Parameters:
  ///   - loss: the batch's mean: the exit's if there is one, else the final one.
  ///   - images: of the batch.
  /// - Throws: `TrainingError.diverged`, `FileError`.
  func step(loss: Double, images: Int) throws {
    guard loss.isFinite else { throw TrainingError.diverged(step: state.completedSteps + 1, loss: loss) }
    let learningRate = scheduled.learningRate
    state.countStep(images: images, loss: loss)
    try recorder.step(state, loss: loss, learningRate: learningRate, images: images, traffic)
    progress.update(report(loss, final: link?.latestLoss))
    isInsideStep = false
    if checkpoints.isDue || lockStep?.isWanted == true { try checkpointUnderWay() }
  }

  /// Counts a batch of test images that this side has classified.
  ///
  /// - Throws: `TrainingError.divergedInEvaluation`.
  func tested(_ result: SoftmaxCrossEntropy.Result, labels: [UInt16]) throws {
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: state.completedSteps, loss: result.loss)
    }
    state.countTest(
      labels: labels, classes: configuration.task.classes, loss: result.loss, hits: result.hits)
    isInsideStep = false
  }

  /// Shows how much has been sent, before there is a step to show.
  func showTraffic() {
    progress.update(recorder.progress(state, sentBytes: traffic.connections.ledger.sent.total))
  }

  /// Says once that there is no room for a record.
  func tellThatItWaits() {
    if toldThatItWaits || options.settings.spool == nil { return }
    toldThatItWaits = true
    logger.notice("the spool is full: training waits until the cloud has done more")
  }

  /// Says once that what is computed is not what was sent.
  func tellOfOtherBits() {
    if toldOfOtherBits { return }
    toldOfOtherBits = true
    logger.warning("records are not, bit for bit, what they were before the run was interrupted; the first ones count")
  }

  /// Images of the step of this epoch, counted from 0.
  func imageCount(ofStep step: Int) -> Int {
    RecordLayout.places(ofBatch: step, of: configuration.trainImages, batchSize: configuration.batchSize).count
  }

  private func report(_ loss: Double, final: Double?) -> Progress {
    var progress = recorder.progress(state, sentBytes: traffic.connections.ledger.sent.total)
    let hasExit = configuration.strategy.hasExit
    (progress.exitLoss, progress.finalLoss) = (hasExit ? loss : nil, hasExit ? final : loss)
    return progress
  }
}
