import Compute
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport
import Trust

/// Serves one edge after the other, and tells those that come meanwhile to come back later.
package final class CloudServer: Sendable {
  package struct Options: Sendable {
    package var listen: Endpoint
    package var compute: ComputeSettings
    /// Seconds without progress of the edge after which a session ends.
    package var timeout: Double
    /// The longest frame that is accepted, header included.
    package var maximumFrameBytes: Int
    /// The most memory for images that an edge uploads.
    package var maximumImageBytes = Self.defaultMaximumImageBytes
    /// The most memory that a run may need; nil for no limit.
    package var maximumMemory: Int?
    /// Each session's files go into a directory of its run's name here; nil for the default.
    package var directory: String?
    /// How many sessions to serve; nil for no end.
    package var sessions: Int?
    /// Seconds between two checkpoints in an epoch; 0 for none.
    package var checkpointInterval = Defaults.checkpointInterval
    /// Seconds in which an edge that is lost may come back before its session has failed; nil for no end.
    package var reconnectFor: Double? = 0
    /// Who may come in, and whether they have to encrypt.
    package var trust = TrustSettings()
    /// The files of weights from which runs begin; none for what the seed makes.
    package var initialWeights: [String] = []
    /// The most parameters that a network may have; nil for no limit.
    package var maximumParameters: Int?
    /// The system calls that write the runs' files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Those that connect it; others in tests, a link that breaks for example.
    package var socketOperations = SocketOperations.live
    /// What gives a client its thread; in tests there may be none left.
    var startThread: @Sendable (_ body: @escaping @Sendable () -> Void) throws -> Thread = { try Thread($0) }
    /// Where the times of the session under way are recorded.
    package var timeline: Timeline?
    /// Where it is shown how far a run is; nil for nowhere.
    package var console: Console?

    /// 512 MiB: CIFAR-10 takes 184 MB.
    package static let defaultMaximumImageBytes = 1 << 29

    package init(
      listen: Endpoint, compute: ComputeSettings, timeout: Double, maximumFrameBytes: Int, directory: String?,
      sessions: Int?
    ) {
      self.listen = listen
      self.compute = compute
      self.timeout = timeout
      self.maximumFrameBytes = maximumFrameBytes
      self.directory = directory
      self.sessions = sessions
    }
  }

  private let options: Options
  private let listener: SocketListener
  private let trust: CloudTrust
  private let interruption: Interruption
  private let logger: Logger

  /// Binds and listens.
  ///
  /// - Throws: `ConnectionError` if the address cannot be listened on; `SystemError`, `ThreadError`, `TrustError`,
  ///   `FileError`, `OpenSSLError`, `InterruptedError`.
  package init(_ options: Options, interruption: Interruption, logger: Logger) throws {
    self.options = options
    self.interruption = interruption
    self.logger = logger
    let cancellation = try Cancellation()
    let token = interruption.add { cancellation.cancel() }
    defer { interruption.remove(token) }
    do {
      listener = try SocketListener(
        on: options.listen, timeout: options.timeout, cancellation: cancellation, operations: options.socketOperations)
    } catch { throw interruption.verdict(on: error) }
    trust = CloudTrust(options.trust, listeningOn: listener.localEndpoint)
    if let key = try trust.check() { logger.info("the key of this cloud: \(key)") }
    if trust.acceptsPlainText, !listener.localEndpoint.isLoopback {
      logger.warning("--insecure: whoever reaches \(listener.localEndpoint) may train here, and all can read along")
    }
  }

  /// Where clients can connect; the port is the real one if 0 was asked for.
  package var endpoint: Endpoint { listener.localEndpoint }

  /// Serves until the sessions asked for are done.
  ///
  /// - Parameter onSession: called after each session that was completed; if it throws, the session has failed.
  /// - Throws: `InterruptedError`; `FailedSessionsError`, or, if one session was asked for, its error.
  package func run(onSession: (RunSummary) throws -> Void) throws {
    let door = try CloudDoor(listener, options, trust, logger) { [self] hello in
      let configuration = try hello.configuration(as: RunConfiguration.self)
      // What an edge measures is checked when it asks.
      if hello.exchange == .measurements {
        try configuration.validate()
      } else {
        try check(configuration, hello.exchange)
        guard hello.window == configuration.window else {
          throw ConfigurationError(
            "the hello's window is \(hello.window), but the configuration's is \(configuration.window)")
        }
      }
      return configuration
    }
    try door.open()
    defer { door.close() }
    var failures: [any Error] = []
    var lost = LostRuns()
    var served = 0
    func fail(_ error: any Error) throws {
      if options.sessions == 1 { throw error }
      failures.append(error)
    }
    while served < options.sessions ?? .max {
      guard let visitor = try door.awaitVisitor(interruption, within: lost.secondsLeft) else {
        for error in lost.takeExpired() {
          served += 1
          logger.error("the session failed: \(Role.cloud.text(of: error)), and the edge has not come back")
          try fail(error)
        }
        continue
      }
      do {
        if let session = try welcome(visitor, door) {
          lost.isBack(visitor.run)
          served += 1
          if let summary = try session() { try onSession(summary) }
        }
      } catch {
        if error is InterruptedError { throw error }
        if visitor.offer != nil, options.reconnectFor != 0, CloudSession.isPassing(error) {
          served -= 1
          lost.add(visitor.run, error, for: options.reconnectFor)
          logger.warning("the edge of run \(visitor.run) is lost: \(Role.cloud.text(of: error)); waiting for it")
        } else {
          if case TrainingError.peerInterrupted = error {
            logger.notice("the session ended early: \(error)")
          } else if options.sessions != 1 {
            logger.error("the session failed: \(Role.cloud.text(of: error))")
          }
          try fail(error)
        }
      }
      door.release(visitor)
    }
    if let last = failures.last { throw FailedSessionsError(failed: failures.count, sessions: served, last: last) }
  }

  // MARK: One session

  /// Builds the session; a visitor that cannot be served is told why.
  ///
  /// - Returns: what serves the edge; nil if it was turned away. An edge that measures leaves no summary.
  private func welcome(_ visitor: CloudDoor.Visitor, _ door: CloudDoor) throws -> (() throws -> RunSummary?)? {
    if visitor.exchange == .measurements { return { [self] in try serveMeasurements(visitor) } }
    let run = visitor.run
    let directory = options.directory.map { "\($0)/\(run)" } ?? "runs/\(run)/cloud"
    PeakMemory.reset()
    let session: CloudSession
    do {
      let resumption = try visitor.offer.flatMap {
        try CloudResumption.find(
          run, in: directory, visitor.configuration, $0, logger, operations: options.operations)
      }
      session = try CloudSession(
        visitor, resuming: resumption, resumption == nil ? initialWeights(of: visitor) : nil, options, logger: logger)
    } catch let error as InterruptedError {
      throw error
    } catch let error as LostVisitorError {
      logger.warning("\(visitor.name): \(error)")
      return nil
    } catch {
      door.turnAway(visitor.connection, visitor.name, error)
      return nil
    }
    return { [self] in
      logger.info(
        "serving the edge at \(visitor.name): \(session.description)",
        metadata: ["run": "\(run)", "directory": "\(directory)"])
      // The next edge may come in while the last files of this one are written.
      return try session.run(in: directory, interruption: interruption) { door.release(visitor) }
    }
  }

  /// From what a run begins.
  private func initialWeights(of visitor: CloudDoor.Visitor) throws -> InitialWeights? {
    guard let offer = visitor.weights else {
      return options.initialWeights.isEmpty ? nil : try InitialWeights(options.initialWeights)
    }
    guard options.initialWeights.isEmpty else {
      throw ConfigurationError(
        "this cloud begins every run with the --initial-weights that it was started with: leave --send-weights out")
    }
    return try WeightsReceiver(visitor: visitor, offer: offer, options: options, logger: logger).receive(interruption)
  }

  private func serveMeasurements(_ visitor: CloudDoor.Visitor) throws -> RunSummary? {
    logger.info("the edge at \(visitor.name) measures")
    let session = MeasurementSession(
      visitor.connection, link: visitor.configuration.link, compute: options.compute, logger: logger
    ) { [self] configuration in try check(configuration, configuration.strategy.exchange) }
    try session.run(interruption: interruption)
    logger.info("the edge at \(visitor.name) has measured")
    return nil
  }

  /// - Throws: `ConfigurationError`, `LimitError`.
  private func check(_ configuration: RunConfiguration, _ exchange: Exchange) throws {
    try configuration.validate()
    guard configuration.strategy.needsCloud else {
      throw ConfigurationError("strategy \(configuration.strategy.rawValue) has no cloud")
    }
    guard exchange == configuration.strategy.exchange else {
      throw ConfigurationError(
        """
        strategy \(configuration.strategy.rawValue) exchanges \(configuration.strategy.exchange.rawValue), \
        not \(exchange.rawValue)
        """)
    }
    if configuration.strategy == .cloudUploadOnce, configuration.uploadedBytes > options.maximumImageBytes {
      throw LimitError(
        """
        the images take \(configuration.uploadedBytes) bytes, but --max-image-bytes of the cloud is \
        \(options.maximumImageBytes); start cloud-trainer with --max-image-bytes \(configuration.uploadedBytes) or more, \
        or take a smaller --train-limit and --test-limit
        """)
    }
    if let limit = options.maximumParameters {
      let parameters = try configuration.parameters(of: .cloud)
      guard parameters <= limit else {
        throw LimitError(
          """
          the cloud's part of the network has \(parameters) parameters, but --max-parameters of the cloud is \(limit); \
          take another --architecture\(configuration.strategy.isCut ? ", or a later --cut" : "")
          """)
      }
    }
    try options.checkMemory(for: configuration)
    let largest = try configuration.largestFrameBytes()
    guard largest <= options.maximumFrameBytes else {
      throw LimitError(
        """
        a batch may take \(largest) bytes, but the cloud accepts \(options.maximumFrameBytes); start cloud-trainer with \
        --max-frame-bytes \(largest) or more, or take fewer --bits or a smaller --batch-size
        """)
    }
  }
}

