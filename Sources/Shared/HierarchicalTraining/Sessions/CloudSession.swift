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
  private let timeline: Timeline?
  /// When the edge's hello was there, in seconds since 1970.
  private let helloReceived: Double

  // Of the run under way.
  private var completedSteps = 0
  private var clock: TrainingClock
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
    logger: Logger, timeline: Timeline? = nil
  ) throws {
    helloReceived = Timestamp.now().secondsSince1970
    self.timeline = timeline
    timeline?.begin(run)
    clock = TrainingClock(timeline: timeline)
    self.connection = connection
    self.configuration = configuration
    self.run = run
    self.threads = threads
    self.logger = logger
    model = try CloudModel(configuration, threads: threads)
    model.timeline = timeline
    inbox = CloudInbox(
      connection, configuration, shape: model.network.cutShape, timeline: timeline)
  }

  /// Welcomes the edge, trains, and writes the run's files, whatever happens.
  ///
  /// - Parameters:
  ///   - directory: a path that does not hold a run yet.
  ///   - interruption: ends the session with a goodbye.
  ///   - operations: the system calls that write the files.
  ///   - disconnected: called once when the connection is closed, before the last files are written.
  /// - Returns: the summary that was written.
  /// - Throws: what ended the run early; the edge has been told, the logs are complete up to that step.
  package func run(
    in directory: String, interruption: Interruption, operations: FileOperations = .live,
    disconnected: () -> Void = {}
  ) throws -> RunSummary {
    let token = interruption.add { [inbox] in inbox.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var recorder: RunRecorder?
    do {
      let started = try RunRecorder(
        RunDirectory(creating: directory, operations: operations), configuration, role: .cloud, run: run,
        threads: threads, timeline: timeline)
      recorder = started
      try connection.send(
        .welcome(
          Welcome(
            maximumFrameBytes: connection.maximumFrameBytes, softwareVersion: Software.version,
            clock: Welcome.ClockReading(
              helloReceived: helloReceived, welcomeSent: Timestamp.now().secondsSince1970))))
      try connection.shape(configuration.link)
      inbox.start()
      try serve(started)
    } catch {
      let error = interruption.verdict(on: error)
      clock.end()
      let hasWelcomed = connection.conversation.phase != .greeted
      let lastWord: Message? =
        error is InterruptedError && !hasWelcomed
        ? .refusal(Refusal(code: .shuttingDown, reason: "the cloud was interrupted by its user"))
        : Message(lastWordFor: error, of: .cloud)
      connection.close(sending: lastWord, within: 2)
      inbox.stop()
      disconnected()
      // The error that ended the run is the one to report, even if the log cannot be completed.
      do {
        try recorder?.finish(
          error, connection.ledger, linkBusySeconds: connection.sendingSeconds, clock: clock)
      } catch let logError {
        if !(error is RunDirectoryError) { logger.error("the logs are incomplete: \(logError)") }
      }
      throw error
    }
    connection.close()
    inbox.stop()
    disconnected()
    guard let recorder else { preconditionFailure("a run without files") }
    try recorder.finish(nil, connection.ledger, linkBusySeconds: connection.sendingSeconds)
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
        try checkEvaluation(batch, recorder)
        try evaluate(batch)
      case .epochEnd(let end, let receivedBefore, let receivedWith):
        clock.end()
        try checkEnd(end, recorder)
        try LedgerMismatchError.check("from edge to cloud", here: receivedBefore, there: end.sent)
        try endEpoch(end, received: receivedWith, recorder)
      case .completed:
        guard recorder.summary.completedEpochs == configuration.epochs else {
          throw WireError.order(
            expected: "\(configuration.epochs) epochs",
            actual: "goodbye after \(recorder.summary.completedEpochs)")
        }
        return
      }
    }
  }

  private func train(_ batch: CloudInbox.FeatureBatch, _ recorder: RunRecorder) throws {
    try checkTraining(batch, recorder)
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
    guard result.loss.isFinite else {
      throw TrainingError.divergedInEvaluation(step: completedSteps, loss: result.loss)
    }
    epoch.testImages += batch.labels.count
    epoch.testLoss += result.loss * Double(batch.labels.count)
    epoch.correct += result.correct
    try acknowledge(batch, result)
  }

  private func acknowledge(_ batch: CloudInbox.FeatureBatch, _ result: SoftmaxCrossEntropy.Result) throws {
    inbox.recycle(batch.features)
    // JSON holds no infinity; a loss that a Float cannot hold is only shown.
    let loss = Float(min(result.loss, Double(Float.greatestFiniteMagnitude)))
    do {
      _ = try timeline.measure(.send) {
        try connection.send(
          .acknowledgement(Acknowledgement(sequence: batch.sequence, loss: loss, correct: result.correct)))
      }
    } catch {
      throw inbox.explanation(of: error)
    }
  }

  private func endEpoch(_ end: EpochEnd, received: ByteCounts, _ recorder: RunRecorder) throws {
    let number = end.epoch
    let exitAccuracy = end.exitCount > 0 ? Double(end.exitCorrect) / Double(end.exitCount) : nil
    let accuracy = epoch.testImages > 0 ? Double(epoch.correct) / Double(epoch.testImages) : nil
    let trainLoss = epoch.trainingLoss / Double(max(1, epoch.images))
    let totals = epoch
    let epochClock = clock
    epoch = EpochTotals()
    clock = TrainingClock(timeline: timeline)
    try recorder.epoch(
      number, trainLoss: trainLoss, exitAccuracy: exitAccuracy, finalAccuracy: accuracy, clock: epochClock,
      connection.ledger)
    try Checkpoint.write(
      [model.network.rest], configuration, role: .cloud, epoch: number, step: completedSteps,
      to: recorder.directory.path(of: Checkpoint.cloudFile), operations: recorder.directory.operations)
    // Read just before the report is built: it holds what was sent before it.
    let testLoss = totals.testLoss / Double(max(1, totals.testImages))
    try connection.send(
      .epochReport(
        EpochReport(
          epoch: number, meanTrainingLoss: trainLoss, finalLoss: testLoss.isFinite ? testLoss : nil,
          finalCorrect: totals.correct, finalCount: totals.testImages, busySeconds: epochClock.busySeconds,
          idleSeconds: epochClock.idleSeconds, received: received, sent: connection.ledger.sent)))
    logger.info(
      """
      epoch \(number)/\(configuration.epochs): loss \(Formatting.fixed(trainLoss, decimals: 4)), \
      accuracy exit \(Formatting.percent(exitAccuracy)), final \(Formatting.percent(accuracy))
      """
    )
  }
}

