import Platform
import Transport

/// One side does not trust the other, or cannot say who it is.
package enum TrustError: PeerNamingError, Equatable {
  /// No cloud was ever joined.
  case noCloud
  /// The cloud has another key than it should.
  case otherCloud(address: String, expected: [Fingerprint], actual: Fingerprint, isSigned: Bool = false)
  /// Somebody at the cloud's address, who has not proved to be the cloud, says that this side's key or certificate is
  /// not accepted.
  case unproved(address: String, alert: String)
  /// The cloud does not know this edge's key.
  case refusedByCloud(own: Fingerprint)
  /// The edge expects another key than this cloud's.
  case refusedByEdge(own: Fingerprint)
  /// The edge's key is not known.
  case unknownEdge(Fingerprint)
  /// The peer did not accept this side's certificate.
  case certificateRefused(alert: String)
  /// This side does not accept the peer's certificate.
  case certificate(reason: String, of: Role)
  /// The cloud has a fault of its own.
  case cloudFailed
  /// The invitation is no good.
  case invitation(reason: String)
  /// This side has no key.
  case noKey(path: String)
  /// A file of this side cannot be used.
  case unusable(path: String, reason: String)
  /// The user has no place for such files.
  case noStateDirectory
  /// No key that is trusted has this fingerprint.
  case noSuchKey(text: String, matches: Int)

  private static let invite = "get an invitation with 'cloud-trainer invite' there, and call 'edge-trainer join' here"

  package func description(peer: String) -> String {
    switch self {
    case .noCloud:
      "no cloud's key is known here; \(Self.invite) (or leave the link unprotected: --insecure on both sides)"
    case .otherCloud(let address, _, _, isSigned: true):
      """
      \(address) shows a certificate that somebody else has signed: either the cloud trusts an authority, then give \
      --tls-certificate, --tls-key and --tls-authority here, too; or somebody is in between
      """
    case .otherCloud(let address, let expected, let actual, _):
      """
      \(address) shows the key \(actual.short), but trusted \(expected.count == 1 ? "is" : "are") \
      \(expected.map(\.short).joined(separator: ", ")): somebody may be in between; if the cloud has a new key, \
      \(Self.invite)
      """
    case .unproved(let address, let alert):
      """
      whoever answers at \(address), and has not proved to be \(peer), says that this side's key or certificate is not \
      accepted (\(alert)): somebody may be in between; try again, or give another address with --cloud
      """
    case .refusedByCloud(let own): "\(peer) does not know this edge's key, \(own.short); \(Self.invite)"
    case .refusedByEdge(let own):
      """
      it expects another key than this cloud's, \(own.short): it has joined another cloud, or somebody is in between; if \
      it is to come here, give it the line that 'cloud-trainer invite' prints
      """
    case .unknownEdge(let key):
      "its key, \(key.short), is not known here; to let it in, give it the line that 'cloud-trainer invite' prints"
    case .certificateRefused(let alert):
      "\(peer) does not accept this side's certificate (\(alert)); its log may say why"
    case .certificate(let reason, .cloud):
      """
      the certificate of \(peer) is not accepted: \(reason); it must be signed by --tls-authority, hold the address that \
      --cloud names, and be valid by this machine's clock
      """
    case .certificate(let reason, .edge):
      """
      its certificate is not accepted: \(reason); it must be signed by --tls-authority, and be valid by this machine's \
      clock
      """
    case .cloudFailed: "\(peer) cannot write down who has joined; its log says why; try again when that is mended"
    case .noKey(let path):
      """
      \(path), this side's key, is not there; 'edge-trainer join' makes one, and so does cloud-trainer when it starts; \
      whoever knew the old one has to be told of it by joining anew
      """
    case .invitation(let reason): "the invitation \(reason); get a new one with 'cloud-trainer invite'"
    case .unusable(let path, let reason): "\(path) cannot be used: \(reason)"
    case .noStateDirectory: "there is no home folder for keys: set HOME, or say --state-dir"
    case .noSuchKey(let text, let matches):
      matches == 0
        ? "no key begins with \(text), or is called so"
        : "\(matches) keys begin with \(text), or are called so: give more of the fingerprint's digits"
    }
  }
}

extension TrustError {
  /// What an alert of the peer says of this side's key or certificate.
  ///
  /// - Parameters:
  ///   - own: the key; nil with an authority.
  ///   - peer: who says it.
  /// - Returns: nil if it says something else.
  init?(alert error: OpenSSLError, own: Fingerprint?, by peer: Role) {
    switch (error.alert.flatMap(Alert.init(rawValue:)), own) {
    case (.unknownAuthority, let own?): self = peer == .cloud ? .refusedByCloud(own: own) : .refusedByEdge(own: own)
    case (.certificate, _), (.unknownAuthority, nil): self = .certificateRefused(alert: error.reason)
    default: return nil
    }
  }
}

/// What came over a connection is not what TLS makes: bytes were changed, left out, or were never TLS.
package struct TLSError: PeerNamingError, Equatable {
  package let reason: String
  /// Whether both sides had agreed on keys before.
  let isEncrypted: Bool
  /// Whether what came was never TLS.
  package var isPlain = false

  package func description(peer: String) -> String {
    isEncrypted
      ? "the encrypted connection to \(peer) is broken: \(reason)"
      : "\(peer) does not begin TLS 1.3 as edge-trainer and cloud-trainer do: \(reason)"
  }
}
