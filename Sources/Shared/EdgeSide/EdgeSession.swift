import Compute
import Datasets
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport

/// One run on the edge: connects, lets the strategy train epoch by epoch, and writes the run's files.
package final class EdgeSession {
  /// What a run needs beside its configuration.
  package struct Options {
    /// Nil for a strategy without a cloud.
    package var cloud: Endpoint?
    package var compute: ComputeSettings
    /// Where the run's files go.
    package var directory: String
    package var run: RunIdentifier
    /// What the command that resumes the run need not be told again.
    package var settings: RunProgress.Settings
    /// Whether a cloud that is not there yet, or busy, is waited for.
    package var waits = false
    /// The system calls that write the files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Where the times of the run are recorded.
    package var timeline: Timeline?

    package init(
      cloud: Endpoint?, compute: ComputeSettings, directory: String, run: RunIdentifier, settings: RunProgress.Settings
    ) {
      self.settings = settings
      self.cloud = cloud
      self.compute = compute
      self.directory = directory
      self.run = run
    }
  }

  private let configuration: RunConfiguration
  private let options: Options
  private let strategy: any EdgeStrategy
  private let interruption: Interruption
  private let logger: Logger
  private let progress: ProgressReporter
  /// What the run goes on from.
  private let checkpoint: Checkpoint.Reader?

  /// Builds the network and starts to load; nothing is sent yet.
  ///
  /// - Parameter checkpoint: of the run in the options' directory that is to be resumed; nil for a new one.
  /// - Throws: `ConfigurationError`, `ShapeError`, `DatasetError`; `SafetensorsError`, `WeightsFileError` if the
  ///   checkpoint is not of such a network.
  package init(
    _ configuration: RunConfiguration, _ options: Options, resuming checkpoint: Checkpoint.Reader? = nil,
    train: any LabeledImages, test: any LabeledImages, interruption: Interruption, logger: Logger,
    progress: ProgressReporter
  ) throws {
    try configuration.validate()
    precondition(
      (options.cloud != nil) == configuration.strategy.needsCloud,
      "strategy \(configuration.strategy.rawValue) with cloud \(String(describing: options.cloud))")
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
    try checkpoint?.load(strategy.parts)
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
    case .cloudStream: StreamEdge(configuration, train: train, test: test)
    case .cloudUploadOnce: UploadEdge(train: train, test: test)
    case .edgeOnly: try EdgeOnly(network(), images())
    }
  }

  /// Connects, trains, and writes the run's files, whatever happens.
  ///
  /// - Returns: the summary that was written.
  /// - Throws: what ended the run early; the cloud has been told, the logs are complete up to that step.
  package func run() throws -> RunSummary {
    let directory =
      if checkpoint == nil { try RunDirectory(creating: options.directory, operations: options.operations) } else {
        try RunDirectory(resuming: options.directory, operations: options.operations)
      }
    let link = options.cloud.map { _ in EdgeLink(window: configuration.window, timeline: options.timeline) }
    let token = interruption.add { link?.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var run: EdgeRun?
    do {
      if let cloud = options.cloud { try link?.attach(try connect(to: cloud)) }
      let started = try begin(in: directory, link)
      run = started
      if checkpoint == nil { try started.checkpoint() }
      try strategy.prepare(started)
      while started.isUnfinished { try started.epoch(strategy) }
    } catch {
      let error = interruption.verdict(on: error)
      progress.finish()
      var clock = run?.clock
      clock?.end()
      link?.detach(sending: Message(lastWordFor: error, of: .edge))
      run?.recorder.finish(
        after: error, link?.ledger ?? ByteLedger(), linkBusySeconds: link?.sendingSeconds ?? 0, clock: clock, logger)
      if let run { endCheckpoints(of: run, after: error) }
      throw error
    }
    progress.finish()
    link?.detach(sending: .goodbye(Goodbye(reason: .completed)))
    guard let run else { preconditionFailure("a run without files") }
    try run.endCheckpoints(writing: false)
    try run.recorder.finish(nil, run.ledger, linkBusySeconds: link?.sendingSeconds ?? 0)
    Checkpoint.remove(from: directory)
    return run.recorder.summary
  }

  private func begin(in directory: RunDirectory, _ link: EdgeLink?) throws -> EdgeRun {
    let recorder =
      if let checkpoint {
        try RunRecorder(
          resuming: directory, configuration, role: .edge, at: checkpoint.progress.logs, compute: options.compute,
          timeline: options.timeline)
      } else {
        try RunRecorder(
          directory, configuration, role: .edge, run: options.run, compute: options.compute, timeline: options.timeline)
      }
    let checkpoints =
      try configuration.strategy.isResumable
      ? CheckpointWriter(
        directory, configuration, role: .edge, run: options.run, parts: strategy.parts,
        after: checkpoint?.number ?? 0, interval: options.settings.checkpointInterval) : nil
    return EdgeRun(
      configuration, link: link, recorder: recorder, checkpoints: checkpoints, settings: options.settings,
      from: checkpoint?.progress, progress: progress, interruption: interruption, timeline: options.timeline)
  }

  /// Writes the last state of a run that was interrupted, and says how to go on.
  private func endCheckpoints(of run: EdgeRun, after error: any Error) {
    do { try run.endCheckpoints(writing: error is InterruptedError) } catch let fileError {
      if !(error is FileError) { logger.error("the last checkpoint was not written: \(fileError)") }
    }
    if configuration.strategy.isResumable { logger.notice("to go on: edge-trainer resume \(options.directory)") }
  }

  private func connect(to cloud: Endpoint) throws -> FramedConnection {
    let hello = try Hello(
      runID: "\(options.run)", window: configuration.window, exchange: configuration.strategy.exchange,
      configuration: configuration)
    let maximumFrameBytes = max(FrameHeader.defaultMaximumFrameBytes, try configuration.largestFrameBytes())
    func attempt() throws -> (FramedConnection, EdgeConnector.Greeting) {
      try EdgeConnector.connect(
        cloud, hello, link: configuration.link, maximumFrameBytes: maximumFrameBytes, timeout: options.settings.timeout,
        interruption: interruption, logger: logger)
    }
    let (connection, greeting) =
      try options.waits
      ? EdgeConnector.waiting(for: cloud, logger: logger, rest: interruption.rest, attempt) : attempt()
    if let clock = greeting.welcome.clock {
      options.timeline?.note(
        Timeline.ClockOffset(
          helloSent: greeting.helloSent, helloReceived: clock.helloReceived, welcomeSent: clock.welcomeSent,
          welcomeReceived: greeting.welcomeReceived))
    }
    return connection
  }
}
