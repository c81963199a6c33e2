import FoundationEssentials

/// The JSON of a run's files: snake_case keys, sorted, slashes as they are, `null` where a number is not finite.
package enum RunJSON {
  /// Encodes a value that becomes an object or an array.
  ///
  /// - Parameters:
  ///   - value: anything that encodes as an object or an array.
  ///   - pretty: indented over several lines, with a line feed at the end; otherwise one line without one.
  /// - Returns: UTF-8.
  /// - Throws: what the value's own `encode(to:)` throws.
  package static func encode(_ value: some Encodable, pretty: Bool) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.keyEncodingStrategy = .convertToSnakeCase
    // The encoder can write such numbers only as strings: a mark that is no one else's, replaced below.
    let mark = String(nonFiniteMark.dropFirst().dropLast())
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: mark, negativeInfinity: mark, nan: mark)
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    return Array((text.replacing(nonFiniteMark, with: "null") + (pretty ? "\n" : "")).utf8)
  }

  /// The same on one line, as text.
  package static func line(_ value: some Encodable) throws -> String {
    String(decoding: try encode(value, pretty: false), as: UTF8.self)
  }

  /// Decodes what `encode` wrote.
  ///
  /// - Throws: `DecodingError`.
  package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(bytes))
  }

  /// A JSON string, with its quotation marks, that no record holds: 64 random bits, drawn once a process.
  private static let nonFiniteMark = "\"not-finite-\(String(UInt64.random(in: 0 ... .max), radix: 16))\""
}

/// An optional that encodes as `null` when it is missing, so that every file has the same keys.
@propertyWrapper package struct NullIfMissing<Value: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
  package var wrappedValue: Value?

  package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
  }
}

extension KeyedDecodingContainer {
  /// Chosen by the compiler for `@NullIfMissing` properties: a key that is not there is a missing value.
  package func decode<Value>(_ type: NullIfMissing<Value>.Type, forKey key: Key) throws -> NullIfMissing<Value> {
    NullIfMissing(wrappedValue: try decodeIfPresent(Value.self, forKey: key))
  }
}
