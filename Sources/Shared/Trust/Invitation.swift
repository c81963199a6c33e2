import COpenSSL
import Platform
import Transport

/// What an edge needs to join a cloud: `host:port/fingerprint/secret`.
package struct Invitation: Equatable, Sendable, CustomStringConvertible {
  package let cloud: Endpoint
  package let fingerprint: Fingerprint
  /// Sixteen bytes that only the cloud and its guest know.
  let secret: [UInt8]

  static let secretByteCount = 16

  init(cloud: Endpoint, fingerprint: Fingerprint, secret: [UInt8]) {
    self.cloud = cloud
    self.fingerprint = fingerprint
    self.secret = secret
  }

  /// - Throws: `TrustError.invitation`.
  package init(parsing line: String) throws(TrustError) {
    // It may have been pasted with some space around it, or be broken into lines.
    let parts = line.filter { !$0.isWhitespace }.split(separator: "/", omittingEmptySubsequences: false)
      .map(String.init)
    guard parts.count == 3 else {
      throw .invitation(
        reason: "is not complete: expected address/fingerprint/secret, with two slashes, not \(parts.count - 1)")
    }
    do { cloud = try Endpoint(parsing: parts[0]) } catch { throw .invitation(reason: "is damaged: \(error)") }
    guard cloud.port != 0 else { throw .invitation(reason: "is damaged: port 0 is no port to connect to") }
    guard let fingerprint = Fingerprint(parsing: parts[1]) else {
      throw .invitation(reason: "is damaged: expected 64 hexadecimal digits in the middle")
    }
    guard let secret = Hexadecimal.decode(parts[2].lowercased()), secret.count == Self.secretByteCount else {
      throw .invitation(reason: "is damaged: expected \(2 * Self.secretByteCount) hexadecimal digits at its end")
    }
    self.fingerprint = fingerprint
    self.secret = secret
  }

  package var description: String { "\(cloud)/\(fingerprint)/\(Hexadecimal.encode(secret))" }
}

/// The invitations of a cloud that are, or were, open: a file of the state directory. It does not hold the secrets.
package struct Invitations: Sendable {
  private struct Entry: Codable {
    /// The secret's SHA-256.
    let digest: String
    /// Seconds since 1970.
    let expires: Double
    /// Whose it was.
    var usedBy: Fingerprint?

    enum CodingKeys: String, CodingKey {
      case digest, expires
      case usedBy = "used_by"
    }
  }

  private struct Content: Codable { var invitations: [Entry] = [] }

  /// What becomes of somebody who has a secret.
  enum Answer: UInt8, Sendable {
    case welcome
    case unknown
    case used
    case expired
    /// Of the cloud's own fault.
    case failed
  }

  private let directory: StateDirectory
  private static let file = "invitations.json"
  /// How long it is remembered that an invitation was used or has expired, in seconds.
  private static let memorySeconds = 86_400.0

  package init(_ directory: StateDirectory) { self.directory = directory }

  /// Invites one edge.
  ///
  /// - Parameters:
  ///   - cloud: where it can be reached.
  ///   - seconds: for how long.
  /// - Throws: `TrustError.unusable`, `FileError`, `OpenSSLError`.
  package func invite(to cloud: Endpoint, validFor seconds: Double) throws -> Invitation {
    var secret = [UInt8](repeating: 0, count: Invitation.secretByteCount)
    try OpenSSLError.check("draw a secret", RAND_bytes(&secret, Int32(secret.count)))
    let fingerprint = try directory.fingerprint()
    let now = Timestamp.now().secondsSince1970
    try directory.locked {
      var content = try content()
      content.invitations.removeAll { $0.expires + Self.memorySeconds < now }
      content.invitations.append(Entry(digest: Self.digest(secret), expires: now + seconds))
      try directory.write(json: content, to: Self.file)
    }
    return Invitation(cloud: cloud, fingerprint: fingerprint, secret: secret)
  }

  /// Lets an edge in that has the secret of an open invitation, or that has come in with it before and is still
  /// trusted: the answer may have been lost.
  ///
  /// - Throws: `TrustError.unusable`, `FileError`.
  func use(_ secret: [UInt8], by edge: KnownKey) throws -> Answer {
    try directory.locked {
      let edges = KnownKeys.edges(directory)
      var content = try content()
      let digest = Self.digest(secret)
      guard let index = content.invitations.firstIndex(where: { $0.digest == digest }) else { return .unknown }
      if let user = content.invitations[index].usedBy {
        return try user == edge.fingerprint && edges.all().contains { $0.fingerprint == user } ? .welcome : .used
      }
      guard Timestamp.now().secondsSince1970 <= content.invitations[index].expires else { return .expired }
      // In this order: what fails between the two costs an invitation, and lets nobody in twice.
      content.invitations[index].usedBy = edge.fingerprint
      try directory.write(json: content, to: Self.file)
      do { try edges.insert(edge) } catch {
        content.invitations[index].usedBy = nil
        try? directory.write(json: content, to: Self.file)
        throw error
      }
      return .welcome
    }
  }

  private func content() throws -> Content { try directory.json(Content.self, Self.file) ?? Content() }

  private static func digest(_ secret: [UInt8]) -> String { Hexadecimal.encode(SHA256.digest(secret)) }
}
