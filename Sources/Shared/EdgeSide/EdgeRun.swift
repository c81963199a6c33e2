import Compute
import Datasets
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
  private let progress: ProgressReporter
  private let interruption: Interruption

  private(set) var state: TrainingState
  /// Of the epoch under way; it runs in its training.
  private(set) var clock: TrainingClock
  private let checkpoints: CheckpointWriter?
  private let settings: RunProgress.Settings
  /// Whether the numbers of the network are between two states of the run.
  private var isInsideStep = false

  /// - Parameters:
  ///   - checkpoints: nil for a run that cannot be resumed.
  ///   - settings: for the command that resumes it.
  ///   - earlier: where a run that is resumed goes on.
  init(
    _ configuration: RunConfiguration, link: EdgeLink?, recorder: RunRecorder, checkpoints: CheckpointWriter?,
    settings: RunProgress.Settings, from earlier: RunProgress?, progress: ProgressReporter, interruption: Interruption,
    timeline: Timeline?
  ) {
    self.timeline = timeline
    self.checkpoints = checkpoints
    self.settings = settings
    state = earlier?.state ?? TrainingState()
    clock = TrainingClock(timeline: timeline, after: earlier?.clock ?? TrainingClock.Reading())
    self.configuration = configuration
    self.link = link
    self.recorder = recorder
    self.progress = progress
    self.interruption = interruption
  }

  /// Learning rate and momentum of the next step.
  var scheduled: LearningRateSchedule.Values { configuration.scheduled(step: state.completedSteps) }

  var ledger: ByteLedger { link?.ledger ?? ByteLedger() }

  /// The link of a strategy that has one.
  var cloud: EdgeLink {
    guard let link else { preconditionFailure("\(configuration.strategy.rawValue) has no link") }
    return link
  }

  /// Runs `body`, which waits; in training this counts as idle.
  func waiting<Result>(_ body: () throws -> Result) rethrows -> Result { try clock.waiting(body) }

  // MARK: An epoch

  /// Whether epochs are left.
  var isUnfinished: Bool { recorder.summary.completedEpochs < configuration.epochs }

  /// Trains and evaluates once, or what is left of an epoch that was begun; logs it, and writes what this side holds of
  /// the network.
  ///
  /// - Throws: what ends the run.
  func epoch(_ strategy: any EdgeStrategy) throws {
    if state.epoch == recorder.summary.completedEpochs {
      state.beginEpoch()
      clock = TrainingClock(timeline: timeline)
    }
    progress.beginEpoch(state.epoch)
    clock.begin()
    try strategy.trainEpoch(self)
    clock.end()
    let outcome = try strategy.evaluate(self)

    let testImages = Double(configuration.testImages)
    let exit = outcome.exitCorrect.map { Double($0) / testImages }
    let final = Double(outcome.finalCorrect) / testImages
    let epochClock = clock
    clock = TrainingClock(timeline: timeline)
    try recorder.epoch(state, strategy.parts, exitAccuracy: exit, finalAccuracy: final, clock: epochClock, ledger)
    let note = exit.map { "accuracy exit \(Formatting.percent($0)), final " } ?? "accuracy "
    progress.endEpoch(report(state.sums.meanLoss, final: outcome.finalLoss), note: note + Formatting.percent(final))
    try checkpoint()
  }

  /// Takes the next batch of a loader. Waits for it; in training this counts as idle.
  ///
  /// - Returns: nil after the last one.
  /// - Throws: `InterruptedError`, `DatasetError`.
  func next(_ loader: BatchLoader) throws -> Batch? {
    if interruption.isRequested { throw InterruptedError() }
    guard let batch = try waiting({ try loader.next() }) else { return nil }
    isInsideStep = true
    return batch
  }

  /// Lets the run's state be written to its directory.
  ///
  /// - Throws: `FileError` if one cannot be written.
  func checkpoint() throws {
    guard let checkpoints else { return }
    try checkpoints.write(
      RunProgress(state: state, clock: clock.reading, logs: recorder.position, settings: settings)
    ) { [recorder] in try recorder.synchronize() }
  }

  /// Writes the state of a run that is not complete, if its numbers are those of a state, and ends the writing.
  ///
  /// - Parameter isNeeded: false if the run is complete, or no state can be gone on from.
  /// - Throws: `FileError`.
  func endCheckpoints(writing isNeeded: Bool) throws {
    defer { checkpoints?.end() }
    if isNeeded && !isInsideStep { try checkpoint() }
    try checkpoints?.awaitWritten()
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
    try recorder.step(state, loss: loss, learningRate: learningRate, images: images, ledger)
    progress.update(report(loss, final: link?.latestLoss))
    isInsideStep = false
    if checkpoints?.isDue == true { try checkpoint() }
  }

  /// Counts a batch of test images that this side has classified.
  ///
  /// - Throws: `TrainingError.divergedInEvaluation`.
  func tested(_ result: SoftmaxCrossEntropy.Result, images: Int) throws {
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: state.completedSteps, loss: result.loss)
    }
    state.countTest(images: images, loss: result.loss, correct: result.correct)
    isInsideStep = false
  }

  /// Shows how much has been sent, before there is a step to show.
  func showTraffic() {
    progress.update(
      Progress(
        epoch: max(1, state.epoch), epochs: configuration.epochs, images: state.sums.images,
        imagesPerEpoch: configuration.trainImages, sentBytes: ledger.sent.total))
  }

  /// Images of the step of this epoch, counted from 0.
  func imageCount(ofStep step: Int) -> Int {
    min(configuration.batchSize, configuration.trainImages - step * configuration.batchSize)
  }

  private func report(_ loss: Double, final: Double?) -> Progress {
    let hasExit = configuration.strategy.hasExit
    return Progress(
      epoch: state.epoch, epochs: configuration.epochs, images: state.sums.images,
      imagesPerEpoch: configuration.trainImages, exitLoss: hasExit ? loss : nil, finalLoss: hasExit ? final : loss,
      sentBytes: ledger.sent.total)
  }
}

