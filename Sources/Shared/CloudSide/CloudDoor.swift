import Logging
import Platform
import Training
import Transport

/// Accepts the clients of a cloud. Each is greeted on a thread of its own, so that one that says nothing keeps nobody
/// waiting; the first whose hello can be served comes in, and those that come while it is served are told to come back
/// later.
final class CloudDoor: Sendable {
  /// A client whose hello was checked. It waits for its welcome.
  struct Visitor: Sendable {
    let connection: FramedConnection
    let configuration: RunConfiguration
    let exchange: Exchange
    let run: RunIdentifier
    /// Where its run can go on; nil if it ends with the connection.
    let offer: ResumeOffer?
    /// Seconds of silence that it allows.
    let silence: Double
    /// Its address.
    let name: String
  }

  /// Clients that are greeted at the same time; more are turned away.
  private static let maximumGreetings = 16
  /// Descriptors that a run under way needs for its files, and that no client gets.
  private static let spareDescriptors: Int32 = 6
  /// Seconds between two looks whether there is room again.
  private static let shortageSeconds = 0.25

  private let listener: SocketListener
  private let options: CloudServer.Options
  private let logger: Logger
  private let log: DoorLog
  /// The run that a hello asks for; throws if it cannot be served.
  private let check: @Sendable (Hello) throws -> RunConfiguration
  /// Wakes the thread that accepts.
  private let cancellation: Cancellation
  private let state = Guarded(State())

  private struct State {
    /// Nil: the next visitor may come in.
    var occupant: Visitor?
    /// Who has come in and is not served yet.
    var next: Visitor?
    var failure: (any Error)?
    var isInterrupted = false
    var doorman: Thread?
    /// The conversations that have not got beyond the hello, each with what ends it.
    var greetings: [ObjectIdentifier: (thread: Thread?, cancellation: Cancellation)] = [:]
    /// Greetings that are over, to be joined.
    var finished: [Thread] = []

    /// A greeting is over.
    mutating func endGreeting(_ connection: FramedConnection) {
      if let thread = greetings.removeValue(forKey: ObjectIdentifier(connection))?.thread { finished.append(thread) }
    }
  }

  /// - Throws: `SystemError`.
  init(
    _ listener: SocketListener, _ options: CloudServer.Options, _ logger: Logger,
    check: @escaping @Sendable (Hello) throws -> RunConfiguration
  ) throws {
    self.listener = listener
    self.options = options
    self.logger = logger
    log = DoorLog(logger)
    self.check = check
    cancellation = try Cancellation()
  }

  /// Starts to accept.
  ///
  /// - Throws: `ThreadError`.
  func open() throws {
    let doorman = try Thread { [self] in admit() }
    state.withLock { $0.doorman = doorman }
  }

  /// Ends all that is going on at the door; whoever waits there is told that the cloud goes.
  func close() {
    cancellation.cancel()
    state.withLock { $0.doorman.take() }?.join()
    for greeting in state.withLock({ Array($0.greetings.values) }) { greeting.cancellation.cancel() }
    state.wait { $0.greetings.isEmpty ? () : nil }
    joinFinished()
    log.flush(isEnd: true)
    listener.close()
    if let late = state.withLock({ $0.next }) {
      Handshake.refuse(late.connection, Refusal(code: .shuttingDown, reason: "the cloud has served its last edge"))
    }
  }

  /// The next visitor. Waits for one.
  ///
  /// - Parameter seconds: the longest wait; nil for no end.
  /// - Returns: nil if none has come in that time.
  /// - Throws: `InterruptedError`; what keeps the door from accepting anybody.
  func awaitVisitor(_ interruption: Interruption, within seconds: Double? = nil) throws -> Visitor? {
    let token = interruption.add { [self] in state.change { $0.isInterrupted = true } }
    defer { interruption.remove(token) }
    func take(_ state: inout State) throws -> Visitor? {
      if state.isInterrupted { throw InterruptedError() }
      if let visitor = state.next.take() { return visitor }
      if let failure = state.failure { throw failure }
      return nil
    }
    guard let seconds else { return try state.wait(for: take) }
    return try state.wait(until: Deadline(secondsFromNow: seconds), for: take)
  }

  /// Opens the door, if it is this visitor that keeps it closed.
  func release(_ visitor: Visitor) {
    state.withLock { state in if state.occupant?.connection === visitor.connection { state.occupant = nil } }
  }

