import Platform
import Transport

/// Lets those come to the cloud that it trusts.
package struct CloudTrust: Sendable {
  /// Somebody who was let in.
  package enum Guest: Sendable {
    /// An edge that begins to speak: with a key that has joined, or with a certificate of an authority, if it encrypts.
    case edge(any ByteStream, key: Fingerprint?, subject: String?)
    /// One that is trusted from now on, and has gone again.
    case joined(KnownKey)
  }

  private let settings: TrustSettings
  /// Where the cloud listens.
  private let listen: Endpoint
  /// The first byte of everything that begins TLS.
  private static let handshakeByte: UInt8 = 22
  /// Bytes that are read of somebody who is not let in, so that the reason arrives.
  private static let drainedBytes = 1 << 16
  /// How long somebody who is not let in may take to read why, in seconds.
  private static let farewellSeconds = 1.0
  /// Seconds that a guess takes.
  private static let guessSeconds = 1.0

  package init(_ settings: TrustSettings, listeningOn listen: Endpoint) {
    self.settings = settings
    self.listen = listen
  }

  /// Whether plain text is accepted: where the cloud can be reached from its own machine only, or is told to.
  ///
  /// The listener's address counts, and not the peer's: what forwards ports into a container may make everybody come
  /// from loopback.
  package var acceptsPlainText: Bool {
    switch settings.encryption {
    case .always: false
    case .never: true
    case .automatic: listen.isLoopback && settings.authority == nil
    }
  }

  /// Checks that this side has what it needs: its key, or the authority's files. Where plain text is all that comes,
  /// nothing is needed.
  ///
  /// - Returns: the fingerprint of its key; nil if it needs none.
  /// - Throws: `TrustError`, `FileError`, `OpenSSLError`.
  package func check() throws -> Fingerprint? {
    if let authority = settings.authority {
      _ = try TLSContext(.cloud, authority, host: nil)
      return nil
    }
    return acceptsPlainText ? nil : try settings.state.fingerprint()
  }

  /// Lets a client in, or an edge join.
  ///
  /// - Throws: `RejectedClientError` (the client was told why, and the socket is closed), `ConnectionError.cancelled`.
  package func admit(_ socket: Socket, patience: Patience) throws -> Guest {
    var hasSpoken = false
    do {
      let first = try firstByte(socket, patience)
      hasSpoken = true
      if first == Self.handshakeByte { return try admitEncrypted(socket, patience) }
    } catch {
      socket.close()
      if case ConnectionError.cancelled = error { throw error }
      throw RejectedClientError(
        client: socket.remoteEndpoint, cause: error,
        saidNothing: !hasSpoken && Handshake.isGone(error) || error is OnlyLookedError, refusal: nil)
    }
    if acceptsPlainText { return .edge(socket, key: nil, subject: nil) }
    let refusal = Refusal(
      code: .encryptionRequired,
      reason: """
        this cloud takes no plain text: leave out --insecure and use 'edge-trainer join', or start cloud-trainer with \
        --insecure, too
        """)
    Handshake.refuse(FramedConnection(socket, role: .cloud), refusal)
    throw RejectedClientError(
      client: socket.remoteEndpoint, cause: PlainTextError(), saidNothing: false, refusal: refusal)
  }

  /// Waits for it; a client that says nothing is told why it is not waited for any longer.
  private func firstByte(_ socket: Socket, _ patience: Patience) throws -> UInt8 {
    func turnAway(_ code: Refusal.Code, _ reason: String) {
      self.turnAway(socket, Refusal(code: code, reason: reason), within: Self.farewellSeconds)
    }
    do {
      guard let first = try socket.peek(patience: patience) else { throw ConnectionError.endOfStream }
      return first
    } catch ConnectionError.cancelled {
      turnAway(.shuttingDown, "the cloud is shutting down")
      throw ConnectionError.cancelled
    } catch ConnectionError.timedOut(let seconds) {
      turnAway(.malformed, "no complete hello within \(seconds) s")
      throw ConnectionError.timedOut(seconds: seconds)
    }
  }

  /// - Returns: what a connection is begun with, and this cloud's key; nil with an authority.
  private func makeContext() throws -> (TLSContext, own: Fingerprint?) {
    if let authority = settings.authority { return (try TLSContext(.cloud, authority, host: nil), nil) }
    let state = try settings.state
    // What cannot be read is this side's fault, and no reason to tell an edge that its key is not known.
    let edges = Set(try KnownKeys.edges(state).all().map(\.fingerprint))
    let verification = TLSVerification { key, purpose in purpose == .join || edges.contains(key) }
    let identity = try state.identity()
    return (try TLSContext(.cloud, identity, verification), identity.fingerprint)
  }

  private func admitEncrypted(_ socket: Socket, _ patience: Patience) throws -> Guest {
    let session: TLSSession
    let own: Fingerprint?
    do {
      let (context, key) = try makeContext()
      own = key
      session = try TLSSession(context)
    } catch {
      Self.alert(socket, Self.farewell())
      throw error
    }
    let stream = TLSStream(session, around: socket) { [own] in Self.meaning(of: $0, in: $1, own) }
    do {
      let (peer, purpose) = try stream.handshake(patience)
      guard purpose == .join else {
        return .edge(stream, key: peer, subject: settings.authority == nil ? nil : stream.peerSubject)
      }
      guard let peer, settings.authority == nil else {
        throw TrustError.invitation(reason: "is not needed by a cloud that trusts an authority")
      }
      return .joined(try join(stream, peer, patience))
    } catch {
      // The alert that says why is on its way: whoever closes while there is something to read takes it back.
      stream.shutdownWriting(patience: Self.farewell())
      socket.drain(maximumBytes: Self.drainedBytes, patience: Self.farewell())
      throw error
    }
  }

  private func join(_ stream: any ByteStream, _ peer: Fingerprint, _ patience: Patience) throws -> KnownKey {
    let (secret, name): ([UInt8], String)
    do { (secret, name) = try JoinExchange.receive(stream, patience: patience) } catch ConnectionError.endOfStream {
      throw OnlyLookedError()
    }
    let edge = KnownKey(peer, name: name)
    let answer: Invitations.Answer
    do { answer = try Invitations(settings.state).use(secret, by: edge) } catch {
      try? stream.writeAll([Invitations.Answer.failed.rawValue], patience: patience)
      throw error
    }
    if answer == .unknown { try patience.cancellation?.rest(seconds: Self.guessSeconds) }
    try stream.writeAll([answer.rawValue], patience: patience)
    switch answer {
    case .welcome, .failed: break
    case .unknown: throw TrustError.invitation(reason: "that it shows is not known: somebody may be guessing")
    case .used: throw TrustError.invitation(reason: "that it shows was used already")
    case .expired: throw TrustError.invitation(reason: "that it shows has expired")
    }
    stream.shutdownWriting(patience: patience)
    stream.drain(maximumBytes: Self.drainedBytes, patience: Self.farewell())
    stream.close()
    return edge
  }

  private static func farewell(_ seconds: Double = farewellSeconds) -> Patience {
    Patience(deadline: Deadline(secondsFromNow: seconds))
  }

  /// Tells a client that it comes at a bad time, without waiting for anything, and closes.
  package func turnAway(_ socket: Socket, _ refusal: Refusal, within seconds: Double) {
    if acceptsPlainText {
      Handshake.refuse(FramedConnection(socket, role: .cloud), refusal, within: seconds)
    } else {
      Self.alert(socket, Self.farewell(seconds))
      socket.close()
    }
  }

  /// Tells a client that begins TLS that it cannot be served now.
  private static func alert(_ socket: Socket, _ patience: Patience) {
    try? socket.writeAll(Alert.internalErrorRecord, patience: patience)
    socket.shutdownWriting()
    socket.drain(maximumBytes: drainedBytes, patience: patience)
  }

  /// What errors of TLS mean to a cloud.
  ///
  /// - Parameter own: its key, nil with an authority.
  private static func meaning(of error: OpenSSLError, in session: TLSSession, _ own: Fingerprint?) -> any Error {
    let broken = TLSError(reason: error.reason, isEncrypted: session.isEncrypted)
    if error.alert != nil { return TrustError(alert: error, own: own, by: .edge) ?? broken }
    let verification = session.context.verification
    if verification.isRefused, let key = verification.presented { return TrustError.unknownEdge(key) }
    if let problem = session.certificateProblem { return TrustError.certificate(reason: problem, of: .edge) }
    return broken
  }
}

/// A client came to join, and has gone without an invitation: 'cloud-trainer invite' looks whether this is its cloud.
private struct OnlyLookedError: Error {}

/// A client did not encrypt where it should.
package struct PlainTextError: Error, CustomStringConvertible {
  package var description: String { "it does not encrypt, and this cloud takes no plain text without --insecure" }
}
