import Compute
import Logging
import Platform
import RunFiles
import Training
import Transport

/// One run in the cloud: trains the rest, or the whole network, with what one edge sends.
final class CloudSession {
  private let configuration: RunConfiguration
  private let connection: FramedConnection
  private let strategy: any CloudStrategy
  private let link: CloudLink
  private let run: RunIdentifier
  private let compute: ComputeSettings
  private let logger: Logger
  private let timeline: Timeline?
  /// When the edge's hello was there, in seconds since 1970.
  private let helloReceived: Double

  /// Builds the network for a hello that was accepted; the edge still waits for its welcome.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network, `ConfigurationError` if it needs no cloud.
  init(
    _ connection: FramedConnection, _ configuration: RunConfiguration, run: RunIdentifier, compute: ComputeSettings,
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
    let network = try LocalNetwork(configuration, compute: compute)
    func link(_ decoder: any BatchDecoder, _ uploaded: UploadedImages? = nil) -> CloudLink {
      CloudLink(connection, configuration, decoder, uploaded: uploaded, timeline: timeline)
    }
    switch configuration.strategy {
    case .hierarchical:
      self.link = link(FeatureDecoder(configuration, shape: network.cutShape))
      strategy = try HierarchicalCloud(network)
    case .split:
      self.link = link(FeatureDecoder(configuration, shape: network.cutShape))
      strategy = try SplitCloud(network)
    case .cloudStream:
      self.link = link(ImageDecoder(configuration))
      strategy = try StreamCloud(network)
    case .cloudUploadOnce:
      let uploaded = UploadedImages(configuration)
      self.link = link(ImageDecoder(configuration), uploaded)
      strategy = try UploadCloud(network, uploaded)
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
    in directory: String, interruption: Interruption, operations: FileOperations = .live, disconnected: () -> Void = {}
  ) throws -> RunSummary {
    let token = interruption.add { [link] in link.fail(InterruptedError()) }
    defer { interruption.remove(token) }
    var run: CloudRun?
    do {
      let recorder = try RunRecorder(
        RunDirectory(creating: directory, operations: operations), configuration, role: .cloud, run: self.run,
        compute: compute, timeline: timeline)
      let started = CloudRun(configuration, link, recorder: recorder, logger: logger, timeline: timeline)
      run = started
      try welcome()
      try link.start()
      try strategy.prepare(started)
      for _ in 1...configuration.epochs { try started.epoch(strategy) }
      try started.awaitGoodbye()
    } catch {
      let error = interruption.verdict(on: error)
      var clock = run?.clock
      clock?.end()
      let hasWelcomed = connection.conversation.phase != .greeted
      let lastWord: Message? =
        error is InterruptedError && !hasWelcomed
        ? .refusal(Refusal(code: .shuttingDown, reason: "the cloud was interrupted by its user"))
        : Message(lastWordFor: error, of: .cloud)
      link.close(sending: lastWord, within: 2)
      disconnected()
      run?.recorder.finish(after: error, link.ledger, linkBusySeconds: link.sendingSeconds, clock: clock, logger)
      throw error
    }
    link.close()
    disconnected()
    guard let run else { preconditionFailure("a run without files") }
    try run.recorder.finish(nil, link.ledger, linkBusySeconds: link.sendingSeconds)
    return run.recorder.summary
  }

  private func welcome() throws {
    try connection.send(
      .welcome(
        Welcome(
          maximumFrameBytes: connection.maximumFrameBytes, softwareVersion: Software.version,
          clock: Welcome.ClockReading(helloReceived: helloReceived, welcomeSent: Timestamp.now().secondsSince1970))))
    try connection.shape(configuration.link)
  }
}
