import Compute
import Datasets
import Logging
import NeuralNetwork
import Transport

/// One run on the edge: trains front and exit, streams the features, and collects both accuracies.
package final class EdgeSession {
  /// What a run needs beside its configuration.
  package struct Options {
    package var cloud: Endpoint
    package var threads: Int
    /// Seconds without progress of the peer after which the run ends.
    package var timeout: Double
    /// Where the run's files go.
    package var directory: String
    package var run: RunIdentifier
    /// The system calls that write the files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Where the times of the run are recorded.
    package var timeline: Timeline?

    package init(cloud: Endpoint, threads: Int, timeout: Double, directory: String, run: RunIdentifier) {
      self.cloud = cloud
      self.threads = threads
      self.timeout = timeout
      self.directory = directory
      self.run = run
    }
  }

  private let configuration: RunConfiguration
  private let options: Options
  private let model: EdgeModel
  private let codec: ActivationCodec
  private let trainLoader: BatchLoader
  private let testLoader: BatchLoader
  private let interruption: Interruption
  private let logger: Logger
  private let progress: ProgressReporter

  // Of the run under way.
  private var completedSteps = 0
  private var clock: TrainingClock

  /// Builds the network and starts to load; nothing is sent yet.
  ///
  /// - Throws: `ConfigurationError`, `ShapeError`, `DatasetError`.
  package init(
    _ configuration: RunConfiguration, _ options: Options, train: any LabeledImages, test: any LabeledImages,
    interruption: Interruption, logger: Logger, progress: ProgressReporter
  ) throws {
    try configuration.validate()
    precondition(train.count == configuration.trainImages && test.count == configuration.testImages)
    self.configuration = configuration
    self.options = options
    self.interruption = interruption
    self.logger = logger
    self.progress = progress
    clock = TrainingClock(timeline: options.timeline)
    options.timeline?.begin(options.run)
    model = try EdgeModel(configuration, threads: options.threads)
    model.timeline = options.timeline
    let record = options.timeline.map { timeline in
      { @Sendable (start: UInt64, end: UInt64) in timeline.record(.load, from: start, to: end) }
    }
    codec = ActivationCodec(format: configuration.activations)
    trainLoader = try BatchLoader(
      .training(train, batchSize: configuration.batchSize, seed: configuration.seed), onPrepared: record)
    testLoader = try BatchLoader(
      .evaluation(test, batchSize: configuration.batchSize), prefetch: 1, onPrepared: record)
  }

  /// Connects, trains, and writes the run's files, whatever happens.
  ///
  /// - Returns: the summary that was written.
  /// - Throws: what ended the run early; the cloud has been told, the logs are complete up to that step.
  package func run() throws -> RunSummary {
    let directory = try RunDirectory(creating: options.directory, operations: options.operations)
    let connection = try connect()
    let link = EdgeLink(connection, window: configuration.window, timeline: options.timeline)
    let token = interruption.add { link.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var recorder: RunRecorder?
    do {
      let started = try RunRecorder(
        directory, configuration, role: .edge, run: options.run, threads: options.threads,
        timeline: options.timeline)
      recorder = started
      for epoch in 1...configuration.epochs { try train(epoch, link, started) }
    } catch {
      let error = interruption.verdict(on: error)
      progress.finish()
      clock.end()
      link.close(sending: Message(lastWordFor: error, of: .edge))
      // The error that ended the run is the one to report, even if the log cannot be completed.
      do {
        try recorder?.finish(
          error, connection.ledger, linkBusySeconds: connection.sendingSeconds, clock: clock)
      } catch let logError {
        if !(error is RunDirectoryError) { logger.error("the logs are incomplete: \(logError)") }
      }
      throw error
    }
    progress.finish()
    link.close(sending: .goodbye(Goodbye(reason: .completed)))
    guard let recorder else { preconditionFailure("a run without files") }
    try recorder.finish(nil, connection.ledger, linkBusySeconds: connection.sendingSeconds)
    return recorder.summary
  }

  private func connect() throws -> FramedConnection {
    let cancellation = try Cancellation()
    let token = interruption.add { cancellation.cancel() }
    // Not cancelled after the handshake: what is on its way arrives whole.
    defer { interruption.remove(token) }
    do {
      let socket = try Socket.connect(to: options.cloud, timeout: options.timeout, cancellation: cancellation)
      let connection = FramedConnection(socket, role: .edge, cancellation: cancellation)
      let helloSent = Timestamp.now().secondsSince1970
      let welcome = try Handshake.connect(
        connection,
        hello: Hello(runID: "\(options.run)", window: configuration.window, configuration: configuration))
      if let clock = welcome.clock {
        options.timeline?.note(
          Timeline.ClockOffset(
            helloSent: helloSent, helloReceived: clock.helloReceived, welcomeSent: clock.welcomeSent,
            welcomeReceived: Timestamp.now().secondsSince1970))
      }
      try connection.shape(configuration.link)
      logger.info("connected to the cloud at \(options.cloud), version \(welcome.softwareVersion)")
      if configuration.link != .none { logger.info("the link, in both directions: \(configuration.link)") }
      return connection
    } catch let error as WireError where error.field == "magic" {
      throw TrainingError.notATrainer(address: "\(options.cloud)", reason: "\(error)")
    } catch {
      throw interruption.verdict(on: error)
    }
  }

  // MARK: One epoch

  private func train(_ epoch: Int, _ link: EdgeLink, _ recorder: RunRecorder) throws {
    clock = TrainingClock(timeline: options.timeline)
    clock.begin()
    progress.beginEpoch(epoch)
    var images = 0
    var lossSum = 0.0
    trainLoader.startEpoch(epoch - 1)
    while let batch = try clock.waiting({ try trainLoader.next() }) {
      let values = configuration.scheduled(step: completedSteps)
      let features = model.forward(batch.images, count: batch.count, training: true)
      try send(features, batch.labels, link) { .trainBatch($0) }
      let result = model.train(features, labels: batch.labels, values)
      guard result.loss.isFinite else {
        throw TrainingError.diverged(step: completedSteps + 1, loss: result.loss)
      }
      try recorder.step(
        completedSteps, epoch: epoch, loss: result.loss, learningRate: values.learningRate,
        images: batch.count,
        link.ledger)
      completedSteps += 1
      images += batch.count
      lossSum += result.loss * Double(batch.count)
      progress.update(report(epoch, images, result.loss, link))
    }
    try clock.waiting { try link.awaitAcknowledgements() }
    clock.end()

    let exitCorrect = try evaluate(link)
    let exit = Double(exitCorrect) / Double(configuration.testImages)
    let cloud = try endEpoch(epoch, exitCorrect: exitCorrect, link)
    let epochClock = clock
    clock = TrainingClock(timeline: options.timeline)
    try recorder.epoch(
      epoch, trainLoss: lossSum / Double(images), exitAccuracy: exit,
      finalAccuracy: Double(cloud.finalCorrect) / Double(max(1, cloud.finalCount)), clock: epochClock,
      link.ledger)
    try Checkpoint.write(
      [model.network.front, model.network.exit], configuration, role: .edge, epoch: epoch,
      step: completedSteps, to: recorder.directory.path(of: Checkpoint.edgeFile),
      operations: options.operations)
    progress.endEpoch(
      report(epoch, images, lossSum / Double(images), link, final: cloud.meanTrainingLoss),
      note: "accuracy exit \(Formatting.percent(exit)), final "
        + Formatting.percent(recorder.summary.finalAccuracy ?? .nan))
  }

  /// Encodes and posts a batch, once there is a place in the window.
  private func send(
    _ features: Tensor, _ labels: UnsafeBufferPointer<UInt8>, _ link: EdgeLink,
    _ message: (Transport.Batch) -> Message
  ) throws {
    let sequence = try clock.waiting { try link.reserve() }
    var bytes: [UInt8] = []
    do {
      try options.timeline.measure(.encode) {
        try codec.encode(features.data, shape: features.activationShape, into: &bytes)
      }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteFeatures(step: completedSteps + 1, reason: "\(error)")
    }
    link.post(message(Transport.Batch(sequence: sequence, labels: Array(labels), activations: bytes)))
  }

  /// Sends the features of the test images.
  ///
  /// - Returns: how many of them the exit gets right.
  private func evaluate(_ link: EdgeLink) throws -> Int {
    var correct = 0
    testLoader.startEpoch(0)
    while let batch = try clock.waiting({ try testLoader.next() }) {
      let features = model.forward(batch.images, count: batch.count, training: false)
      try send(features, batch.labels, link) { .evaluationBatch($0) }
      let result = model.evaluate(features, labels: batch.labels)
      guard result.loss.isFinite else {
        throw TrainingError.divergedInEvaluation(step: completedSteps, loss: result.loss)
      }
      correct += result.correct
    }
    try clock.waiting { try link.awaitAcknowledgements() }
    return correct
  }

  /// Asks for the cloud's report and compares the byte counts of both sides.
  private func endEpoch(_ epoch: Int, exitCorrect: Int, _ link: EdgeLink) throws -> EpochReport {
    link.post(
      .epochEnd(
        EpochEnd(
          epoch: epoch, steps: configuration.stepsPerEpoch, sent: link.ledger.sent, exitCorrect: exitCorrect,
          exitCount: configuration.testImages)))
    let received = try clock.waiting { try link.awaitReport() }
    let report = received.report
    try LedgerMismatchError.check("from edge to cloud", here: link.ledger.sent, there: report.received)
    try LedgerMismatchError.check("from cloud to edge", here: received.receivedBefore, there: report.sent)
    guard report.finalCount == configuration.testImages else {
      throw WireError.payload(
        type: .epochReport, field: "final_count", expected: "\(configuration.testImages)",
        actual: "\(report.finalCount)")
    }
    return report
  }

  private func report(
    _ epoch: Int, _ images: Int, _ exitLoss: Double, _ link: EdgeLink, final: Double? = nil
  ) -> Progress {
    Progress(
      epoch: epoch, epochs: configuration.epochs, images: images, imagesPerEpoch: configuration.trainImages,
      exitLoss: exitLoss, finalLoss: final ?? link.latestLoss, sentBytes: link.ledger.sent.total)
  }
}

extension Tensor {
  /// The shape as the codec has it.
  var activationShape: ActivationShape {
    ActivationShape(count: count, height: shape.height, width: shape.width, channels: shape.channels)
  }
}