/// Runs whose edge is lost and may come back.
struct LostRuns {
  private var runs: [RunIdentifier: (error: any Error, deadline: Deadline?)] = [:]

  /// Until the first of them is given up; nil for no end.
  var secondsLeft: Double? { runs.values.compactMap { $0.deadline?.secondsLeft }.min() }

  mutating func add(_ run: RunIdentifier, _ error: any Error, for seconds: Double?) {
    runs[run] = (error, seconds.map { Deadline(secondsFromNow: $0) })
  }

  mutating func isBack(_ run: RunIdentifier) { runs[run] = nil }

  /// Why those were lost that are given up now.
  mutating func takeExpired() -> [any Error] {
    let expired = runs.filter { ($0.value.deadline?.secondsLeft ?? 1) <= 0 }
    for run in expired.keys { runs[run] = nil }
    return expired.values.map { $0.error }
  }
}

/// Some of several sessions failed.
struct FailedSessionsError: ClassifiedError, PeerNamingError {
  package let failed: Int
  package let sessions: Int
  /// Of the session that failed last; gives the exit code.
  package let last: any Error

  package var kind: ErrorKind { ErrorKind(last) }

  package func description(peer: String) -> String {
    let last = (last as? any PeerNamingError)?.description(peer: peer) ?? "\(last)"
    return "\(failed) of \(sessions) sessions failed, the last of them: \(last)"
  }
}
