import Platform

/// The name of a run, the same on both sides: "20261123-081502-3f9a1c".
///
/// The cloud uses it as a path component although the edge chose it, so it holds only `A`–`Z`, `a`–`z`, `0`–`9`, `.`,
/// `_` and `-`, 1 to 64 of them, and does not begin with a dot: no separator, no parent directory and no control
/// character can get into a path through it.
package struct RunIdentifier: Hashable, Sendable, CustomStringConvertible {
  /// The identifier as text, valid as a path component.
  package let description: String

  /// The largest number of characters.
  static let maximumLength = 64

  /// Accepts an identifier from outside.
  ///
  /// - Throws: `RunIdentifierError` if a character, the first one or the length is not allowed.
  package init(validating text: String) throws(RunIdentifierError) {
    let length = text.utf8.count
    guard length >= 1, length <= Self.maximumLength else { throw .length(length) }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        continue
      default: throw .character(byte)
      }
    }
    if text.hasPrefix(".") { throw .leadingDot }
    description = text
  }

  /// A new identifier: the time in UTC and 24 random bits.
  ///
  /// - Parameters:
  ///   - secondsSince1970: the time of the start.
  ///   - random: the source of the bits; not the run's seeded one, or equal runs would have equal names.
  /// - Returns: a valid identifier, 22 characters.
  static func generate(secondsSince1970: Double, using random: inout some RandomNumberGenerator) -> RunIdentifier {
    let hexadecimal = String(random.next() & 0xff_ffff as UInt64, radix: 16)
    let suffix = String(repeating: "0", count: 6 - hexadecimal.count) + hexadecimal
    return RunIdentifier(trusted: Timestamp(secondsSince1970: secondsSince1970).compact + "-" + suffix)
  }

  /// A new identifier for a run that starts now.
  package static func generate() -> RunIdentifier {
    var random = SystemRandomNumberGenerator()
    return generate(secondsSince1970: Timestamp.now().secondsSince1970, using: &random)
  }

  private init(trusted text: String) { description = text }
}

/// Why a text is no `RunIdentifier`.
package enum RunIdentifierError: Error, Equatable, CustomStringConvertible {
  /// Empty, or too long; the length in bytes.
  case length(Int)
  /// Holds this byte, which is not allowed.
  case character(UInt8)
  case leadingDot

  package var description: String {
    switch self {
    case .length(let length): "run identifier of \(length) bytes, expected 1 to \(RunIdentifier.maximumLength)"
    case .character(let byte):
      "run identifier holds byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16)), "
        + "expected only A-Z, a-z, 0-9, '.', '_' and '-'"
    case .leadingDot: "run identifier begins with a dot"
    }
  }
}

extension RunIdentifier: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do { try self.init(validating: text) } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
