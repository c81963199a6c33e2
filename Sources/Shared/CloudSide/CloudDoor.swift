import Logging
import Platform
import Training
import Transport
import Trust

/// Accepts the clients of a cloud. Each is greeted on a thread of its own, so that one that says nothing keeps nobody
/// waiting: those that encrypt have to be trusted before they may speak. The first whose hello can be served comes in,
/// and those that come while it is served are told to come back later.
final class CloudDoor: Sendable {
  /// A client whose hello was checked. It waits for its welcome.
  struct Visitor: Sendable {
    let connection: FramedConnection
    let configuration: RunConfiguration
    let exchange: Exchange
    let run: RunIdentifier
    /// Where its run can go on; nil if it ends with the connection.
    let offer: ResumeOffer?
    /// The weights that it has for the cloud to begin with.
    let weights: WeightsOffer?
    /// Seconds of silence that it allows.
    let silence: Double
    /// When its hello was there, in seconds since 1970.
    let helloReceived: Double
    /// Its address, and the beginning of its key's fingerprint, or its certificate's subject.
    let name: String
  }

  /// How long one that is turned away may take to read why, in seconds: others wait meanwhile.
  private static let farewellSeconds = 0.05
  /// Descriptors that a run under way needs for its files, and that no client gets.
  private static let spareDescriptors: Int32 = 6
  /// Seconds between two looks whether there is room again.
  private static let shortageSeconds = 0.25

  private let listener: SocketListener
  private let options: CloudServer.Options
  private let logger: Logger
  private let log: DoorLog
  private let trust: CloudTrust
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
    var limits = DoorLimits()
    /// The clients that have not got beyond the hello, each with what ends that.
    var greetings: [ObjectIdentifier: Greeting] = [:]
    /// Greetings that are over, to be joined.
    var finished: [Thread] = []

    /// A greeting is over.
    mutating func endGreeting(_ socket: Socket) {
      guard let greeting = greetings.removeValue(forKey: ObjectIdentifier(socket)) else { return }
      limits.leave(greeting.host)
      if let thread = greeting.thread { finished.append(thread) }
    }
  }

  private struct Greeting {
    let host: String
    let cancellation: Cancellation
    var thread: Thread?
  }

  /// - Throws: `SystemError`.
  init(
    _ listener: SocketListener, _ options: CloudServer.Options, _ trust: CloudTrust, _ logger: Logger,
    check: @escaping @Sendable (Hello) throws -> RunConfiguration
  ) throws {
    self.listener = listener
    self.options = options
    self.trust = trust
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
        let host = socket.remoteEndpoint?.host ?? "?"
        switch state.withLock({ $0.limits.enter(host) }) {
        case .welcome: try beginGreeting(socket, host)
        case .crowded: turnAway(socket, "too many clients have not begun a run")
        case .tooOften:
          log.crowd(socket.remoteEndpoint, "too many clients in a minute")
          socket.close()
        }
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

  /// Tells a client to come again, without waiting for it.
  ///
  /// - Parameter error: what the log is told instead of the reason.
  private func turnAway(_ socket: Socket, _ reason: String, because error: (any Error)? = nil) {
    log.crowd(socket.remoteEndpoint, error.map { "\($0)" } ?? reason)
    trust.turnAway(
      socket, Refusal(code: .busy, reason: "\(reason); try again in some seconds"), within: Self.farewellSeconds)
  }

  /// Greets a client on a thread of its own; one for whom there is none is turned away.
  private func beginGreeting(_ socket: Socket, _ host: String) throws {
    let cancellation = try awaitingRoom {
      try SystemCall.requireDescriptors(Self.spareDescriptors)
      return try Cancellation()
    }
    let identifier = ObjectIdentifier(socket)
    state.withLock { $0.greetings[identifier] = Greeting(host: host, cancellation: cancellation) }
    do {
      let thread = try options.startThread { [self] in greet(socket, cancellation) }
      state.withLock { state in
        // It may be over already.
        if state.greetings[identifier] == nil { return state.finished.append(thread) }
        state.greetings[identifier]?.thread = thread
      }
    } catch {
      state.change { $0.endGreeting(socket) }
      turnAway(socket, "the cloud has no thread left", because: error)
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
  private func greet(_ socket: Socket, _ cancellation: Cancellation) {
    let deadline = Deadline(secondsFromNow: min(options.timeout, Handshake.maximumHelloSeconds))
    do {
      switch try trust.admit(socket, patience: Patience(cancellation: cancellation, deadline: deadline)) {
      case .joined(let edge):
        logger.notice(
          "the edge \(edge.name) at \(DoorLog.name(socket.remoteEndpoint)) has joined, key \(edge.fingerprint)")
      case .edge(let stream, let key, let subject):
        let connection = FramedConnection(
          stream, role: .cloud, maximumFrameBytes: options.maximumFrameBytes, cancellation: cancellation)
        let who = key.map { ", key \($0.short)" } ?? subject.map { ", certificate \($0)" } ?? ""
        try greet(connection, socket, who, until: deadline)
      }
    } catch ConnectionError.cancelled {
      // It was told that the cloud goes.
    } catch { log.rejected(error) }
    state.change { $0.endGreeting(socket) }
  }

  /// - Parameter who: what is known of the client beside its address.
  private func greet(_ connection: FramedConnection, _ socket: Socket, _ who: String, until deadline: Deadline) throws {
    let hello = try Handshake.accept(connection, until: deadline)
    let helloReceived = Timestamp.now().secondsSince1970
    let name = DoorLog.name(connection.remoteEndpoint) + who
    do {
      let visitor = Visitor(
        connection: connection, configuration: try check(hello), exchange: hello.exchange,
        run: try RunIdentifier(validating: hello.runID), offer: hello.resume, weights: hello.weights,
        silence: hello.timeoutSeconds, helloReceived: helloReceived, name: name)
      if let occupant = enter(visitor, socket) {
        log.busy(connection.remoteEndpoint, "busy with \(occupant.name)")
        Handshake.refuse(
          connection,
          Refusal(code: .busy, reason: "serving the edge at \(occupant.name); try again when it has ended"))
      }
    } catch { turnAway(connection, name, error) }
  }

  /// - Returns: who is inside; nil if that is now the visitor.
  private func enter(_ visitor: Visitor, _ socket: Socket) -> Visitor? {
    state.change { state in
      if let occupant = state.occupant { return occupant }
      state.occupant = visitor
      state.next = visitor
      // From now on the session is interrupted with a goodbye, and not in the middle of a frame.
      state.endGreeting(socket)
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
