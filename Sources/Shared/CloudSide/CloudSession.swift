import Compute
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport
import Trust

/// One run in the cloud: trains the rest, or the whole network, with what one edge sends.
final class CloudSession {
  private let visitor: CloudDoor.Visitor
  private let options: CloudServer.Options
  private let strategy: any CloudStrategy
  private let link: CloudLink
  private let uploaded: UploadedImages?
  private let resumption: CloudResumption?
  private let progress: ProgressReporter?
  private let logger: Logger
  /// The digests of the files from which the weights of the run began; nil if the seed made them.
  private let initialWeights: String?

  /// Seconds between two lines about progress where there is no terminal: the log of a cloud that serves for months
  /// has to last.
  private static let lineInterval = 60.0

  private var configuration: RunConfiguration { visitor.configuration }
  private var connection: FramedConnection { visitor.connection }

  /// Builds the network for a hello that was accepted; the edge still waits for its welcome.
  ///
  /// - Parameters:
  ///   - resumption: what the run goes on from; nil if it begins.
  ///   - initialWeights: from what it begins; nil for what the seed makes.
  /// - Throws: `ShapeError` if the configuration makes no network, `ConfigurationError` if it needs no cloud;
  ///   `SafetensorsError`, `WeightsFileError` if the checkpoint is not of such a network, or nothing of the initial
  ///   weights is; `CannotResumeError` if the run's weights began from others.
  init(
    _ visitor: CloudDoor.Visitor, resuming resumption: CloudResumption?, _ initialWeights: InitialWeights?,
    _ options: CloudServer.Options, logger: Logger
  ) throws {
    options.timeline?.begin(visitor.run)
    self.visitor = visitor
    self.options = options
    self.resumption = resumption
    progress = options.console.map { ProgressReporter(console: $0, lineInterval: Self.lineInterval) }
    self.logger = logger
    let configuration = visitor.configuration
    let network = try LocalNetwork(configuration, compute: options.compute)
    let decoder: any BatchDecoder
    var uploaded: UploadedImages?
    switch configuration.strategy {
    case .hierarchical:
      decoder = FeatureDecoder(configuration, shape: network.cutShape)
      strategy = try HierarchicalCloud(network)
    case .split:
      decoder = FeatureDecoder(configuration, shape: network.cutShape)
      strategy = try SplitCloud(network)
    case .cloudStream:
      decoder = ImageDecoder(configuration, after: resumption?.checkpoint.progress.state.completedSteps ?? 0)
      strategy = try StreamCloud(network)
    case .cloudUploadOnce:
      let images = UploadedImages(configuration)
      uploaded = images
      decoder = ImageDecoder(configuration)
      strategy = try UploadCloud(network, images)
    case .edgeOnly: throw ConfigurationError("strategy edge-only has no cloud")
    }
    self.uploaded = uploaded
    link = CloudLink(
      visitor.connection, configuration, decoder, uploaded: uploaded, silence: visitor.silence,
      timeline: options.timeline)
    self.initialWeights =
      resumption.map { $0.checkpoint.progress.logs.summary.initialWeights } ?? initialWeights?.digest
    try visitor.offer?.checkWeights(self.initialWeights, of: visitor.run)
    try resumption?.checkpoint.load(strategy.parts)
    try initialWeights?.load(strategy.parts.map(\.layers), configuration, role: .cloud, logger)
  }

  /// What is trained, in words.
  var description: String {
    let network = configuration.network
    var words = "\(network.architecture.rawValue)"
    if configuration.strategy.isCut { words += " cut after block \(network.cut)" }
    words += ", \(configuration.strategy.rawValue)"
    if configuration.strategy.isCut { words += ", \(Formatting.count(configuration.activations.bits, "bit"))" }
    words += ", \(Formatting.count(configuration.epochs, "epoch")) of "
    words += Formatting.count(configuration.trainImages, "image")
    if let steps = resumption?.checkpoint.progress.state.completedSteps {
      words += ", after step \(steps) of \(configuration.totalSteps)"
    }
    return words
  }

  /// Whether a run may go on after this, once its edge is back.
  static func isPassing(_ error: any Error) -> Bool {
    switch error {
    case ConnectionError.cancelled, ConnectionError.closed: false
    case let failure as Failure: failure.code == ErrorKind.link.failureCode
    default:
      error is ConnectionError || error is TLSError || error is FileError || error is SystemError
        || error is ThreadError
    }
  }

