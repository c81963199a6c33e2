import Compute
import Logging
import Synchronization
import Transport

/// Serves one edge after the other, and tells those that come meanwhile to come back later.
package final class CloudServer: Sendable {
  package struct Options: Sendable {
    package var listen: Endpoint
    package var threads: Int
    /// Seconds without progress of the edge after which a session ends.
    package var timeout: Double
    /// The longest frame that is accepted, header included.
    package var maximumFrameBytes: Int
    /// Each session's files go into a directory of its run's name here; nil for the default.
    package var directory: String?
    /// How many sessions to serve; nil for no end.
    package var sessions: Int?
    /// The system calls that write the runs' files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Where the times of the session under way are recorded.
    package var timeline: Timeline?

    package init(
      listen: Endpoint, threads: Int, timeout: Double, maximumFrameBytes: Int, directory: String?,
      sessions: Int?
    ) {
      self.listen = listen
      self.threads = threads
      self.timeout = timeout
      self.maximumFrameBytes = maximumFrameBytes
      self.directory = directory
      self.sessions = sessions
    }
  }

  private let options: Options
  private let listener: SocketListener
  private let interruption: Interruption
  private let logger: Logger
  private let cancellation: Cancellation
  private let condition = Condition()
  private let door = Mutex(Door())

  /// Who is being served.
  private struct Door {
    /// Nil: the next client may come in.
    var occupant: Socket?
    /// The client that came in and is not served yet.
    var next: Socket?
    var failure: (any Error)?
  }

  /// Binds and listens.
  ///
  /// - Throws: `ConnectionError` if the address cannot be listened on.
  package init(_ options: Options, interruption: Interruption, logger: Logger) throws {
    self.options = options
    self.interruption = interruption
    self.logger = logger
    cancellation = try Cancellation()
    listener = try SocketListener(on: options.listen)
  }

  /// Where clients can connect; the port is the real one if 0 was asked for.
  package var endpoint: Endpoint { listener.localEndpoint }

  /// Serves until the sessions asked for are done.
  ///
  /// - Parameter onSession: called after each session that was completed.
  /// - Throws: `InterruptedError`; else the error of the last session that failed.
  package func run(onSession: (RunSummary) -> Void) throws {
    let token = interruption.add { [self] in
      cancellation.cancel()
      condition.locked { condition.broadcast() }
    }
    let doorman = Thread { [self] in admit() }
    defer {
      interruption.remove(token)
      cancellation.cancel()
      doorman.join()
      listener.close()
      if let late = door.withLock({ $0.next }) {
        Handshake.refuse(
          FramedConnection(late, role: .cloud),
          Refusal(code: .shuttingDown, reason: "the cloud has served its last edge"))
      }
    }
    var lastFailure: (any Error)?
    var served = 0
    while served < options.sessions ?? .max {
      let socket = try awaitClient()
      do {
        if let session = try welcome(socket) {
          served += 1
          onSession(try session())
        }
      } catch {
        if error is InterruptedError || interruption.isRequested { throw InterruptedError() }
        logger.error("the session failed: \(RunRole.cloud.text(of: error))")
        lastFailure = error
      }
      release(socket)
    }
    if let lastFailure { throw lastFailure }
  }

  // MARK: The door

  /// Accepts clients: lets one in, and refuses the others. Runs on a thread of its own.
  private func admit() {
    while true {
      do {
        let socket = try listener.accept(timeout: options.timeout, cancellation: cancellation)
        let occupant: Socket? = door.withLock { door in
          if let occupant = door.occupant { return occupant }
          door.occupant = socket
          door.next = socket
          return nil
        }
        if let occupant {
          logger.notice("refused \(Self.name(socket)): busy with \(Self.name(occupant))")
          Handshake.refuse(
            FramedConnection(socket, role: .cloud),
            Refusal(
              code: .busy, reason: "serving the edge at \(Self.name(occupant)); try again when it has ended"))
        } else {
          condition.locked { condition.broadcast() }
        }
      } catch {
        door.withLock { $0.failure = error }
        condition.locked { condition.broadcast() }
        return
      }
    }
  }

  private func awaitClient() throws -> Socket {
    try condition.locked {
      var socket: Socket?
      var failure: (any Error)?
      condition.wait {
        if interruption.isRequested { return true }
        (socket, failure) = door.withLock { door in
          defer { door.next = nil }
          return (door.next, door.failure)
        }
        return socket != nil || failure != nil
      }
      if let socket { return socket }
      throw interruption.isRequested ? InterruptedError() : failure ?? InterruptedError()
    }
  }

  /// Opens the door, if it is this client that keeps it closed.
  private func release(_ socket: Socket) {
    door.withLock { door in
      if door.occupant === socket { door.occupant = nil }
    }
  }

  private static func name(_ client: Socket) -> String {
    client.remoteEndpoint.map { "\($0)" } ?? "a client without an address"
  }

  // MARK: One session

  /// Reads the hello and builds the session; whoever cannot be served is told why.
  ///
  /// - Returns: what serves the edge; nil if the client was turned away.
  private func welcome(_ socket: Socket) throws -> (() throws -> RunSummary)? {
    let cancellation = try Cancellation()
    let connection = FramedConnection(
      socket, role: .cloud, maximumFrameBytes: options.maximumFrameBytes, cancellation: cancellation)
    do {
      // Not cancelled after the hello: a session that is interrupted still says goodbye.
      let token = interruption.add { cancellation.cancel() }
      defer { interruption.remove(token) }
      let hello = try Handshake.accept(connection)
      let client = Self.name(socket)
      do {
        let configuration = try hello.configuration(as: RunConfiguration.self)
        try check(configuration)
        let run = try RunIdentifier(validating: hello.runID)
        let session = try CloudSession(
          connection, configuration, run: run, threads: options.threads, logger: logger,
          timeline: options.timeline)
        let directory = options.directory.map { "\($0)/\(run)" } ?? "runs/\(run)/cloud"
        return { [self] in
          logger.info(
            "serving the edge at \(client)", metadata: ["run": "\(run)", "directory": "\(directory)"])
          // The next edge may come in while the last files of this one are written.
          return try session.run(in: directory, interruption: interruption, operations: options.operations) {
            release(socket)
          }
        }
      } catch {
        let code: Refusal.Code = error is LimitError ? .limitExceeded : .unsupportedConfiguration
        Handshake.refuse(connection, Refusal(code: code, reason: "\(error)"))
        logger.warning("refused \(client): \(error)")
        return nil
      }
    } catch let error as RejectedClientError {
      logger.warning("\(error)")
      return nil
    }
  }

  /// - Throws: `ConfigurationError`, `LimitError`.
  private func check(_ configuration: RunConfiguration) throws {
    try configuration.validate()
    let largest = try configuration.largestFrameBytes()
    guard largest <= options.maximumFrameBytes else {
      throw LimitError(
        "a batch may take \(largest) bytes, but --max-frame-bytes of the cloud is \(options.maximumFrameBytes); take fewer --bits or a smaller --batch-size"
      )
    }
  }
}

/// A run is beyond what the cloud accepts.
struct LimitError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
