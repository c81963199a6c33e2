import Compute
import Logging
import NeuralNetwork
import Transport

/// One run in the cloud: trains the rest on the features that one edge sends.
package final class CloudSession {
  private let configuration: RunConfiguration
  private let connection: FramedConnection
  private let model: CloudModel
  private let inbox: CloudInbox
  private let run: RunIdentifier
  private let threads: Int
  private let logger: Logger

  // Of the run under way.
  private var completedSteps = 0
  private var clock = TrainingClock()
  private var epoch = EpochTotals()

  /// Sums over the batches of an epoch.
  private struct EpochTotals {
    var images = 0
    var trainingLoss = 0.0
    var testImages = 0
    var testLoss = 0.0
    var correct = 0
  }

  /// Builds the network for a hello that was accepted; the edge still waits for its welcome.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, run: RunIdentifier, threads: Int,
    logger: Logger
  ) throws {
    self.connection = connection
    self.configuration = configuration
    self.run = run
    self.threads = threads
    self.logger = logger
    model = try CloudModel(configuration, threads: threads)
    inbox = CloudInbox(connection, configuration, shape: model.network.cutShape)
  }

  /// Welcomes the edge, trains, and writes the run's files, whatever happens.
  ///
  /// - Parameter directory: a path that does not hold a run yet.
  /// - Returns: the summary that was written.
  /// - Throws: what ended the run early; the edge has been told, the logs are complete up to that step.
  package func run(in directory: String, interruption: Interruption) throws -> RunSummary {
    let token = interruption.add { [inbox] in inbox.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var recorder: RunRecorder?
    do {
      let started = try RunRecorder(
        RunDirectory(creating: directory), configuration, role: .cloud, run: run, threads: threads)
      recorder = started
      try connection.send(
        .welcome(Welcome(maximumFrameBytes: connection.maximumFrameBytes, softwareVersion: Software.version)))
      inbox.start()
      try serve(started)
    } catch {
      clock.end()
      if error is InterruptedError {
        connection.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 2)
      } else {
        let code = RunExit(error).failureCode
        connection.close(sending: .failure(Failure(code: code, reason: RunRole.cloud.text(of: error))), within: 2)
      }
      inbox.stop()
      // The error that ended the run is the one to report, even if the log cannot be completed.
      do { try recorder?.finish(error, connection.ledger, clock: clock) } catch let logError {
        logger.error("the logs are incomplete: \(logError)")
      }
      throw error
    }
    connection.close()
    inbox.stop()
    guard let recorder else { preconditionFailure("a run without files") }
    try recorder.finish(nil, connection.ledger)
    return recorder.summary
  }

  private func serve(_ recorder: RunRecorder) throws {
    while true {
      switch try clock.waiting({ try inbox.next() }) {
      case .training(let batch):
        if !clock.isRunning { clock.begin() }
        try train(batch, recorder)
      case .evaluation(let batch):
        clock.end()
        try evaluate(batch)
      case .epochEnd(let end, let receivedBefore, let receivedWith):
        clock.end()
        try LedgerMismatchError.check("from edge to cloud", here: receivedBefore, there: end.sent)
        try endEpoch(end, received: receivedWith, recorder)
      case .goodbye(.completed):
        guard recorder.summary.completedEpochs == configuration.epochs else {
          throw WireError.order(
            expected: "\(configuration.epochs) epochs", actual: "goodbye after \(recorder.summary.completedEpochs)")
        }
        return
      case .goodbye(.interrupted): throw TrainingError.peerInterrupted(peer: "edge")
      }
    }
  }

  private func train(_ batch: CloudInbox.FeatureBatch, _ recorder: RunRecorder) throws {
    guard completedSteps < configuration.totalSteps else {
      throw WireError.order(expected: "\(configuration.totalSteps) train-batches", actual: "one more")
    }
    let values = configuration.scheduled(step: completedSteps)
    let result = batch.labels.withUnsafeBufferPointer { model.train(batch.features, labels: $0, values) }
    guard result.loss.isFinite else {
      throw TrainingError.diverged(step: completedSteps + 1, loss: result.loss)
    }
    try recorder.step(
      completedSteps, epoch: recorder.summary.completedEpochs + 1, loss: result.loss,
      learningRate: values.learningRate, images: batch.labels.count, connection.ledger)
    completedSteps += 1
    epoch.images += batch.labels.count
    epoch.trainingLoss += result.loss * Double(batch.labels.count)
    try acknowledge(batch, result)
  }

  private func evaluate(_ batch: CloudInbox.FeatureBatch) throws {
    let result = batch.labels.withUnsafeBufferPointer { model.evaluate(batch.features, labels: $0) }
    epoch.testImages += batch.labels.count
    epoch.testLoss += result.loss * Double(batch.labels.count)
    epoch.correct += result.correct
    try acknowledge(batch, result)
  }

  private func acknowledge(_ batch: CloudInbox.FeatureBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    inbox.recycle(batch.features)
    // A test loss may overflow a Float, or be infinite; it is only shown.
    let loss = Float(result.loss)
    try connection.send(
      .acknowledgement(
        Acknowledgement(
          sequence: batch.sequence, loss: loss.isFinite ? loss : .greatestFiniteMagnitude, correct: result.correct)))
  }

  private func endEpoch(_ end: EpochEnd, received: ByteCounts, _ recorder: RunRecorder) throws {
    let number = end.epoch
    let exitAccuracy = end.exitCount > 0 ? Double(end.exitCorrect) / Double(end.exitCount) : nil
    let accuracy = epoch.testImages > 0 ? Double(epoch.correct) / Double(epoch.testImages) : nil
    let trainLoss = epoch.trainingLoss / Double(max(1, epoch.images))
    try recorder.epoch(
      number, trainLoss: trainLoss, exitAccuracy: exitAccuracy, finalAccuracy: accuracy, clock: clock, connection.ledger)
    try Checkpoint.write(
      [model.network.rest], configuration, role: .cloud, epoch: number, step: completedSteps,
      to: recorder.directory.path(of: Checkpoint.cloudFile))
    // Read just before the report is built: it holds what was sent before it.
    let testLoss = epoch.testLoss / Double(max(1, epoch.testImages))
    try connection.send(
      .epochReport(
        EpochReport(
          epoch: number, meanTrainingLoss: trainLoss, finalLoss: testLoss.isFinite ? testLoss : nil,
          finalCorrect: epoch.correct, finalCount: epoch.testImages, busySeconds: clock.busySeconds,
          idleSeconds: clock.idleSeconds, received: received, sent: connection.ledger.sent)))
    logger.info(
      """
      epoch \(number)/\(configuration.epochs): loss \(Formatting.fixed(trainLoss, decimals: 4)), \
      accuracy exit \(Formatting.percent(exitAccuracy)), final \(Formatting.percent(accuracy))
      """
    )
    epoch = EpochTotals()
    clock = TrainingClock()
  }
}
