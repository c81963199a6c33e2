import Compute
import Datasets
import NeuralNetwork
import Transport

/// A run under way on the edge: the log, the clock and the progress that all strategies share.
final class EdgeRun {
  let configuration: RunConfiguration
  /// Nil where there is no cloud.
  let link: EdgeLink?
  let recorder: RunRecorder
  /// Where the times of the run are recorded.
  let timeline: Timeline?
  private let progress: ProgressReporter
  private let interruption: Interruption

  /// Of the epoch under way.
  var clock: TrainingClock
  private var epoch = 0
  private var images = 0
  private var lossSum = 0.0
  /// Steps of the whole run.
  private(set) var completedSteps = 0

  init(
    _ configuration: RunConfiguration, link: EdgeLink?, recorder: RunRecorder, progress: ProgressReporter,
    interruption: Interruption, timeline: Timeline?
  ) {
    self.timeline = timeline
    clock = TrainingClock(timeline: timeline)
    self.configuration = configuration
    self.link = link
    self.recorder = recorder
    self.progress = progress
    self.interruption = interruption
  }

  /// Learning rate and momentum of the next step.
  var values: LearningRateSchedule.Values { configuration.scheduled(step: completedSteps) }

  var ledger: ByteLedger { link?.ledger ?? ByteLedger() }

  /// The link of a strategy that has one.
  var cloud: EdgeLink {
    guard let link else { preconditionFailure("\(configuration.strategy.rawValue) has no link") }
    return link
  }

  /// - Throws: `InterruptedError` if the user has asked for the end.
  func checkInterruption() throws {
    if interruption.isRequested { throw InterruptedError() }
  }

  // MARK: An epoch

  /// Starts an epoch, counted from 1, and its clock.
  func begin(_ epoch: Int) {
    self.epoch = epoch
    images = 0
    lossSum = 0
    clock = TrainingClock(timeline: timeline)
    clock.begin()
    progress.beginEpoch(epoch)
  }

  /// Logs one step.
  ///
  /// - Parameters:
  ///   - loss: the batch's mean: the exit's if there is one, else the final one.
  ///   - images: of the batch.
  /// - Throws: `TrainingError.diverged`, `RunDirectoryError`.
  func step(loss: Double, images count: Int) throws {
    guard loss.isFinite else { throw TrainingError.diverged(step: completedSteps + 1, loss: loss) }
    try recorder.step(
      completedSteps, epoch: epoch, loss: loss, learningRate: values.learningRate, images: count, ledger)
    completedSteps += 1
    images += count
    lossSum += loss * Double(count)
    progress.update(report(loss, final: link?.latestLoss))
  }

  /// Shows how much has been sent, before there is a step to show.
  func showTraffic() {
    progress.update(
      Progress(
        epoch: 1, epochs: configuration.epochs, images: 0, imagesPerEpoch: configuration.trainImages,
        sentBytes: ledger.sent.total))
  }

  /// Images of the step of this epoch, counted from 0.
  func imageCount(ofStep step: Int) -> Int {
    min(configuration.batchSize, configuration.trainImages - step * configuration.batchSize)
  }

  /// Logs the end of the epoch and writes what this side holds of the network.
  ///
  /// - Parameters:
  ///   - exitCorrect: test images that the exit got right; nil without an exit.
  ///   - finalCorrect: test images that the whole network got right.
  ///   - finalLoss: mean final loss of training, if the cloud told it.
  ///   - parts: this side's layers; empty if it holds none.
  /// - Throws: `RunDirectoryError`.
  func endEpoch(exitCorrect: Int?, finalCorrect: Int, finalLoss: Double? = nil, parts: [Sequential]) throws {
    let testImages = Double(configuration.testImages)
    let exit = exitCorrect.map { Double($0) / testImages }
    let final = Double(finalCorrect) / testImages
    let meanLoss = lossSum / Double(max(1, images))
    let epochClock = clock
    clock = TrainingClock(timeline: timeline)
    try recorder.epoch(
      epoch, parts, trainLoss: meanLoss, exitAccuracy: exit, finalAccuracy: final, clock: epochClock, ledger)
    let note = exit.map { "accuracy exit \(Formatting.percent($0)), final " } ?? "accuracy "
    progress.endEpoch(report(meanLoss, final: finalLoss), note: note + Formatting.percent(final))
  }

  private func report(_ loss: Double, final: Double?) -> Progress {
    let hasExit = configuration.strategy.hasExit
    return Progress(
      epoch: epoch, epochs: configuration.epochs, images: images, imagesPerEpoch: configuration.trainImages,
      exitLoss: hasExit ? loss : nil, finalLoss: hasExit ? final : loss, sentBytes: ledger.sent.total)
  }
}

// MARK: With a cloud

extension EdgeRun {
  /// Encodes and posts a batch of features, once there is a place in the window.
  ///
  /// - Throws: `TrainingError.nonFiniteFeatures`, what ended the link.
  func send(
    _ features: Tensor, _ labels: UnsafeBufferPointer<UInt8>, _ codec: ActivationCodec,
    _ message: (Transport.Batch) -> Message
  ) throws {
    let sequence = try clock.waiting { try cloud.reserve() }
    var bytes: [UInt8] = []
    do {
      try timeline.measure(.encode) {
        try codec.encode(features.data, shape: features.activationShape, into: &bytes)
      }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteFeatures(step: completedSteps + 1, reason: "\(error)")
    }
    cloud.post(message(Transport.Batch(sequence: sequence, labels: Array(labels), activations: bytes)))
  }

  /// Waits until the cloud has done all training steps, and ends the clock of training.
  ///
  /// - Returns: the acknowledgements that were not taken before.
  @discardableResult
  func endTraining() throws -> [Acknowledgement] {
    defer { clock.end() }
    return try clock.waiting { try cloud.awaitAcknowledgements() }
  }

  /// Tells the cloud that it has all that it gets of this epoch.
  ///
  /// - Parameters:
  ///   - steps: batches of training that were sent in it.
  ///   - exitCorrect: test images that the exit got right; nil without an exit.
  func postEpochEnd(steps: Int, exitCorrect: Int? = nil) {
    cloud.post(
      .epochEnd(
        EpochEnd(
          epoch: epoch, steps: steps, sent: ledger.sent, exitCorrect: exitCorrect ?? 0,
          exitCount: exitCorrect == nil ? 0 : configuration.testImages)))
  }

  /// Waits for the cloud's report and compares the byte counts of both sides.
  ///
  /// - Throws: `LedgerMismatchError`, `WireError`, what ended the link.
  func awaitReport() throws -> EpochReport {
    let received = try clock.waiting { try cloud.awaitReport() }
    let report = received.report
    try LedgerMismatchError.check("from edge to cloud", here: ledger.sent, there: report.received)
    try LedgerMismatchError.check("from cloud to edge", here: received.receivedBefore, there: report.sent)
    guard report.finalCount == configuration.testImages else {
      throw WireError.payload(
        type: .epochReport, field: "final_count", expected: "\(configuration.testImages)",
        actual: "\(report.finalCount)")
    }
    return report
  }
}

extension Tensor {
  /// The shape as the codec has it.
  package var activationShape: ActivationShape {
    ActivationShape(count: count, height: shape.height, width: shape.width, channels: shape.channels)
  }
}