// MARK: With a cloud

extension EdgeRun {
  /// Encodes and posts a batch of features, once there is a place in the window.
  ///
  /// - Throws: `TrainingError.nonFiniteFeatures`, what ended the link.
  func send(_ features: Tensor, _ labels: [UInt8], _ codec: ActivationCodec, _ message: (EncodedBatch) -> Message)
    throws
  {
    let sequence = try waiting { try cloud.reserve() }
    var bytes: [UInt8] = []
    do {
      try timeline.measure(.encode) { try codec.encode(features.data, shape: features.activationShape, into: &bytes) }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteFeatures(step: state.completedSteps + 1, reason: "\(error)")
    }
    cloud.post(message(EncodedBatch(sequence: sequence, labels: labels, activations: bytes)))
  }

  /// Waits until the cloud has done everything that it was sent.
  ///
  /// - Returns: the acknowledgements that were not taken before.
  @discardableResult func awaitAcknowledgements() throws -> [Acknowledgement] {
    try waiting { try cloud.awaitAcknowledgements() }
  }

  /// Waits until the cloud has evaluated everything, and ends the epoch there.
  ///
  /// - Parameter exitCorrect: test images that the exit got right; nil without an exit.
  /// - Throws: as `awaitReport`.
  func endEpochInCloud(exitCorrect: Int? = nil) throws -> EpochReport {
    try awaitAcknowledgements()
    postEpochEnd(steps: configuration.stepsPerEpoch, exitCorrect: exitCorrect)
    return try awaitReport()
  }

  /// Tells the cloud that it has all that it gets of this epoch.
  ///
  /// - Parameters:
  ///   - steps: batches of training that were sent in it.
  ///   - exitCorrect: test images that the exit got right; nil without an exit.
  func postEpochEnd(steps: Int, exitCorrect: Int? = nil) {
    let epoch = state.epoch
    let exitCount = exitCorrect == nil ? 0 : configuration.testImages
    cloud.post { ledger in
      .epochEnd(
        EpochEnd(epoch: epoch, steps: steps, sent: ledger.sent, exitCorrect: exitCorrect ?? 0, exitCount: exitCount))
    }
  }

  /// Waits for the cloud's report and compares the byte counts of both sides.
  ///
  /// - Throws: `LedgerMismatchError`, `WireError`, what ended the link.
  func awaitReport() throws -> EpochReport {
    let received = try waiting { try cloud.awaitReport() }
    let report = received.report
    try LedgerMismatchError.check("from edge to cloud", here: cloud.connectionLedger.sent, there: report.received)
    try LedgerMismatchError.check("from cloud to edge", here: received.receivedBefore, there: report.sent)
    guard report.finalCount == configuration.testImages else {
      throw WireError.payload(
        type: .epochReport, field: "final_count", expected: "\(configuration.testImages)",
        actual: "\(report.finalCount)")
    }
    return report
  }
}
