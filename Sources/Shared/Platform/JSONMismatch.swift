import FoundationEssentials

/// A value in JSON that is not what its reader asks for.
package struct JSONMismatch: Error, Equatable, CustomStringConvertible {
  /// The names and numbers that lead to it; empty for the whole text.
  package let path: [String]
  package let expected: String
  /// The value as it is written, or "nothing".
  package let actual: String

  package var description: String {
    "\(path.isEmpty ? "it" : path.joined(separator: ".")) is \(actual), expected \(expected)"
  }

  /// Decodes JSON.
  ///
  /// - Throws: `JSONMismatch`, or what a value's own `init(from:)` throws besides `DecodingError`.
  package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch let error as DecodingError {
      throw explanation(of: error, in: bytes) { try JSONDecoder().decode(type, from: Data($0)) }
    }
  }

  private static func explanation(
    of error: DecodingError, in bytes: [UInt8], decode: @escaping ([UInt8]) throws -> some Any
  ) -> JSONMismatch {
    let outline = JSONOutline(bytes)
    func mismatch(_ context: DecodingError.Context, _ expected: String) -> JSONMismatch {
      let path = path(context.codingPath)
      return JSONMismatch(
        path: path, expected: expected,
        actual: outline?.range(at: path).map { text(bytes[$0]) } ?? context.debugDescription)
    }
    switch error {
    case .keyNotFound(let key, let context):
      return JSONMismatch(path: path(context.codingPath + [key]), expected: "a value", actual: "nothing")
    case .valueNotFound(let type, let context), .typeMismatch(let type, let context):
      return mismatch(context, name(type))
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      if let outline, let number = Numbers(bytes, outline, decode).misfit() { return number }
      return JSONMismatch(path: [], expected: "valid JSON", actual: "damaged or cut off")
    case .dataCorrupted(let context): return mismatch(context, "another value (\(context.debugDescription))")
    @unknown default: return JSONMismatch(path: [], expected: "valid JSON", actual: "\(error)")
    }
  }

  private static func path(_ keys: [any CodingKey]) -> [String] {
    keys.map { key in key.intValue.map(String.init) ?? key.stringValue }
  }

  fileprivate static func text(_ bytes: ArraySlice<UInt8>) -> String {
    bytes.count > 80 ? String(decoding: bytes.prefix(79), as: UTF8.self) + "…" : String(decoding: bytes, as: UTF8.self)
  }

  private static func name(_ type: any Any.Type) -> String {
    switch type {
    case is any UnsignedInteger.Type: "a whole number of at least 0"
    case is any BinaryInteger.Type: "a whole number"
    case is any BinaryFloatingPoint.Type: "a number"
    case is String.Type: "a string"
    case is Bool.Type: "true or false"
    default: "\(type)".hasPrefix("Array<") ? "an array" : "an object"
    }
  }
}

/// The numbers in a text. The decoder does not say which one does not fit into its type, so that it is asked again,
/// with others in their places.
private struct Numbers {
  private let bytes: [UInt8]
  private let outline: JSONOutline
  /// The indices of the numbers.
  private let numbers: [Int]
  private let decode: ([UInt8]) throws -> Any

  init(_ bytes: [UInt8], _ outline: JSONOutline, _ decode: @escaping ([UInt8]) throws -> Any) {
    (self.bytes, self.outline, self.decode) = (bytes, outline, decode)
    numbers = outline.values.indices.filter { outline.values[$0].kind == .number }
  }

  /// The last one that does not fit; nil if it is not a number that is wrong.
  func misfit() -> JSONMismatch? {
    // With the first `bad` ones replaced, one is left that does not fit; with the first `good` ones, none.
    var (bad, good) = (0, numbers.count)
    guard !fits(replacing: { $0 < bad ? "1" : nil }), fits(replacing: { _ in "1" }) else { return nil }
    while good - bad > 1 {
      let middle = (bad + good) / 2
      if fits(replacing: { $0 < middle ? "1" : nil }) { good = middle } else { bad = middle }
    }
    let value = outline.values[numbers[bad]]
    let actual = JSONMismatch.text(bytes[value.range])
    func takes(_ number: String) -> Bool { fits { $0 == bad ? number : "1" } }
    let expected =
      if takes("0.5") {
        "a number closer to 0"
      } else if !takes("-1") {
        actual.hasPrefix("-") || actual.contains(where: ".eE".contains)
          ? "a whole number of at least 0" : "a whole number of at most \(UInt64.max)"
      } else if actual.contains(where: ".eE".contains) {
        "a whole number"
      } else {
        "a whole number from \(Int.min) to \(Int.max)"
      }
    return JSONMismatch(path: outline.path(of: numbers[bad]), expected: expected, actual: actual)
  }

  /// Whether the decoder takes all numbers.
  ///
  /// - Parameter replacing: what stands in the place of a number, given its number; nil for itself.
  private func fits(replacing: (Int) -> String?) -> Bool {
    var (changed, end) = ([UInt8](), 0)
    for (number, index) in numbers.enumerated() {
      guard let text = replacing(number) else { continue }
      changed += bytes[end..<outline.values[index].range.lowerBound]
      changed += text.utf8
      end = outline.values[index].range.upperBound
    }
    changed += bytes[end...]
    do { _ = try decode(changed) } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
      return false
    } catch {}
    return true
  }
}
