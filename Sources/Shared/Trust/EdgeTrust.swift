import Platform
import Transport

/// Makes the edge's connections safe.
package struct EdgeTrust: Sendable {
  package let settings: TrustSettings

  package init(_ settings: TrustSettings) { self.settings = settings }

  /// Whether a connection to this peer is encrypted.
  package func encrypts(_ peer: Endpoint?) -> Bool {
    switch settings.encryption {
    case .always: true
    case .never: false
    case .automatic: settings.authority != nil || peer?.isLoopback == false
    }
  }

  /// Checks what can be checked before there is a connection: that this side has a key, and knows a cloud. Where it
  /// depends on the peer whether that is needed, nothing is checked.
  ///
  /// - Throws: `TrustError`, `FileError`, `OpenSSLError`.
  package func check() throws {
    guard encrypts(nil) else { return }
    if let authority = settings.authority {
      _ = try TLSContext(.edge, authority, host: nil)
    } else {
      let state = try settings.state
      _ = try Self.clouds(state)
      _ = try state.identity()
    }
  }

  /// Those that were joined.
  private static func clouds(_ state: StateDirectory) throws -> [KnownKey] {
    let clouds = try KnownKeys.clouds(state).all()
    if clouds.isEmpty { throw TrustError.noCloud }
    return clouds
  }

  /// Agrees with the cloud on keys, if that is who it should be.
  ///
  /// - Parameters:
  ///   - stream: connected.
  ///   - cloud: its address, as the user has named it.
  /// - Returns: what is written and read instead.
  /// - Throws: `TrustError`, `TLSError`, `RefusedError`, `ConnectionError`, `SystemError`, `FileError`,
  ///   `OpenSSLError`. The stream is then closed.
  package func secure(_ stream: any ByteStream, to cloud: Endpoint, cancellation: Cancellation?) throws
    -> any ByteStream
  {
    if let authority = settings.authority {
      let context = try TLSContext(.edge, authority, host: cloud.host)
      return try Self.begin(
        TLSSession(context), stream, Explanation(own: nil, expected: [], cloud: cloud),
        Patience(cancellation: cancellation))
    }
    let state = try settings.state
    let clouds = try Self.clouds(state)
    // Where a cloud was joined, that one is expected; elsewhere there may be any of them, since clouds move.
    let there = clouds.filter { $0.address == "\(cloud)" }
    let expected = (there.isEmpty ? clouds : there).map(\.fingerprint)
    return try Self.connect(
      stream, state.identity(), to: cloud, expected: expected, .train, Patience(cancellation: cancellation))
  }

  /// Makes a cloud trust this edge, and this edge that cloud.
  ///
  /// - Parameters:
  ///   - invitation: of the cloud.
  ///   - cloud: where it is, if not where the invitation says.
  ///   - name: of this edge, for people.
  /// - Returns: the cloud.
  /// - Throws: as `secure`; `ThreadError`.
  package func join(
    _ invitation: Invitation, at cloud: Endpoint, name: String, timeout: Double, cancellation: Cancellation
  ) throws -> KnownKey {
    let state = try settings.state
    // Before anybody is asked.
    let identity = try state.identityOrNew()
    let (stream, patience) = try Self.reach(invitation, at: cloud, as: identity, timeout, cancellation)
    defer { stream.close() }
    try JoinExchange.join(stream, invitation.secret, name: name, patience: patience)
    let key = KnownKey(invitation.fingerprint, name: cloud.host, address: "\(cloud)")
    try KnownKeys.clouds(state).add(key)
    stream.shutdownWriting(patience: patience)
    return key
  }

  /// Checks whether the cloud of an invitation is where it says, without using it.
  ///
  /// - Throws: as `secure`; `ThreadError`.
  package static func check(_ invitation: Invitation, timeout: Double, cancellation: Cancellation) throws {
    let identity = try Identity(key: Identity.makeKey())
    try reach(invitation, at: invitation.cloud, as: identity, timeout, cancellation).stream.close()
  }

  /// Connects to the cloud of an invitation, to join it.
  private static func reach(
    _ invitation: Invitation, at cloud: Endpoint, as identity: sending Identity, _ timeout: Double,
    _ cancellation: Cancellation
  ) throws -> (stream: any ByteStream, patience: Patience) {
    let socket = try Socket.connect(to: cloud, timeout: timeout, cancellation: cancellation)
    let patience = Patience(cancellation: cancellation, deadline: Deadline(secondsFromNow: timeout))
    return (try connect(socket, identity, to: cloud, expected: [invitation.fingerprint], .join, patience), patience)
  }

  private static func connect(
    _ stream: any ByteStream, _ identity: sending Identity, to cloud: Endpoint, expected: [Fingerprint],
    _ purpose: TLSContext.Purpose, _ patience: Patience
  ) throws -> any ByteStream {
    let explanation = Explanation(
      own: identity.fingerprint, expected: expected, cloud: cloud, isJoining: purpose == .join)
    let verification = TLSVerification { key, _ in expected.contains(key) }
    let context = try TLSContext(.edge, identity, verification)
    return try begin(TLSSession(context, for: purpose), stream, explanation, patience)
  }

  private static func begin(
    _ session: sending TLSSession, _ base: any ByteStream, _ explanation: Explanation, _ patience: Patience
  ) throws -> any ByteStream {
    let stream = TLSStream(session, around: base) { explanation.meaning(of: $0, in: $1) }
    do { _ = try stream.handshake(patience) } catch {
      stream.close()
      throw error
    }
    return stream
  }

  /// What errors of TLS mean to an edge.
  private struct Explanation: Sendable {
    /// Nil with an authority.
    let own: Fingerprint?
    let expected: [Fingerprint]
    let cloud: Endpoint
    var isJoining = false

    func meaning(of error: OpenSSLError, in session: TLSSession) -> any Error {
      if let alert = error.alert.map(Alert.init(rawValue:)) {
        if session.isEncrypted {
          return TrustError(alert: error, own: own, by: .cloud) ?? broken(error.reason, session)
        }
        // Nobody has proved anything yet: it may be anybody who says so.
        return switch alert {
        case .internalError?: refusal("it has too many clients just now, or a fault of its own that its log tells")
        case .unknownAuthority?, .certificate?: TrustError.unproved(address: "\(cloud)", alert: error.reason)
        case nil: broken(error.reason, session)
        }
      }
      let verification = session.context.verification
      if verification.isRefused, let actual = verification.presented {
        if isJoining, !verification.isSigned, let invited = expected.first {
          return TrustError.invitation(
            reason: """
              is of the cloud with the key \(invited), but at \(cloud) is \(actual): that is another cloud, or somebody \
              is in between, or the line has a mistake (the cloud's address can be given with --cloud)
              """)
        }
        return TrustError.otherCloud(
          address: "\(cloud)", expected: expected, actual: actual, isSigned: verification.isSigned)
      }
      if own == nil, let problem = session.certificateProblem {
        return TrustError.certificate(reason: problem, of: .cloud)
      }
      if session.firstBytes == Array("HTRN".utf8) {
        return refusal("it answered in plain text: it has too many clients just now, or is of an older release")
      }
      if session.isPlain { return TLSError(reason: "what comes is not TLS", isEncrypted: false, isPlain: true) }
      return broken(error.reason, session)
    }

    private func broken(_ reason: String, _ session: TLSSession) -> TLSError {
      if session.isEncrypted { return TLSError(reason: reason, isEncrypted: true) }
      let advice = "give another address with --cloud, or install the same release on both sides"
      return TLSError(reason: "\(reason); \(advice)", isEncrypted: false)
    }

    private func refusal(_ reason: String) -> RefusedError {
      RefusedError(
        code: .busy, reason: "\(reason); try again in some seconds", by: "whoever answers at \(cloud)")
    }
  }
}

/// Alerts of TLS (RFC 8446, section 6.2) that mean something of their own here.
enum Alert: Equatable {
  /// The peer's authority is not known; of a key that is trusted or not, that the key is not.
  case unknownAuthority
  /// Something else about the certificate.
  case certificate
  /// A cloud at its limits says so, since it may not say more before there are keys.
  case internalError

  init?(rawValue: Int32) {
    switch rawValue {
    case 48: self = .unknownAuthority
    case 42...46, 49, 51, 116: self = .certificate
    case Int32(Self.internalErrorNumber): self = .internalError
    default: return nil
    }
  }

  static let internalErrorNumber: UInt8 = 80
  /// The record in which a side that is not in a handshake yet says so: fatal.
  static let internalErrorRecord: [UInt8] = [21, 3, 3, 0, 2, 2, internalErrorNumber]
}
