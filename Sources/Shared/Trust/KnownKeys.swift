import FoundationEssentials
import Platform
import Transport

/// A key that is trusted.
package struct KnownKey: Codable, Equatable, Sendable {
  package let fingerprint: Fingerprint
  /// What its owner calls itself; for people.
  package let name: String
  /// Where a cloud was when it was joined; nil for an edge.
  package let address: String?
  /// ISO 8601.
  package let since: String

  init(_ fingerprint: Fingerprint, name: String, address: String? = nil) {
    self.fingerprint = fingerprint
    self.name = name
    self.address = address
    since = Timestamp.now().iso8601
  }
}

/// The edges that a cloud lets in, or the clouds that an edge goes to: a file of the state directory, read anew each
/// time, since other processes change it.
package struct KnownKeys: Sendable {
  private let directory: StateDirectory
  private let file: String

  private struct Content: Codable { var keys: [KnownKey] = [] }

  package static func edges(_ directory: StateDirectory) -> Self { Self(directory: directory, file: "edges.json") }
  package static func clouds(_ directory: StateDirectory) -> Self { Self(directory: directory, file: "clouds.json") }

  /// Those that are trusted now.
  ///
  /// - Throws: `TrustError.unusable`.
  package func all() throws -> [KnownKey] { try directory.json(Content.self, file)?.keys ?? [] }

  /// Trusts a key; what was known of it before is forgotten.
  ///
  /// - Throws: `TrustError.unusable`, `FileError`.
  func add(_ key: KnownKey) throws { try directory.locked { try insert(key) } }

  /// The same, with the directory locked.
  func insert(_ key: KnownKey) throws { try write(try all().filter { $0.fingerprint != key.fingerprint } + [key]) }

  /// Trusts a key no more.
  ///
  /// - Parameter text: with which its fingerprint begins; if none does so, its name or its address.
  /// - Returns: the key.
  /// - Throws: `TrustError.noSuchKey` if that is no key, or not a single one; `TrustError.unusable`, `FileError`.
  package func remove(_ text: String) throws -> KnownKey {
    try directory.locked {
      let keys = try all()
      var meant = keys.filter { $0.fingerprint.description.hasPrefix(text.lowercased()) }
      if meant.isEmpty { meant = keys.filter { ($0.address ?? $0.name) == text } }
      guard meant.count == 1 else { throw TrustError.noSuchKey(text: text, matches: meant.count) }
      try write(keys.filter { $0 != meant[0] })
      return meant[0]
    }
  }

  private func write(_ keys: [KnownKey]) throws { try directory.write(json: Content(keys: keys), to: file) }
}

extension StateDirectory {
  /// - Returns: nil if there is no such file.
  /// - Throws: `TrustError.unusable`.
  func json<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value? {
    guard let bytes = try contents(of: file) else { return nil }
    do { return try JSONMismatch.decode(type, from: bytes) } catch {
      throw TrustError.unusable(path: path(of: file), reason: "\(error)")
    }
  }

  func write(json value: some Encodable, to file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    try write(Array(try encoder.encode(value)) + [UInt8(ascii: "\n")], to: file)
  }
}
