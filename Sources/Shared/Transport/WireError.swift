/// Bytes that are no frame of this protocol, or a frame at the wrong moment.
package enum WireError: PeerNamingError, Equatable {
  /// The frame does not begin with `HTRN`.
  case magic(actual: [UInt8])
  /// The peer speaks another version of the protocol.
  case version(expected: UInt16, actual: UInt16)
  /// There are no flags yet.
  case flags(actual: UInt8)
  /// No message has this type number.
  case type(actual: UInt8)
  /// The payload is longer than the limit. Found before anything is allocated.
  case length(limit: Int, actual: Int)
  /// The CRC-32C in the header is not that of the bytes that came.
  case checksum(expected: UInt32, actual: UInt32)
  /// There are fewer bytes than a frame has.
  case truncated(expected: Int, actual: Int)
  /// A control frame with a sequence number, or a batch without one.
  case sequence(type: FrameType, actual: UInt64)
  /// A frame that is whole, but whose payload is not what its type says.
  case payload(type: FrameType, field: String, expected: String, actual: String)
  /// A message that is not legal now.
  case order(expected: String, actual: String)

  /// The name of what is wrong.
  package var field: String {
    switch self {
    case .magic: "magic"
    case .version: "protocol version"
    case .flags: "flags"
    case .type: "type"
    case .length: "payload length"
    case .checksum: "checksum"
    case .truncated: "frame"
    case .sequence(let type, _): "sequence number of \(type)"
    case .payload(let type, let field, _, _): field.isEmpty ? "payload of \(type)" : "\(field) of \(type)"
    case .order: "order of messages"
    }
  }

  /// What it should be.
  package var expected: String {
    switch self {
    case .magic: "HTRN (48 54 52 4e)"
    case .version(let expected, _): "\(expected)"
    case .flags: "0"
    case .type:
      "\(FrameType.hello.rawValue) to \(FrameType.testImages.rawValue), "
        + "or \(FrameType.probe.rawValue) to \(FrameType.weights.rawValue)"
    case .length(let limit, _): "at most \(limit) bytes"
    case .checksum(let expected, _): Self.hexadecimal(expected)
    case .truncated(let expected, _): "at least \(expected) bytes"
    case .sequence(let type, _): type.isBatch ? "1 or more" : "0"
    case .payload(_, _, let expected, _): expected
    case .order(let expected, _): expected
    }
  }

  /// What came instead.
  package var actual: String {
    switch self {
    case .magic(let actual): actual.map { Self.hexadecimal($0) }.joined(separator: " ")
    case .version(_, let actual): "\(actual)"
    case .flags(let actual): "0x" + Self.hexadecimal(actual)
    case .type(let actual): "\(actual)"
    case .length(_, let actual): "\(actual)"
    case .checksum(_, let actual): Self.hexadecimal(actual)
    case .truncated(_, let actual): "\(actual)"
    case .sequence(_, let actual): "\(actual)"
    case .payload(_, _, _, let actual): actual
    case .order(_, let actual): actual
    }
  }

  package func description(peer: String) -> String {
    let hint =
      switch self {
      case .magic: "; is \(peer) a trainer?"
      case .version: "; install the same release on both sides"
      case .length: "; give cloud-trainer a larger --max-frame-bytes, or send smaller batches"
      default: ""
      }
    return "bad \(field): expected \(expected), got \(actual)\(hint)"
  }

  /// The error for a message that the conversation allows, but that its receiver does not know what to do with.
  package static func unexpected(_ message: Message, expected: String) -> WireError {
    .order(expected: expected, actual: "\(message.type)")
  }

  private static func hexadecimal<Number: FixedWidthInteger>(_ number: Number) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: Number.bitWidth / 4 - digits.count) + digits
  }
}
