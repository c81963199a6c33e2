import Compute
import Datasets
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport
import Trust

/// One run on the edge: connects, lets the strategy train epoch by epoch, and writes the run's files.
package final class EdgeSession {
  private let configuration: RunConfiguration
  private let options: Options
  private let strategy: any EdgeStrategy
  private let interruption: Interruption
  private let logger: Logger
  private let progress: ProgressReporter
  /// What the run goes on from.
  private var checkpoint: Checkpoint.Reader?
  private var sentWeights: SentWeights?

  /// Builds the network and starts to load; nothing is sent yet.
  ///
  /// - Parameter checkpoint: of the run in the options' directory that is to be resumed, which the configuration
  ///   extends; nil for a new one.
  /// - Throws: `ConfigurationError`, `ShapeError`, `DatasetError`; `SafetensorsError`, `WeightsFileError` if the
  ///   checkpoint is not of such a network, or nothing of the initial weights is.
  package init(
    _ configuration: RunConfiguration, _ options: Options, resuming checkpoint: Checkpoint.Reader? = nil,
    train: any LabeledImages, test: any LabeledImages, interruption: Interruption, logger: Logger,
    progress: ProgressReporter
  ) throws {
    try configuration.validate()
    precondition(configuration.strategy.needsCloud || options.cloud == nil, "a cloud for edge-only")
    precondition(configuration.strategy.canBeOffline || options.cloud != nil, "no cloud")
    precondition(train.count == configuration.trainImages && test.count == configuration.testImages)
    precondition(train.task == configuration.task && test.task == configuration.task)
    self.configuration = configuration
    self.options = options
    self.interruption = interruption
    self.logger = logger
    self.progress = progress
    options.timeline?.begin(options.run)
    self.checkpoint = checkpoint
    strategy = try Self.strategy(configuration, options, train: train, test: test)
    if let checkpoint {
      try checkpoint.load(strategy.parts)
    } else {
      try options.initialWeights?.load(strategy.parts.map(\.layers), configuration, role: .edge, logger)
    }
  }

  private static func strategy(
    _ configuration: RunConfiguration, _ options: Options, train: any LabeledImages, test: any LabeledImages
  ) throws -> any EdgeStrategy {
    func network() throws -> LocalNetwork { try LocalNetwork(configuration, compute: options.compute) }
    func images() throws -> PreparedImages {
      try PreparedImages(train: train, test: test, configuration, timeline: options.timeline)
    }
    return switch configuration.strategy {
    case .hierarchical: try HierarchicalEdge(configuration, network(), images())
    case .split: try SplitEdge(configuration, network(), images())
    case .cloudStream:
      try StreamEdge(ImageRecords(configuration, train: train, test: test, timeline: options.timeline))
    case .cloudUploadOnce:
      try UploadEdge(ImageRecords(configuration, train: train, test: test, timeline: options.timeline))
    case .edgeOnly: try EdgeOnly(network(), images())
    }
  }

  /// Connects, trains, and writes the run's files, whatever happens.
  ///
  /// - Returns: the summary that was written.
  /// - Throws: what ended the run early; the cloud has been told, the logs are complete up to that step.
  package func run() throws -> RunSummary {
    while true {
      do { return try runOnce() } catch let error as EarlierPositionError { try goBack(after: error) }
    }
  }

  /// Loads the state that the cloud has, too.
  private func goBack(after error: EarlierPositionError) throws {
    let readers = try Checkpoint.read(RunDirectory(resuming: options.directory), role: .edge) { _ in }
    let places = [error.applied, error.applied - min(1, error.applied)]
    guard let reader = readers.first(where: { places.contains($0.position) }) else { throw error }
    logger.notice(
      "the cloud's last state is an earlier one: this side goes back to step \(reader.progress.state.completedSteps), too"
    )
    try reader.load(strategy.parts)
    checkpoint = reader
  }

  private func runOnce() throws -> RunSummary {
    let directory =
      if checkpoint == nil { try RunDirectory(creating: options.directory, operations: options.operations) } else {
        try RunDirectory(resuming: options.directory, operations: options.operations)
      }
    try prepareWeights(in: directory)
    let ending = Guarded<EdgeLink?>(nil)
    let token = interruption.add { [configuration] in
      ending.withLock { $0 }?.interrupt(afterSeconds: configuration.strategy.isInLockStep ? 2 : 0)
    }
    defer {
      interruption.remove(token)
      ending.withLock { $0 }?.end()
    }
    var link: EdgeLink?
    var keeper: LinkKeeper?
    var run: EdgeRun?
    do {
      // A new run begins when its cloud is there; one that goes on need not wait for it.
      let first = checkpoint == nil ? try dialer.map { try connect($0) } : nil
      var recorder: RunRecorder?
      let started: EdgeRun
      do {
        // It locks the directory, before anything in it is touched.
        let opened = try openRecorder(in: directory)
        recorder = opened
        let checkpoints = try makeCheckpoints(in: directory)
        link = try makeLink(directory, checkpoints, first: first)
        ending.withLock { $0 = link }
        if interruption.isRequested { link?.fail(InterruptedError()) }
        started = EdgeRun(
          configuration,
          EdgeRun.Options(settings: options.settings, isOffline: isOffline, timeline: options.timeline),
          link: link, recorder: opened, checkpoints: checkpoints, from: checkpoint?.progress, progress: progress,
          interruption: interruption, logger: logger)
      } catch {
        first?.connection.close(sending: Message(lastWordFor: error, of: .edge), within: 2)
        recorder?.finish(after: error, checkpoint?.progress.traffic ?? RunTraffic(), clock: nil, logger)
        throw error
      }
      run = started
      keeper = try keepConnected(link, started)
      if checkpoint == nil { try started.checkpointBeginning() }
      // Whoever resumes it once more need not say how many epochs it has.
      if let checkpoint, checkpoint.configuration != configuration { try started.checkpointEnd() }
      try strategy.prepare(started)
      while started.isUnfinished { try started.epoch(strategy) }
      if isOffline { return try endUndelivered(started) }
      try started.deliver()
      // If this process ends after the cloud has, nothing is left to ask it for.
      try started.checkpointEnd()
      try started.awaitCheckpoint()
    } catch {
      let error = interruption.verdict(on: error)
      progress.finish()
      var clock = run?.clock
      clock?.end()
      keeper?.stop()
      link?.detach(sending: Message(lastWordFor: error, of: .edge))
      if checkpoint == nil, run == nil { sentWeights?.remove() }
      run?.recorder.finish(after: error, run?.traffic ?? RunTraffic(), clock: clock, logger)
      if let run { endCheckpoints(of: run, after: error) }
      throw error
    }
    guard let run else { preconditionFailure("a run without files") }
    progress.finish()
    keeper?.stop()
    if let link, !link.isConnected { connectForGoodbye(link) }
    link?.detach(sending: .goodbye(Goodbye(reason: .completed)))
    try run.endCheckpoints(writing: false)
    try run.recorder.finish(nil, run.traffic)
    Checkpoint.remove(from: directory)
    SpooledRecords.remove(from: directory)
    sentWeights?.remove()
    return run.recorder.summary
  }

  /// Writes the weights for the cloud, or finds those that were written when the run began.
  private func prepareWeights(in directory: RunDirectory) throws {
    sentWeights =
      checkpoint != nil
      ? try SentWeights(of: options.run, in: directory)
      : try options.cloudWeights.map { try SentWeights($0, configuration, of: options.run, in: directory) }
  }

  /// Whether there is no cloud for now.
  private var isOffline: Bool { configuration.strategy.needsCloud && options.cloud == nil }

  // MARK: Records and the link

  private typealias Connection = (connection: FramedConnection, welcome: Welcome)

  /// The link of a strategy with a cloud, connected if there is a connection.
  private func makeLink(_ directory: RunDirectory, _ checkpoints: CheckpointWriter, first: Connection?) throws
    -> EdgeLink?
  {
    guard configuration.strategy.needsCloud else { return nil }
    let position = checkpoint?.progress.records ?? RunProgress.Records()
    let records: any RecordStore
    if let made = strategy.records {
      records = made
    } else if let limit = options.settings.spool, configuration.strategy.canBeOffline {
      records = try SpooledRecords(in: directory, run: options.run, first: position.last + 1, limit: limit)
      guard records.next > position.last else {
        throw RunDirectoryError.incomplete(
          path: directory.path(of: SpooledRecords.directory), expected: "records up to \(position.last)",
          actual: "none from \(records.next) on")
      }
    } else {
      records = MemoryRecords(window: configuration.window, first: position.last + 1)
    }
    let link = EdgeLink(
      records, window: configuration.window, keepsAcknowledgements: !configuration.strategy.hasExit, after: position,
      positions: configuration.strategy.isInLockStep ? checkpoints.positions : nil,
      timeline: options.timeline)
    if let (connection, welcome) = first {
      do { try link.attach(connection, welcome) } catch {
        link.detach(sending: Message(lastWordFor: error, of: .edge))
        throw error
      }
    }
    return link
  }

  /// Lets a connection that is lost be replaced, if that is wanted.
  private func keepConnected(_ link: EdgeLink?, _ run: EdgeRun) throws -> LinkKeeper? {
    let limit = options.settings.reconnectFor
    guard let link, let dialer, run.isUndelivered, limit != 0 || checkpoint != nil else { return nil }
    let keeper = LinkKeeper(
      link, dialer, limit: limit, pauses: options.pauses, logger: logger, log: run.recorder.logsEvents)
    try keeper.start()
    return keeper
  }

  private func openRecorder(in directory: RunDirectory) throws -> RunRecorder {
    guard let checkpoint else {
      return try RunRecorder(
        directory, configuration, role: .edge, run: options.run, compute: options.compute,
        command: options.settings.command, initialWeights: options.initialWeights?.digest, timeline: options.timeline)
    }
    return try RunRecorder(
      resuming: directory, configuration, role: .edge, at: checkpoint.progress, compute: options.compute,
      command: options.settings.command, timeline: options.timeline)
  }

  private func makeCheckpoints(in directory: RunDirectory) throws -> CheckpointWriter {
    try CheckpointWriter(
      directory, configuration, role: .edge, run: options.run, parts: strategy.parts, after: checkpoint?.number ?? 0,
      kept: checkpoint != nil && configuration.strategy.isInLockStep
        ? Checkpoint.read(directory, role: .edge) { _ in } : [],
      interval: options.settings.checkpointInterval)
  }

  // MARK: Endings

  /// Writes the last state of a run that the user or the cloud has ended, or that has none, and says how to go on.
  private func endCheckpoints(of run: EdgeRun, after error: any Error) {
    let isGoingBack = error is EarlierPositionError
    let isWhole = [ErrorKind.interrupted, .link, .untrusted, .refused].contains(ErrorKind(error))
    do { try run.endCheckpoints(writing: isWhole) } catch let fileError {
      if !(error is FileError) { logger.error("the last checkpoint was not written: \(fileError)") }
    }
    if !isGoingBack { logger.notice("to go on: edge-trainer resume \(options.directory)") }
  }

  /// Ends a run that is trained, and of which the cloud has nothing yet.
  private func endUndelivered(_ run: EdgeRun) throws -> RunSummary {
    progress.finish()
    let summary = try run.recorder.finish(nil, run.traffic, outcome: .undelivered)
    try run.endCheckpoints(writing: true)
    logger.notice("to deliver it: edge-trainer resume \(options.directory) --cloud host:port (or --local)")
    return summary
  }

  /// Connects once more to tell the cloud that the run is complete, since there is no connection to tell it. A cloud
  /// that cannot be reached, or knows already, need not be told.
  private func connectForGoodbye(_ link: EdgeLink) {
    link.detach(sending: nil)
    guard let dialer, let (connection, welcome) = try? dialer.dial(link.offer) else { return }
    try? link.attach(connection, welcome)
  }

  // MARK: Connecting

  /// The first connection of a run.
  private func connect(_ dialer: EdgeDialer) throws -> Connection {
    let offer =
      configuration.strategy.isInLockStep
      ? ResumeOffer(positions: [0]) : ResumeOffer(first: 1, answered: 0)
    guard options.waits else { return try dialer.dial(offer) }
    return try EdgeConnector.waiting(for: dialer.cloud, logger: logger, rest: interruption.rest) {
      try dialer.dial(offer)
    }
  }

  private lazy var dialer = options.cloud.map {
    EdgeDialer(
      cloud: $0, trust: options.settings.trust ?? TrustSettings(), run: options.run, configuration: configuration,
      weights: sentWeights, timeout: options.settings.timeout, timeline: options.timeline, interruption: interruption,
      operations: options.socketOperations, logger: logger)
  }
}