// MARK: What the configuration promised

extension CloudSession {
  /// Steps of the epoch under way before this moment.
  private func stepsOfEpoch(_ recorder: RunRecorder) -> Int {
    completedSteps - recorder.summary.completedEpochs * configuration.stepsPerEpoch
  }

  /// - Throws: `WireError` for a step that the run does not have, or one of another size.
  private func checkTraining(_ batch: CloudInbox.FeatureBatch, _ recorder: RunRecorder) throws(WireError) {
    let step = stepsOfEpoch(recorder)
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
  private func checkEvaluation(_ batch: CloudInbox.FeatureBatch, _ recorder: RunRecorder) throws(WireError) {
    let steps = stepsOfEpoch(recorder)
    guard steps == configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.stepsPerEpoch) train-batches in an epoch",
        actual: "an evaluation-batch after \(steps)")
    }
    let count = epoch.testImages + batch.labels.count
    guard count <= configuration.testImages else {
      throw .payload(
        type: .evaluationBatch, field: "count", expected: "\(configuration.testImages) in an epoch",
        actual: "\(count)")
    }
  }

  /// - Throws: `WireError` for an epoch that lacks steps or test images.
  private func checkEnd(_ end: EpochEnd, _ recorder: RunRecorder) throws(WireError) {
    let steps = stepsOfEpoch(recorder)
    guard steps == configuration.stepsPerEpoch else {
      throw .order(
        expected: "\(configuration.stepsPerEpoch) train-batches in an epoch",
        actual: "an epoch-end after \(steps)")
    }
    for (field, count) in [("evaluation samples", epoch.testImages), ("exit_count", end.exitCount)]
    where count != configuration.testImages {
      throw .payload(
        type: .epochEnd, field: field, expected: "\(configuration.testImages)", actual: "\(count)")
    }
  }
}