  /// Welcomes the edge, trains, and writes the run's files, whatever happens.
  ///
  /// - Parameters:
  ///   - directory: a path that does not hold a run yet, or that of the run that goes on.
  ///   - interruption: ends the session with a goodbye.
  ///   - disconnected: called once when the connection is closed, before the last files are written.
  /// - Returns: the summary that was written.
  /// - Throws: what ended the session early; the edge has been told, the logs are complete up to that step.
  func run(in directory: String, interruption: Interruption, disconnected: () -> Void = {}) throws -> RunSummary {
    let token = interruption.add { [link] in link.fail(InterruptedError()) }
    defer {
      interruption.remove(token)
      progress?.finish()
    }
    var run: CloudRun?
    do {
      let started = try begin(in: directory)
      run = started
      try welcome()
      try link.start()
      for replay in resumption?.answers.replays(after: visitor.offer?.answered ?? 0) ?? [] {
        link.post(.replay(replay))
      }
      if let gradient = resumption?.owedGradient(after: visitor.offer?.answered ?? 0) { link.post(.gradient(gradient)) }
      if started.isUnfinished { try strategy.prepare(started) } else { try started.finish() }
      while started.isUnfinished { try started.epoch(strategy) }
      try started.awaitGoodbye()
    } catch {
      let error = interruption.verdict(on: error)
      try end(run, after: error, disconnected)
      throw error
    }
    link.close()
    disconnected()
    guard let run else { preconditionFailure("a run without files") }
    try run.endCheckpoints(writing: false)
    try run.recorder.rewriteSummary(run.traffic)
    Checkpoint.remove(from: run.recorder.directory)
    uploaded?.remove(from: run.recorder.directory)
    return run.recorder.summary
  }

  /// Opens the run's files.
  private func begin(in path: String) throws -> CloudRun {
    let operations = options.operations
    let recorder: RunRecorder
    let position = resumption?.checkpoint.progress
    if let position {
      for change in position.logs.summary.changes(for: options.compute) { logger.warning("\(change)") }
      recorder = try RunRecorder(
        resuming: RunDirectory(resuming: path, operations: operations), configuration, role: .cloud, at: position,
        compute: options.compute, timeline: options.timeline)
    } else {
      recorder = try RunRecorder(
        RunDirectory(creating: path, operations: operations), configuration, role: .cloud, run: visitor.run,
        compute: options.compute, initialWeights: initialWeights, timeline: options.timeline)
    }
    let isDurable = visitor.offer != nil
    if isDurable { try uploaded?.keep(in: recorder.directory, after: position?.records.images) }
    let settings = RunProgress.Settings(timeout: options.timeout, checkpointInterval: options.checkpointInterval)
    let checkpoints =
      try isDurable
      ? CheckpointWriter(
        recorder.directory, configuration, role: .cloud, run: visitor.run, parts: strategy.parts,
        after: resumption?.checkpoint.number ?? 0, interval: settings.checkpointInterval) : nil
    return CloudRun(
      configuration, link, from: resumption.map { ($0.checkpoint.progress, $0.answers) }, recorder: recorder,
      uploaded: uploaded, checkpoints: checkpoints, settings: settings, progress: progress, logger: logger,
      timeline: options.timeline)
  }

  private func welcome() throws {
    try connection.send(
      .welcome(
        Welcome(
          maximumFrameBytes: connection.maximumFrameBytes, resume: resumption?.position,
          timeoutSeconds: connection.timeout, softwareVersion: Software.version,
          clock: Welcome.ClockReading(
            helloReceived: visitor.helloReceived, welcomeSent: Timestamp.now().secondsSince1970),
          initialWeights: initialWeights)))
    try connection.shape(configuration.link)
  }

  /// Ends a session early: says why, closes, and writes what is left to be written.
  private func end(_ run: CloudRun?, after error: any Error, _ disconnected: () -> Void) throws {
    var clock = run?.clock
    clock?.end()
    let hasWelcomed = connection.conversation.phase != .greeted
    let lastWord: Message? =
      error is InterruptedError && !hasWelcomed
      ? .refusal(Refusal(code: .shuttingDown, reason: "the cloud was interrupted by its user"))
      : Message(lastWordFor: error, of: .cloud)
    link.close(sending: lastWord, within: 2)
    disconnected()
    guard let run else { return }
    do {
      if run.isFinished {
        try run.recorder.rewriteSummary(run.traffic)
        return try run.endCheckpoints(writing: false)
      }
      let isLoss = visitor.offer != nil && options.reconnectFor != 0 && Self.isPassing(error)
      run.recorder.finish(
        after: error, run.traffic, clock: clock, event: isLoss ? "disconnected" : nil, logger)
      try run.endCheckpoints(writing: !(error is FileError))
    } catch let fileError {
      if !(error is FileError) { logger.error("the state of the run was not written: \(fileError)") }
    }
  }
}
