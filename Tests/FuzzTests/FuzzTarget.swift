/// A reader of bytes from outside, and what must hold of it for whatever bytes there are.
struct FuzzTarget: Sendable {
  let name: String
  /// What the fuzzer begins with: right inputs, to be changed.
  let seeds: @Sendable () throws -> [[UInt8]]
  /// Words of which inputs are made, for the fuzzer's dictionary.
  let words: [String]
  /// Reads an input; what the reader is documented to throw is caught.
  ///
  /// - Throws: what must not be.
  let run: @Sendable (_ input: [UInt8]) throws -> Void

  init(
    _ name: String, words: [String] = [], seeds: @escaping @Sendable () throws -> [[UInt8]],
    run: @escaping @Sendable (_ input: [UInt8]) throws -> Void
  ) {
    (self.name, self.words, self.seeds, self.run) = (name, words, seeds, run)
  }

  static let all: [FuzzTarget] = [
    .frames, .messages, .conversation, .connection, .activations, .encoding, .zstd, .safetensorsHeader,
    .safetensorsReader, .configuration, .runFiles, .jsonOutline, .commandLine, .tls, .trustFiles, .images,
  ]
}

/// What must hold, and does not.
struct FuzzFinding: Error, CustomStringConvertible {
  let description: String
}

/// - Throws: `FuzzFinding`.
func require(_ holds: Bool, _ what: @autoclosure () -> String) throws(FuzzFinding) {
  if !holds { throw FuzzFinding(description: what()) }
}

/// An input that is read from its beginning; behind its end there are zeros.
struct FuzzInput {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  mutating func byte() -> UInt8 {
    if isAtEnd { return 0 }
    position += 1
    return bytes[position - 1]
  }

  /// A number from 0 to `count` - 1.
  mutating func choice(_ count: Int) -> Int { Int(byte()) % count }

  mutating func one<Element>(of elements: [Element]) -> Element { elements[choice(elements.count)] }

  /// So many bytes, or what is left.
  mutating func bytes(_ count: Int) -> [UInt8] {
    let end = min(bytes.count, position + count)
    defer { position = end }
    return Array(bytes[position..<end])
  }

  mutating func rest() -> [UInt8] { bytes(bytes.count - position) }
}
