import FoundationEssentials

/// Where the values of a JSON text are: what a decoder does not tell.
package struct JSONOutline {
  package enum Kind: Equatable, Sendable { case object, array, string, number, word }

  package struct Value: Equatable, Sendable {
    package let kind: Kind
    /// Its bytes in the text.
    package fileprivate(set) var range: Range<Int>
    /// Its name in an object, its number in an array; empty for the whole text.
    fileprivate let key: String
    fileprivate let parent: Int?
  }

  /// In the order in which they begin, the whole text first.
  package private(set) var values: [Value] = []
  /// The first member whose name its object has already.
  private var repeated: Int?
  private let bytes: [UInt8]
  private var position = 0

  /// As deep as the decoder goes.
  private static let maximumDepth = 512

  /// - Returns: nil for what is no JSON, also where the decoder lets it pass: "[1,]", or "\ud800" in a value that
  ///   nobody asks for.
  package init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard readValue(key: "", parent: nil, depth: 0), next() == nil else { return nil }
  }

  /// The names and numbers that lead to a value.
  package func path(of index: Int) -> [String] {
    guard let parent = values[index].parent else { return [] }
    return path(of: parent) + [values[index].key]
  }

  /// The path of the first member whose name its object has already; nil if all names differ.
  package var repeatedPath: [String]? { repeated.map { path(of: $0) } }

  /// The bytes of the value to which a path leads; of several, the last one.
  package func range(at path: [String]) -> Range<Int>? {
    // How much of the path leads to each value; nil if another one does.
    var depths: [Int?] = []
    depths.reserveCapacity(values.count)
    for value in values {
      let above = value.parent.map { depths[$0] } ?? -1
      depths.append(above.flatMap { $0 < 0 ? 0 : $0 < path.count && path[$0] == value.key ? $0 + 1 : nil })
    }
    return depths.lastIndex(of: path.count).map { values[$0].range }
  }

  /// A member of the object that the text is.
  package struct Member: Equatable, Sendable {
    package let name: String
    package let kind: Kind
    /// A string's content; what else there is as it is written.
    package let text: String
  }

  /// Those of the outermost object, in their order; none if the text is something else.
  package var members: [Member] {
    values.compactMap { value in
      guard value.parent == 0, values[0].kind == .object else { return nil }
      let written = bytes[value.range]
      let content = value.kind == .string ? try? JSONDecoder().decode(String.self, from: Data(written)) : nil
      return Member(name: value.key, kind: value.kind, text: content ?? String(decoding: written, as: UTF8.self))
    }
  }

  private mutating func readValue(key: String, parent: Int?, depth: Int) -> Bool {
    guard depth <= Self.maximumDepth, let first = next() else { return false }
    let (index, start) = (values.count, position)
    let kind: Kind =
      switch first {
      case UInt8(ascii: "{"): .object
      case UInt8(ascii: "["): .array
      case UInt8(ascii: "\""): .string
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
      default: .word
      }
    values.append(Value(kind: kind, range: start..<start, key: key, parent: parent))
    let isWhole =
      switch kind {
      case .object: readMembers(of: index, depth: depth)
      case .array: readElements(of: index, depth: depth)
      case .string: readString() != nil
      case .number, .word: readWord()
      }
    values[index].range = start..<position
    return isWhole
  }

  private mutating func readMembers(of index: Int, depth: Int) -> Bool {
    position += 1
    if take("}") { return true }
    var names: Set<String> = []
    repeat {
      guard next() == UInt8(ascii: "\""), let name = readString(), take(":") else { return false }
      if !names.insert(name).inserted, repeated == nil { repeated = values.count }
      guard readValue(key: name, parent: index, depth: depth + 1) else { return false }
    } while take(",")
    return take("}")
  }

  private mutating func readElements(of index: Int, depth: Int) -> Bool {
    position += 1
    if take("]") { return true }
    var number = 0
    repeat {
      guard readValue(key: "\(number)", parent: index, depth: depth + 1) else { return false }
      number += 1
    } while take(",")
    return take("]")
  }

  private mutating func readString() -> String? {
    let start = position
    var isEscaped = false
    position += 1
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      let escapes = bytes[position] == UInt8(ascii: "\\")
      if escapes { isEscaped = true }
      position += escapes ? 2 : 1
    }
    guard position < bytes.count else { return nil }
    position += 1
    guard isEscaped else { return String(validating: bytes[start + 1..<position - 1], as: UTF8.self) }
    return try? JSONDecoder().decode(String.self, from: Data(bytes[start..<position]))
  }

  private mutating func readWord() -> Bool {
    let start = position
    while position < bytes.count, Self.isPartOfWord(bytes[position]) { position += 1 }
    return position > start
  }

  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// The next byte that is no space.
  private mutating func next() -> UInt8? {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }
}
