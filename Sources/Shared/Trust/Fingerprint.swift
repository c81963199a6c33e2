import COpenSSL

/// Names a key: the SHA-256 of its `SubjectPublicKeyInfo`, in 64 hexadecimal digits.
package struct Fingerprint: Hashable, Sendable, CustomStringConvertible, Codable {
  package let description: String

  /// As many digits as tell keys apart for people.
  package var short: String { String(description.prefix(16)) }

  /// - Returns: nil if that is not 64 hexadecimal digits.
  package init?(parsing text: String) {
    let digits = text.lowercased()
    guard digits.utf8.count == 64, Hexadecimal.decode(digits) != nil else { return nil }
    description = digits
  }

  /// - Parameter key: an `EVP_PKEY`.
  init(of key: OpaquePointer) throws(OpenSSLError) {
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = i2d_PUBKEY(key, &encoded)
    defer { CRYPTO_free(encoded, #file, #line) }
    guard count > 0, let encoded else { throw .last("encode a public key") }
    description = Hexadecimal.encode(SHA256.digest(Array(UnsafeBufferPointer(start: encoded, count: Int(count)))))
  }

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let parsed = Self(parsing: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "expected 64 hexadecimal digits"))
    }
    self = parsed
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The digest of bytes that come one part after the other.
package final class SHA256 {
  private let context: OpaquePointer

  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("SHA-256 failed")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256 failed")
  }

  /// The digest of all bytes, 32 of them; nothing may follow.
  package func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { digest, count in
      var length: UInt32 = 0
      precondition(EVP_DigestFinal_ex(context, digest.baseAddress, &length) == 1, "SHA-256 failed")
      count = Int(length)
    }
  }

  static func digest(_ bytes: [UInt8]) -> [UInt8] {
    let hash = SHA256()
    bytes.withUnsafeBytes(hash.update)
    return hash.finish()
  }
}

package enum Hexadecimal {
  package static func encode(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// - Returns: nil for an odd number of digits, or others than 0 to 9 and a to f.
  static func decode(_ text: String) -> [UInt8]? {
    let values = text.utf8.map { digit -> UInt8? in
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      default: nil
      }
    }
    let nibbles = values.compactMap { $0 }
    guard nibbles.count == values.count, nibbles.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
  }
}
