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
    /// Seconds without progress of the peer after which the run ends.
    package var timeout: Double
    /// Where the run's files go.
    package var directory: String
    package var run: RunIdentifier
    /// The system calls that write the files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Where the times of the run are recorded.
    package var timeline: Timeline?

    package init(cloud: Endpoint?, compute: ComputeSettings, timeout: Double, directory: String, run: RunIdentifier) {
      self.cloud = cloud
      self.compute = compute
      self.timeout = timeout
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

  /// Builds the network and starts to load; nothing is sent yet.
  ///
  /// - Throws: `ConfigurationError`, `ShapeError`, `DatasetError`.
  package init(
    _ configuration: RunConfiguration, _ options: Options, train: any LabeledImages, test: any LabeledImages,
    interruption: Interruption, logger: Logger, progress: ProgressReporter
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
    strategy = try Self.strategy(configuration, options, train: train, test: test)
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
    let directory = try RunDirectory(creating: options.directory, operations: options.operations)
    let link = options.cloud.map { _ in EdgeLink(window: configuration.window, timeline: options.timeline) }
    let token = interruption.add { link?.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var run: EdgeRun?
    do {
      if let cloud = options.cloud { try link?.attach(try connect(to: cloud)) }
      let recorder = try RunRecorder(
        directory, configuration, role: .edge, run: options.run, compute: options.compute, timeline: options.timeline)
      let started = EdgeRun(
        configuration, link: link, recorder: recorder, progress: progress, interruption: interruption,
        timeline: options.timeline)
      run = started
      try strategy.prepare(started)
      for _ in 1...configuration.epochs { try started.epoch(strategy) }
    } catch {
      let error = interruption.verdict(on: error)
      progress.finish()
      var clock = run?.clock
      clock?.end()
      link?.detach(sending: Message(lastWordFor: error, of: .edge))
      run?.recorder.finish(
        after: error, link?.ledger ?? ByteLedger(), linkBusySeconds: link?.sendingSeconds ?? 0, clock: clock, logger)
      throw error
    }
    progress.finish()
    link?.detach(sending: .goodbye(Goodbye(reason: .completed)))
    guard let run else { preconditionFailure("a run without files") }
    try run.recorder.finish(nil, run.ledger, linkBusySeconds: link?.sendingSeconds ?? 0)
    return run.recorder.summary
  }

  private func connect(to cloud: Endpoint) throws -> FramedConnection {
    let hello = try Hello(
      runID: "\(options.run)", window: configuration.window, exchange: configuration.strategy.exchange,
      configuration: configuration)
    let (connection, greeting) = try EdgeConnector.connect(
      cloud, hello, link: configuration.link,
      maximumFrameBytes: max(FrameHeader.defaultMaximumFrameBytes, try configuration.largestFrameBytes()),
      timeout: options.timeout, interruption: interruption, logger: logger)
    if let clock = greeting.welcome.clock {
      options.timeline?.note(
        Timeline.ClockOffset(
          helloSent: greeting.helloSent, helloReceived: clock.helloReceived, welcomeSent: clock.welcomeSent,
          welcomeReceived: greeting.welcomeReceived))
    }
    return connection
  }
}
