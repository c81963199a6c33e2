import Platform
import Transport

/// How an edge joins, inside TLS: it sends the secret of its invitation, the length of its name in one byte, and the
/// name; the cloud answers with one byte, an `Invitations.Answer`.
package enum JoinExchange {
  /// Bytes of a name at most.
  package static let maximumNameByteCount = 64

  /// The edge's side.
  ///
  /// - Throws: `TrustError.invitation` if the cloud does not accept it, `TrustError.cloudFailed`; `ConnectionError`,
  ///   `SystemError`.
  static func join(_ stream: any ByteStream, _ secret: [UInt8], name: String, patience: Patience) throws {
    let name = Array(printable(name).utf8)
    try stream.writeAll(secret + [UInt8(name.count)] + name, patience: patience)
    let answer = try read(1, from: stream, patience)[0]
    switch Invitations.Answer(rawValue: answer) {
    case .welcome: return
    case .unknown: throw TrustError.invitation(reason: "is not known to the cloud")
    case .used: throw TrustError.invitation(reason: "was used by another edge, or by this one before it was removed")
    case .expired: throw TrustError.invitation(reason: "has expired")
    case .failed: throw TrustError.cloudFailed
    case nil: throw TrustError.invitation(reason: "got the answer \(answer) that this release does not know")
    }
  }

  /// The cloud's side: reads what the edge says.
  ///
  /// - Throws: `ConnectionError`, `SystemError`.
  static func receive(_ stream: any ByteStream, patience: Patience) throws -> (secret: [UInt8], name: String) {
    let secret = try read(Invitation.secretByteCount, from: stream, patience)
    let count = Int(try read(1, from: stream, patience)[0])
    return (secret, printable(String(decoding: try read(count, from: stream, patience), as: UTF8.self)))
  }

  private static func read(_ count: Int, from stream: any ByteStream, _ patience: Patience) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try stream.readExactly(into: $0, patience: patience) { .word } }
    return bytes
  }

  /// What a name may be: written on terminals and into logs as it is.
  package static func isName(_ text: String) -> Bool { !text.isEmpty && printable(text) == text }

  /// What is left of a name that somebody else has chosen.
  static func printable(_ name: String) -> String {
    String(
      name.unicodeScalars.filter { (0x20...0x7e).contains($0.value) }.prefix(maximumNameByteCount).map(Character.init))
  }
}
