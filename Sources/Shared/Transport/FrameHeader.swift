import Platform

/// What a frame carries. The numbers are part of the protocol and never change their meaning; 14 is not used any more.
package enum FrameType: UInt8, CaseIterable, Sendable, CustomStringConvertible {
  case hello = 1
  case welcome = 2
  case refusal = 3
  case trainBatch = 4
  case evaluationBatch = 5
  case acknowledgement = 6
  case epochEnd = 7
  case epochReport = 8
  case goodbye = 9
  case failure = 10
  case gradient = 11
  case trainImages = 12
  case testImages = 13
  case probe = 15
  case probeReport = 16
  case filler = 17
  case durable = 18
  case replay = 19
  case alive = 20
  case trainStep = 21
  case evaluationStep = 22
  case checkpoint = 23
  case weightsRequest = 24
  case weights = 25

  /// Whether the frame is about samples, those that the cloud keeps included, or other bytes of their size: such a
  /// frame has a sequence number, and may be as long as the negotiated limit.
  var isBatch: Bool {
    switch self {
    case .trainBatch, .evaluationBatch, .gradient, .trainImages, .testImages, .trainStep, .evaluationStep, .filler,
      .weights:
      true
    default: false
    }
  }

  package var description: String {
    switch self {
    case .hello: "hello"
    case .welcome: "welcome"
    case .refusal: "refusal"
    case .trainBatch: "train-batch"
    case .evaluationBatch: "evaluation-batch"
    case .acknowledgement: "acknowledgement"
    case .epochEnd: "epoch-end"
    case .epochReport: "epoch-report"
    case .goodbye: "goodbye"
    case .failure: "failure"
    case .gradient: "gradient"
    case .trainImages: "train-images"
    case .testImages: "test-images"
    case .probe: "probe"
    case .probeReport: "probe-report"
    case .filler: "filler"
    case .durable: "durable"
    case .replay: "replay"
    case .alive: "alive"
    case .trainStep: "train-step"
    case .evaluationStep: "evaluation-step"
    case .checkpoint: "checkpoint"
    case .weightsRequest: "weights-request"
    case .weights: "weights"
    }
  }
}

/// The 24 bytes in front of every payload. All numbers are little-endian.
///
/// ```
/// byte  0       4         6      7       8           16        20         24
///       ┌───────┬─────────┬──────┬───────┬───────────┬─────────┬──────────┬──────────────┐
///       │ magic │ version │ type │ flags │ sequence  │ length  │ checksum │ payload …    │
///       │ HTRN  │ UInt16  │ UInt8│ UInt8 │ UInt64    │ UInt32  │ UInt32   │ length bytes │
///       └───────┴─────────┴──────┴───────┴───────────┴─────────┴──────────┴──────────────┘
///       └──────────────── CRC-32C over these ──────────────────┘          └─ and these ──┘
/// ```
package struct FrameHeader: Equatable, Sendable {
  /// Bytes of a header.
  package static let byteCount = 24
  /// The version of the protocol that this code speaks.
  static let protocolVersion: UInt16 = 7
  /// The default limit on a whole frame: 64 MiB.
  package static let defaultMaximumFrameBytes = 1 << 26
  /// The limit on the payload of a control frame, whatever the limit on frames: 1 MiB.
  package static let maximumControlPayloadBytes = 1 << 20
  static let magic: [UInt8] = [0x48, 0x54, 0x52, 0x4e]

  let type: FrameType
  /// For batches and steps their number as a record of the run, for a gradient that of its batch, for fillers and
  /// weights 1, 2, 3, …; 0 for all other frames.
  let sequence: UInt64
  let payloadByteCount: Int
  let checksum: UInt32

  /// The header for a payload in two pieces, with its checksum.
  ///
  /// - Throws: `WireError.length` when the length does not fit into 32 bits.
  init(type: FrameType, sequence: UInt64, payload pieces: UnsafeRawBufferPointer, _ more: UnsafeRawBufferPointer)
    throws(WireError)
  {
    let count = pieces.count + more.count
    guard count <= UInt32.max else { throw .length(limit: Int(UInt32.max), actual: count) }
    self.type = type
    self.sequence = sequence
    payloadByteCount = count
    var crc = Self.checkedBytes(type: type, sequence: sequence, payloadByteCount: count).withUnsafeBytes {
      CRC32C.checksum($0)
    }
    crc = CRC32C.checksum(pieces, continuing: crc)
    checksum = CRC32C.checksum(more, continuing: crc)
  }

  /// Reads a header and checks everything but the checksum, which needs the payload.
  ///
  /// - Parameters:
  ///   - bytes: at least 24 bytes; more are ignored.
  ///   - maximumPayloadBytes: the limit on a batch's payload; control frames have their own one besides.
  /// - Throws: `WireError`: `truncated`, `magic`, `version`, `flags`, `type`, `length`, `sequence`, in this order.
  init(decoding bytes: UnsafeRawBufferPointer, maximumPayloadBytes: Int) throws(WireError) {
    guard bytes.count >= Self.byteCount else { throw .truncated(expected: Self.byteCount, actual: bytes.count) }
    guard bytes.prefix(4).elementsEqual(Self.magic) else { throw .magic(actual: Array(bytes.prefix(4))) }
    let version = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
    guard version == Self.protocolVersion else { throw .version(expected: Self.protocolVersion, actual: version) }
    guard bytes[7] == 0 else { throw .flags(actual: bytes[7]) }
    guard let type = FrameType(rawValue: bytes[6]) else { throw .type(actual: bytes[6]) }
    let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    let limit = type.isBatch ? maximumPayloadBytes : min(maximumPayloadBytes, Self.maximumControlPayloadBytes)
    guard Int(length) <= limit else { throw .length(limit: limit, actual: Int(length)) }
    let sequence = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    guard type.isBatch == (sequence != 0) else { throw .sequence(type: type, actual: sequence) }
    self.type = type
    self.sequence = sequence
    payloadByteCount = Int(length)
    checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
  }

  /// The header's 24 bytes.
  var bytes: [UInt8] {
    var bytes = Self.checkedBytes(type: type, sequence: sequence, payloadByteCount: payloadByteCount)
    bytes.appendLittleEndian(checksum)
    return bytes
  }

  /// Compares the checksum with that of the header and `payload`.
  ///
  /// - Throws: `WireError.checksum`.
  func verify(payload: UnsafeRawBufferPointer) throws(WireError) {
    let head = Self.checkedBytes(type: type, sequence: sequence, payloadByteCount: payloadByteCount).withUnsafeBytes {
      CRC32C.checksum($0)
    }
    let actual = CRC32C.checksum(payload, continuing: head)
    guard actual == checksum else { throw .checksum(expected: checksum, actual: actual) }
  }

  private static func checkedBytes(type: FrameType, sequence: UInt64, payloadByteCount: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    bytes += magic
    bytes.appendLittleEndian(protocolVersion)
    bytes.append(type.rawValue)
    bytes.append(0)
    bytes.appendLittleEndian(sequence)
    bytes.appendLittleEndian(UInt32(payloadByteCount))
    return bytes
  }
}
