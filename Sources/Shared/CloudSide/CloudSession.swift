import Compute
import Logging
import NeuralNetwork
import Transport

/// One run in the cloud: trains the rest, or the whole network, with what one edge sends.
package final class CloudSession {
  private let configuration: RunConfiguration
  private let connection: FramedConnection
  private let work: any CloudWork
  private let inbox: CloudInbox
  /// Where the images are uploaded.
  private let uploadedEpochs: UploadedEpochs?
  private let run: RunIdentifier
  private let compute: ComputeSettings
  private let logger: Logger
  private let timeline: Timeline?
  /// When the edge's hello was there, in seconds since 1970.
  private let helloReceived: Double

  /// Builds the network for a hello that was accepted; the edge still waits for its welcome.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network, `ConfigurationError` if it needs no cloud.
  package init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, run: RunIdentifier,
    compute: ComputeSettings,
    logger: Logger, timeline: Timeline? = nil
  ) throws {
    helloReceived = Timestamp.now().secondsSince1970
    self.timeline = timeline
    timeline?.begin(run)
    self.connection = connection
    self.configuration = configuration
    self.run = run
    self.compute = compute
    self.logger = logger
    switch configuration.strategy {
    case .hierarchical, .split:
      let shape = try SplitNetwork(configuration.network).cutShape
      inbox = CloudInbox(
        connection, configuration, shape: shape, decoder: FeatureDecoder(configuration, shape: shape),
        timeline: timeline)
      work =
        configuration.strategy == .split
        ? try SplitCloud(configuration, inbox, compute: compute, timeline: timeline)
        : try HierarchicalCloud(configuration, compute: compute, timeline: timeline)
      uploadedEpochs = nil
    case .cloudStream, .cloudUploadOnce:
      let whole = try WholeCloud(configuration, compute: compute, timeline: timeline)
      work = whole
      let uploaded = configuration.strategy == .cloudUploadOnce ? UploadedImages(configuration) : nil
      let inbox = CloudInbox(
        connection, configuration, shape: Architecture.imageShape, decoder: ImageDecoder(configuration),
        uploaded: uploaded, timeline: timeline)
      self.inbox = inbox
      uploadedEpochs = uploaded.map { UploadedEpochs($0, configuration, whole, inbox, timeline: timeline) }
    case .edgeOnly: throw ConfigurationError("strategy edge-only has no cloud")
    }
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
    var run: CloudRun?
    do {
      let recorder = try RunRecorder(
        RunDirectory(creating: directory, operations: operations), configuration, role: .cloud, run: self.run,
        compute: compute, timeline: timeline)
      let started = CloudRun(
        configuration, connection, work, recorder: recorder, logger: logger, timeline: timeline)
      run = started
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
      run?.clock.end()
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
        try run?.recorder.finish(
          error, connection.ledger, linkBusySeconds: connection.sendingSeconds,
          clock: run?.clock ?? TrainingClock())
      } catch let logError {
        if !(error is RunDirectoryError) { logger.error("the logs are incomplete: \(logError)") }
      }
      throw error
    }
    connection.close()
    inbox.stop()
    disconnected()
    guard let run else { preconditionFailure("a run without files") }
    try run.recorder.finish(nil, connection.ledger, linkBusySeconds: connection.sendingSeconds)
    return run.recorder.summary
  }

  private func serve(_ run: CloudRun) throws {
    while true {
      switch try run.clock.waiting({ try inbox.next() }) {
      case .training(let batch):
        if !run.clock.isRunning { run.clock.begin() }
        try acknowledge(batch, run.train(batch))
      case .evaluation(let batch):
        run.clock.end()
        try acknowledge(batch, run.evaluate(batch))
      case .stored(let sequence):
        try inbox.send(.acknowledgement(Acknowledgement(sequence: sequence, loss: 0, correct: 0)))
      case .epochEnd(let end, let receivedBefore, let receivedWith):
        run.clock.end()
        try uploadedEpochs?.run(end.epoch, run)
        try run.endEpoch(end, receivedBefore: receivedBefore, receivedWith: receivedWith)
      case .completed:
        let completed = run.recorder.summary.completedEpochs
        guard completed == configuration.epochs else {
          throw WireError.order(
            expected: "\(configuration.epochs) epochs", actual: "goodbye after \(completed)")
        }
        return
      }
    }
  }

  private func acknowledge(_ batch: CloudInbox.Batch, _ result: SoftmaxCrossEntropy.Result) throws {
    inbox.recycle(batch.input)
    try inbox.send(
      .acknowledgement(
        Acknowledgement(sequence: batch.sequence, loss: result.wireLoss, correct: result.correct)))
  }
}
