import Platform

/// Writes tensors in the safetensors format (https://huggingface.co/docs/safetensors), readable by the Python package:
///
/// ```
/// | header length, UInt64 LE | header, JSON, spaces up to a multiple of 8 | tensor 0 | tensor 1 | … |
/// ```
///
/// The header has `__metadata__`, text by text, and for each tensor its element type, shape and place from the end of
/// the header; tensors follow one another without gaps, row-major, little-endian, in the order given.
package enum SafetensorsWriter {
  /// Elements that a generating closure is asked for at a time: 1 MiB.
  static let chunkElements = 1 << 18

  /// Writes a file, atomically, without a second copy of the tensors in memory.
  ///
  /// - Parameters:
  ///   - tensors: with different names, none of them `__metadata__`.
  ///   - metadata: configuration, epoch, step; written in the order of the keys.
  ///   - path: an existing file is replaced when the new one is complete.
  ///   - checksum: the name of a further tensor, one integer at the end: the CRC-32C of all bytes before it.
  ///   - operations: the system calls.
  /// - Throws: `FileError`, and what generating closures throw; what was at `path` is unharmed then.
  package static func write(
    _ tensors: [NamedTensor], metadata: [String: String] = [:], to path: String, checksum: String? = nil,
    operations: FileOperations = .live
  ) throws {
    #if _endian(big)
      #error("tensors are written as they lie in memory, which must be little-endian")
    #endif
    let header = header(tensors + (checksum.map { [.scalar(name: $0, 0)] } ?? []), metadata: metadata)
    var sum: UInt32 = 0
    func counted(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
      if checksum != nil { sum = CRC32C.checksum(bytes, continuing: sum) }
      return bytes
    }
    // Allocated only if there is a tensor to be generated.
    var chunk: UnsafeMutableBufferPointer<Float>?
    defer { chunk?.deallocate() }
    try AtomicFile.write(to: path, operations: operations) { writer in
      try header.withUnsafeBytes { try writer.write(counted($0)) }
      for tensor in tensors {
        switch tensor.content {
        case .values(let values): try writer.write(counted(UnsafeRawBufferPointer(values)))
        case .integers(let values): try values.withUnsafeBytes { try writer.write(counted($0)) }
        case .generated(let fill):
          let buffer = chunk ?? .allocate(capacity: chunkElements)
          chunk = buffer
          for first in stride(from: 0, to: tensor.elementCount, by: buffer.count) {
            let part = UnsafeMutableBufferPointer(
              rebasing: buffer[..<min(buffer.count, tensor.elementCount - first)])
            try fill(first, part)
            try writer.write(counted(UnsafeRawBufferPointer(part)))
          }
        }
      }
      if checksum != nil { try withUnsafeBytes(of: Int64(sum)) { try writer.write($0) } }
    }
  }

  /// The length and the padded JSON header.
  static func header(_ tensors: [NamedTensor], metadata: [String: String]) -> [UInt8] {
    var entries: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\(jsonString($0.value))" }
      entries.append("\"\(SafetensorsFormat.metadataKey)\":{\(pairs.joined(separator: ","))}")
    }
    var names: Set<String> = []
    var offset = 0
    for tensor in tensors {
      precondition(
        tensor.name != SafetensorsFormat.metadataKey && names.insert(tensor.name).inserted,
        "tensor name \(tensor.name) is taken")
      let end = offset + tensor.elementCount * tensor.elementType.bytes
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      entries.append(
        "\(jsonString(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    precondition(json.count <= SafetensorsFormat.maximumHeaderBytes, "header of \(json.count) bytes")
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  private static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// What writer and reader agree on.
enum SafetensorsFormat {
  static let metadataKey = "__metadata__"
  /// A larger header is refused, as the reference implementation does.
  static let maximumHeaderBytes = 100_000_000
}

/// The element types that this project stores.
package enum SafetensorsElementType: String, Codable, Equatable, Sendable {
  case float32 = "F32"
  case int64 = "I64"

  /// Bytes of one element.
  var bytes: Int {
    switch self {
    case .float32: 4
    case .int64: 8
    }
  }
}
