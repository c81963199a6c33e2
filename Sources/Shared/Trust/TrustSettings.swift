import Platform

/// How a side wants its connections to be protected, and with what.
package struct TrustSettings: Codable, Equatable, Sendable {
  package enum Encryption: String, Codable, Sendable {
    /// Wherever a connection leaves the machine.
    case automatic
    /// Within the machine, too.
    case always
    /// On the edge: nowhere. In the cloud: only of those who want it.
    case never
  }

  package var encryption = Encryption.automatic
  /// Where this side's key and those that it trusts are; nil for the user's own place.
  package var stateDirectory: String?
  /// Trust in an authority, instead of in keys.
  package var authority: AuthorityFiles?

  package init() {}

  /// - Throws: `TrustError.noStateDirectory`.
  package var state: StateDirectory { get throws { StateDirectory(path: try stateDirectory ?? StateDirectory.own()) } }
}

/// Files of people who have an authority of their own, in PEM.
package struct AuthorityFiles: Codable, Equatable, Sendable {
  /// Of this side, and behind it those between it and the authority.
  package let certificate: String
  /// Of the certificate.
  package let key: String
  /// Certificates of those whose signature makes a peer trusted.
  package let authority: String

  package init(certificate: String, key: String, authority: String) {
    self.certificate = certificate
    self.key = key
    self.authority = authority
  }
}
