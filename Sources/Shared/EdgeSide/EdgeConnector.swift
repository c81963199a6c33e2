import Logging
import Platform
import Terminal
import Training
import Transport
import Trust

/// The edge's way to a cloud.
package enum EdgeConnector {
  /// What the handshake told.
  package struct Greeting {
    package let welcome: Welcome
    /// When the edge began to say hello, in seconds since 1970 on its clock.
    let helloSent: Double
    /// When the welcome was there.
    let welcomeReceived: Double
    let isEncrypted: Bool
  }

  /// Connects, and shapes the link.
  ///
  /// - Parameters:
  ///   - cloud: its address.
  ///   - trust: how the connection is protected.
  ///   - hello: what is asked for.
  ///   - link: how what is sent is held back.
  ///   - weights: what the hello offers the cloud to begin with.
  ///   - maximumFrameBytes: the longest frame that may come.
  ///   - timeout: seconds without progress of the cloud.
  ///   - interruption: ends the handshake; what comes after it is not cancelled, but `cancellation` of the connection
  ///     can.
  ///   - operations: the system calls of the connection.
  /// - Throws: `RefusedError`, `ProtocolVersionError`, `TrainingError.notATrainer`, `WireError`, `ConnectionError`,
  ///   `TrustError`, `TLSError`, `OpenSSLError`, `FileError`, `SystemError`, `ThreadError`, `InterruptedError`.
  package static func connect(
    _ cloud: Endpoint, _ trust: TrustSettings, _ hello: Hello, weights: SentWeights? = nil, link: LinkShaping,
    maximumFrameBytes: Int, timeout: Double, interruption: Interruption, operations: SocketOperations = .live,
    logger: Logger
  ) throws -> (connection: FramedConnection, greeting: Greeting) {
    let cancellation = try Cancellation()
    let token = interruption.add { cancellation.cancel() }
    defer { interruption.remove(token) }
    let trust = EdgeTrust(trust)
    /// - Parameter encrypts: nil for where it is due.
    func attempt(encrypts: Bool? = nil) throws -> (connection: FramedConnection, greeting: Greeting) {
      let socket = try Socket.connect(
        to: cloud, timeout: timeout, cancellation: cancellation, operations: operations
      ) { reason in logger.notice("still connecting to the cloud at \(cloud): \(reason)") }
      let encrypts = encrypts ?? trust.encrypts(socket.remoteEndpoint)
      let stream = encrypts ? try trust.secure(socket, to: cloud, cancellation: cancellation) : socket
      let connection = FramedConnection(
        stream, role: .edge, maximumFrameBytes: maximumFrameBytes, cancellation: cancellation)
      let helloSent = Timestamp.now().secondsSince1970
      var isShaped = false
      func shape() throws {
        if !isShaped { try connection.shape(link) }
        isShaped = true
      }
      let welcome = try Handshake.connect(connection, hello: hello) {
        guard let weights else { return }
        try shape()
        logger.info("sending the weights with which the cloud begins: \(Formatting.bytes(weights.offer.bytes))")
        try weights.send(over: connection)
      }
      let greeting = Greeting(
        welcome: welcome, helloSent: helloSent, welcomeReceived: Timestamp.now().secondsSince1970,
        isEncrypted: encrypts)
      do { try weights?.check(welcome) } catch {
        connection.abandon()
        throw error
      }
      try shape()
      logger.info(
        "connected to the cloud at \(cloud), version \(welcome.softwareVersion)\(encrypts ? ", encrypted" : "")")
      if !encrypts, socket.remoteEndpoint?.isLoopback == false {
        logger.warning("--insecure: all between here and the cloud can read and change what is sent")
      }
      if link != .none { logger.info("the link, in both directions: \(link)") }
      return (connection, greeting)
    }
    do {
      try trust.check()
      do { return try attempt() } catch let error as RefusedError
        where error.code == .encryptionRequired && trust.settings.encryption == .automatic
      {
        // On loopback, a cloud that was told to encrypt there, too.
        return try attempt(encrypts: true)
      }
    } catch let error as WireError where error.field == "magic" {
      throw TrainingError.notATrainer(address: "\(cloud)", reason: Role.edge.text(of: error))
    } catch let error as TLSError where error.isPlain {
      throw TrainingError.notATrainer(address: "\(cloud)", reason: error.reason)
    } catch { throw interruption.verdict(on: error) }
  }

  /// Lets a cloud be waited for that is not there yet, or busy.
  ///
  /// - Parameters:
  ///   - rest: rests for so many seconds; throws to end the wait.
  ///   - connect: one attempt.
  /// - Throws: what `rest` throws, and what `connect` throws for a reason that time does not change.
  static func waiting<Connection>(
    for cloud: Endpoint, logger: Logger, rest: (_ seconds: Double) throws -> Void, _ connect: () throws -> Connection
  ) throws -> Connection {
    var pauses = RetryPauses()
    var told: String?
    while true {
      do { return try connect() } catch let error where RetryPauses.isPassing(error) {
        let reason = Role.edge.text(of: error)
        if reason != told { logger.notice("waiting for the cloud at \(cloud): \(reason)") }
        told = reason
      }
      try rest(pauses.next())
    }
  }
}
