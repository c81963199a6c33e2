import Platform

@testable import Transport
@testable import Trust

extension FuzzTarget {
  /// A TLS connection whose bytes are changed on the way: what arrives is the beginning of what was sent, or nothing.
  static let tls = FuzzTarget("tls") {
    [[], [0, 10, 1], [1, 0, 128], [2, 44, 3, 0, 200, 1], [255, 255, 255]]
  } run: { input in
    var input = FuzzInput(input)
    /// Where bytes are changed, counted over both directions, and how.
    var changes: [Int: UInt8] = [:]
    while !input.isAtEnd { changes[Int(input.byte()) << 8 | Int(input.byte())] = input.byte() }
    let (edge, cloud) = try FuzzSides.sessions()
    let message = (0..<1500).map { UInt8(truncatingIfNeeded: $0) }
    var place = 0
    var received: [UInt8] = []
    func carry(_ from: TLSSession, _ to: TLSSession) {
      var bytes = from.takeOutput()
      for index in bytes.indices { bytes[index] ^= changes[place + index] ?? 0 }
      place += bytes.count
      bytes.withUnsafeBytes { to.receive($0) }
    }
    do {
      var (isEdgeReady, isCloudReady) = (false, false)
      for _ in 0..<3 {
        if !isEdgeReady { isEdgeReady = try edge.handshake() }
        carry(edge, cloud)
        if !isCloudReady { isCloudReady = try cloud.handshake() }
        carry(cloud, edge)
      }
      guard isEdgeReady, isCloudReady else { return }
      try edge.write(message)
      carry(edge, cloud)
      var buffer = [UInt8](repeating: 0, count: 700)
      while let count = try buffer.withUnsafeMutableBytes({ try cloud.read(into: $0) }), count > 0 {
        received += buffer[..<count]
      }
    } catch is OpenSSLError {}
    try require(message.starts(with: received), "other bytes than were sent")
    if changes.values.allSatisfy({ $0 == 0 }) { try require(received == message, "what nobody has changed") }
  }

  /// Invitations, and the files of keys.
  static let trustFiles = FuzzTarget("trust-files", words: ["keys", "fingerprint", "name", "since", "digest"]) {
    let digits = String(repeating: "0123456789abcdef", count: 4)
    return [
      "0cloud.example.org:7070/\(digits)/\(digits.prefix(32))", "0[::1]:1/\(digits)/\(digits.prefix(32))",
      #"1{"keys":[{"fingerprint":"\#(digits)","name":"edge","since":"2026-11-27T00:00:00Z"}]}"#,
      "2-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END PRIVATE KEY-----\n",
    ].map { Array($0.utf8) }
  } run: { input in
    var input = FuzzInput(input)
    let kind = input.byte() % 3
    let bytes = input.rest()
    switch kind {
    case 0:
      do {
        let invitation = try Invitation(parsing: String(decoding: bytes, as: UTF8.self))
        try require(try Invitation(parsing: "\(invitation)") == invitation, "an invitation that does not come back")
      } catch is TrustError {}
    case 1:
      do { _ = try JSONMismatch.decode([KnownKey].self, from: bytes) } catch is JSONMismatch {} catch is DecodingError {
      }
    default: do { _ = try PEM.key(bytes) } catch is OpenSSLError {}
    }
  }
}

private enum FuzzSides {
  private static let identities = Guarded<(edge: Identity, cloud: Identity)?>(nil)

  static func sessions() throws -> (edge: TLSSession, cloud: TLSSession) {
    try identities.withLock { identities in
      func make() throws -> Identity { try Identity(key: Identity.makeKey()) }
      let (edge, cloud) = try identities ?? (make(), make())
      identities = (edge, cloud)
      let (edgeKey, cloudKey) = (edge.fingerprint, cloud.fingerprint)
      return (
        try TLSSession(TLSContext(.edge, edge, TLSVerification { key, _ in key == cloudKey })),
        try TLSSession(TLSContext(.cloud, cloud, TLSVerification { key, _ in key == edgeKey }))
      )
    }
  }
}
