#if _endian(big)
  #error("the activation codec copies float32 values and codes as they lie in memory: little-endian only")
#endif

/// The fixed header of an encoded activation tensor, and where the parts behind it lie.
///
/// All numbers little-endian; offsets in bytes; g = number of scales (1 or `channels`; 0 at 16 and 32 bits).
///
/// ```
///          0               1               2               3
///  0  |                       count (UInt32)                      |
///  4  |                       height (UInt32)                     |
///  8  |                       width (UInt32)                      |
/// 12  |                       channels (UInt32)                   |
/// 16  |     bits      |  scale kind   |  compression  |  reserved 0   |
/// 20  |          bytes of the packed codes (UInt32)               |
/// 24  |  scales: g × Float32  ...
///     |  zero points: g × UInt8  ...
///     |  codes: packed, or one zstd frame of the packed codes  ...
/// ```
struct EncodedActivations {
  static let headerByteCount = 24

  let shape: ActivationShape
  let format: ActivationFormat
  /// Number of scales, and of zero points.
  let scaleCount: Int
  /// Bytes of the codes before compression.
  let packedByteCount: Int

  var scalesOffset: Int { Self.headerByteCount }
  var zeroPointsOffset: Int { scalesOffset + 4 * scaleCount }
  var codesOffset: Int { zeroPointsOffset + scaleCount }

  /// The header for a tensor of this side's own.
  ///
  /// - Throws: `CodecError.unexpected` when a number does not fit the header.
  init(shape: ActivationShape, format: ActivationFormat) throws {
    self.shape = shape
    self.format = format
    scaleCount = format.scaleCount(channels: shape.channels)
    packedByteCount = BitPacking.packedByteCount(codes: shape.valueCount, bits: format.bits)
    for (field, value) in [
      ("count", shape.count), ("height", shape.height), ("width", shape.width), ("channels", shape.channels),
      ("bytes of the packed codes", packedByteCount),
    ] where UInt32(exactly: value) == nil {
      throw CodecError.unexpected(field: field, expected: "at most \(UInt32.max)", actual: "\(value)")
    }
  }

  /// Reads and checks the header, and the total length as far as the header determines it.
  ///
  /// - Parameters:
  ///   - bytes: the whole encoded form.
  ///   - format: what the receiver expects, exactly.
  ///   - limit: what the receiver expects: height, width and channels exactly, count at most.
  /// - Throws: `CodecError.unexpected` for the first field that differs.
  init(parsing bytes: UnsafeRawBufferPointer, format: ActivationFormat, limit: ActivationShape) throws {
    guard bytes.count >= Self.headerByteCount else {
      throw CodecError.unexpected(
        field: "length", expected: "at least \(Self.headerByteCount) bytes", actual: "\(bytes.count)")
    }
    func word(at offset: Int) -> Int {
      Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
    func require(_ field: String, _ actual: Int, equals expected: Int) throws {
      guard actual == expected else {
        throw CodecError.unexpected(field: field, expected: "\(expected)", actual: "\(actual)")
      }
    }
    let count = word(at: 0)
    guard (1...limit.count).contains(count) else {
      throw CodecError.unexpected(field: "count", expected: "1 to \(limit.count)", actual: "\(count)")
    }
    try require("height", word(at: 4), equals: limit.height)
    try require("width", word(at: 8), equals: limit.width)
    try require("channels", word(at: 12), equals: limit.channels)
    try require("bits", Int(bytes[16]), equals: format.bits)
    try require("scale kind", Int(bytes[17]), equals: Int(format.scale.wireValue))
    try require("compression", Int(bytes[18]), equals: Int(format.compression.wireValue))
    try require("reserved byte", Int(bytes[19]), equals: 0)
    // From here every size follows from this side's own expectations, so that nothing can overflow.
    let shape = ActivationShape(count: count, height: limit.height, width: limit.width, channels: limit.channels)
    try self.init(shape: shape, format: format)
    try require("bytes of the packed codes", word(at: 20), equals: packedByteCount)
    switch format.compression {
    case .none: try require("length", bytes.count, equals: codesOffset + packedByteCount)
    case .zstd:
      guard bytes.count > codesOffset else {
        throw CodecError.unexpected(
          field: "length", expected: "more than \(codesOffset) bytes", actual: "\(bytes.count)")
      }
    }
  }

  /// Appends the 24 bytes of the header.
  func appendHeader(to bytes: inout [UInt8]) {
    for value in [shape.count, shape.height, shape.width, shape.channels] { Self.append(UInt32(value), to: &bytes) }
    bytes.append(UInt8(format.bits))
    bytes.append(format.scale.wireValue)
    bytes.append(format.compression.wireValue)
    bytes.append(0)
    Self.append(UInt32(packedByteCount), to: &bytes)
  }

  /// Appends a 32-bit number, little-endian.
  static func append(_ value: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

extension ScaleGranularity {
  /// The value of the header's scale kind.
  var wireValue: UInt8 {
    switch self {
    case .tensor: 0
    case .channel: 1
    }
  }
}

extension ActivationCompression {
  /// The value of the header's compression field.
  var wireValue: UInt8 {
    switch self {
    case .none: 0
    case .zstd: 1
    }
  }
}
