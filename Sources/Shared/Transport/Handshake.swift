import Platform

/// The cloud has refused the edge.
package struct RefusedError: Error, Equatable, CustomStringConvertible {
  package let code: Refusal.Code
  package let reason: String
  /// Who says so.
  let source: String

  package init(code: Refusal.Code, reason: String, by source: String = "the cloud") {
    self.code = code
    self.reason = reason
    self.source = source
  }

  package var description: String { "\(source) refused (\(code.rawValue)): \(reason)" }
}

/// The cloud speaks another version of the protocol.
package struct ProtocolVersionError: Error, Equatable, CustomStringConvertible {
  package let cloud: UInt16
  package let edge: UInt16

  package var description: String {
    "cloud speaks protocol version \(cloud), this edge speaks \(edge); install the same release on both sides"
  }
}

/// A client that the cloud has turned away, for the cloud's log.
package struct RejectedClientError: Error, CustomStringConvertible {
  package let client: Endpoint?
  /// What was wrong with it.
  package let cause: any Error
  /// Whether it has gone without a single byte, like those that look whether a port is open.
  package let saidNothing: Bool
  /// What it was told; `nil` if it had gone before it could be told anything.
  package let refusal: Refusal?

  package init(client: Endpoint?, cause: any Error, saidNothing: Bool, refusal: Refusal?) {
    self.client = client
    self.cause = cause
    self.saidNothing = saidNothing
    self.refusal = refusal
  }

  package var description: String {
    let name = client.map { "\($0)" } ?? "client"
    let answer = refusal.map { ", refused (\($0.code.rawValue))" } ?? ""
    // Here --timeout is no help: they have less.
    let reason =
      switch cause {
      case ConnectionError.timedOut(let seconds): "it did not say enough in \(seconds) s"
      default: (cause as? any PeerNamingError)?.description(peer: "the edge") ?? "\(cause)"
      }
    return "\(name) was not let in\(answer): \(reason)"
  }
}

/// The first messages of a connection.
package enum Handshake {
  /// The longest time, in seconds, in which a client has to be trusted, and to have said its `hello`.
  package static let maximumHelloSeconds = 5.0

  /// The edge's side: sends `hello` and waits for the answer.
  ///
  /// - Parameter sendWeights: sends the file of weights that the hello offers, when the cloud asks for it.
  /// - Returns: the cloud's consent.
  /// - Throws: `RefusedError`, `ProtocolVersionError`, `WireError`, `ConnectionError`, `SystemError`. The connection is
  ///   then closed.
  package static func connect(_ connection: FramedConnection, hello: Hello, sendWeights: () throws -> Void = {}) throws
    -> Welcome
  {
    do {
      try explaining(connection) { try connection.send(.hello(hello)) }
      var answer = try connection.receive().message
      if case .weightsRequest = answer {
        try explaining(connection, sendWeights)
        answer = try connection.receive().message
      }
      switch answer {
      case .welcome(let welcome): return welcome
      case .refusal(let refusal): throw RefusedError(code: refusal.code, reason: refusal.reason)
      case .failure(let failure): throw failure
      default: throw WireError.unexpected(answer, expected: "welcome, refusal, failure")
      }
    } catch WireError.version(let expected, let actual) {
      connection.abandon()
      throw ProtocolVersionError(cloud: actual, edge: expected)
    } catch {
      connection.abandon()
      throw error
    }
  }

  /// Runs `body`, which sends. A cloud that refuses at once may have closed before it has heard all; its reason may be
  /// here already.
  private static func explaining(_ connection: FramedConnection, _ body: () throws -> Void) throws {
    do { try body() } catch let error as ConnectionError {
      guard case .peerGone = error else { throw error }
      switch try? connection.receive().message {
      case .refusal(let refusal): throw RefusedError(code: refusal.code, reason: refusal.reason)
      case .failure(let failure): throw failure
      default: throw error
      }
    }
  }

  /// The cloud's side: waits for `hello`. Whoever sends something else is told why it is refused.
  ///
  /// The caller then sends `welcome`, or calls `refuse`.
  ///
  /// - Parameters:
  ///   - connection: fresh from `accept`.
  ///   - deadline: for the whole `hello`.
  /// - Returns: the edge's `hello`.
  /// - Throws: `RejectedClientError` (the connection is closed, the client told), `ConnectionError.cancelled`.
  package static func accept(
    _ connection: FramedConnection, until deadline: Deadline = Deadline(secondsFromNow: maximumHelloSeconds)
  ) throws -> Hello {
    do {
      let message = try connection.receive(deadline: deadline).message
      switch message {
      case .hello(let hello): return hello
      case .failure(let failure): throw failure
      default: throw WireError.unexpected(message, expected: "hello, failure")
      }
    } catch ConnectionError.cancelled {
      refuse(connection, Refusal(code: .shuttingDown, reason: "the cloud is shutting down"))
      throw ConnectionError.cancelled
    } catch {
      let saidNothing = isGone(error) && connection.isBetweenFrames
      let answer = refusal(for: error)
      let isTold = answer.map { refuse(connection, $0) } ?? false
      connection.abandon()
      throw RejectedClientError(
        client: connection.remoteEndpoint, cause: error, saidNothing: saidNothing, refusal: isTold ? answer : nil)
    }
  }

  /// Refuses politely and closes: the reason is sent, the stream ended, and what the client still sends is read for up
  /// to a second or 16 MB, so that the client can read the reason.
  ///
  /// - Returns: whether the reason has been sent.
  @discardableResult package static func refuse(
    _ connection: FramedConnection, _ refusal: Refusal, within seconds: Double = 1
  ) -> Bool { connection.close(sending: .refusal(refusal), within: seconds) }

  /// Whether an error says that nobody is there any more.
  package static func isGone(_ error: any Error) -> Bool {
    switch error {
    case ConnectionError.endOfStream, ConnectionError.peerGone: true
    default: false
    }
  }

  /// What to tell a client whose first bytes led to `error`; `nil` if nobody is there to be told.
  private static func refusal(for error: any Error) -> Refusal? {
    switch error {
    case WireError.version(let expected, let actual):
      Refusal(code: .protocolVersion, reason: "cloud speaks protocol version \(expected), this edge speaks \(actual)")
    case let error as WireError:
      if case .length = error {
        Refusal(code: .limitExceeded, reason: "\(error)")
      } else {
        Refusal(code: .malformed, reason: "\(error)")
      }
    case ConnectionError.timedOut(let seconds):
      Refusal(code: .malformed, reason: "no complete hello within \(seconds) s")
    case ConnectionError.endOfStreamInsideFrame: Refusal(code: .malformed, reason: "the stream ended inside the hello")
    default: nil
    }
  }
}