  // MARK: The thread that accepts

  private func admit() {
    do {
      while true {
        let socket = try awaitingRoom {
          try listener.accept(timeout: options.timeout, cancellation: cancellation) { log.flush() }
        }
        log.flush()
        joinFinished()
        guard state.withLock({ $0.greetings.count < Self.maximumGreetings }) else {
          log.busy(socket.remoteEndpoint, "too many clients have not begun a run", level: .warning)
          Handshake.refuse(
            FramedConnection(socket, role: .cloud),
            Refusal(code: .busy, reason: "too many clients have not begun a run; try again in some seconds"))
          continue
        }
        try beginGreeting(socket)
      }
    } catch { state.change { $0.failure = error } }
  }

  /// Does `body`, once more and again while there are too few descriptors or is too little memory for it: those who are
  /// at the door, or come, wait meanwhile.
  ///
  /// - Throws: what else `body` throws; `ConnectionError.cancelled`.
  private func awaitingRoom<Result>(_ body: () throws -> Result) throws -> Result {
    while true {
      do { return try body() } catch {
        guard let shortage = error as? SystemError, shortage.isShortage else { throw error }
        log.shortage(shortage)
      }
      try cancellation.rest(seconds: Self.shortageSeconds)
      joinFinished()
    }
  }

  /// Greets a client on a thread of its own; one for whom there is none is turned away.
  private func beginGreeting(_ socket: Socket) throws {
    let greeting = try awaitingRoom {
      try SystemCall.requireDescriptors(Self.spareDescriptors)
      return try Cancellation()
    }
    let connection = FramedConnection(
      socket, role: .cloud, maximumFrameBytes: options.maximumFrameBytes, cancellation: greeting)
    let identifier = ObjectIdentifier(connection)
    state.withLock { $0.greetings[identifier] = (nil, greeting) }
    do {
      let thread = try options.startThread { [self] in greet(connection) }
      state.withLock { state in
        // It may be over already.
        if state.greetings[identifier] == nil { return state.finished.append(thread) }
        state.greetings[identifier]?.thread = thread
      }
    } catch {
      state.change { $0.endGreeting(connection) }
      log.busy(socket.remoteEndpoint, "\(error)", level: .warning)
      Handshake.refuse(
        connection, Refusal(code: .busy, reason: "the cloud has no thread left; try again in some seconds"))
    }
  }

  private func joinFinished() {
    for thread in state.withLock({ state in
      defer { state.finished = [] }
      return state.finished
    }) { thread.join() }
  }

  // MARK: One greeting

  /// Reads the hello and lets the client in; whoever cannot be served is told why.
  private func greet(_ connection: FramedConnection) {
    do {
      let hello = try Handshake.accept(connection)
      let name = DoorLog.name(connection.remoteEndpoint)
      do {
        let visitor = Visitor(
          connection: connection, configuration: try check(hello), exchange: hello.exchange,
          run: try RunIdentifier(validating: hello.runID), offer: hello.resume, silence: hello.timeoutSeconds,
          name: name)
        if let occupant = enter(visitor) {
          log.busy(connection.remoteEndpoint, "busy with \(occupant.name)")
          Handshake.refuse(
            connection,
            Refusal(code: .busy, reason: "serving the edge at \(occupant.name); try again when it has ended"))
        }
      } catch { turnAway(connection, name, error) }
    } catch ConnectionError.cancelled {
      // It was told that the cloud goes.
    } catch { log.rejected(error) }
    state.change { $0.endGreeting(connection) }
  }

  /// - Returns: who is inside; nil if that is now the visitor.
  private func enter(_ visitor: Visitor) -> Visitor? {
    state.change { state in
      if let occupant = state.occupant { return occupant }
      state.occupant = visitor
      state.next = visitor
      // From now on the session is interrupted with a goodbye, and not in the middle of a frame.
      state.endGreeting(visitor.connection)
      return nil
    }
  }

  /// Refuses a client because of an error in what it asks for.
  func turnAway(_ connection: FramedConnection, _ name: String, _ error: any Error) {
    let code: Refusal.Code =
      switch error {
      case is LimitError: .limitExceeded
      case is CannotResumeError: .cannotResume
      // There may be one again in a while.
      case is ThreadError: .busy
      default: .unsupportedConfiguration
      }
    Handshake.refuse(connection, Refusal(code: code, reason: "\(error)"))
    logger.warning("refused \(name): \(error)")
  }
}
