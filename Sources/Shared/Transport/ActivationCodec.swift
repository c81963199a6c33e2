/// Turns activation tensors (float32, NHWC, contiguous) into bytes and back, in one format.
///
/// The form is described in docs/protocol.md. The result depends only on the values, the shape and the format (and,
/// with zstd, on the library's version); decoding depends only on the bytes.
///
/// A codec owns scratch memory that it reuses from call to call: a few KB, and with zstd about three times the packed
/// bytes of the largest tensor. It is not shared between threads.
package final class ActivationCodec {
  /// Values quantized and packed at a time, so that codes and packed bytes stay in the L1 cache. A multiple of 8: a
  /// chunk starts on a byte.
  private static let chunkLength = 4096
  /// Chosen by measurement, see docs/protocol.md.
  private static let zstdLevel: Int32 = 1

  package let format: ActivationFormat
  private var rows: ActivationCodecRows?
  /// One chunk each: codes, packed codes, halves.
  private let codes: UnsafeMutablePointer<UInt8>
  private let packedCodes: UnsafeMutablePointer<UInt8>
  private let halves: UnsafeMutablePointer<UInt16>
  private let zstd = Zstd(level: ActivationCodec.zstdLevel)
  private var packed: [UInt8] = []
  private var compressed: [UInt8] = []

  package init(format: ActivationFormat) {
    self.format = format
    codes = .allocate(capacity: Self.chunkLength)
    packedCodes = .allocate(capacity: Self.chunkLength)
    halves = .allocate(capacity: Self.chunkLength)
  }

  deinit {
    codes.deallocate()
    packedCodes.deallocate()
    halves.deallocate()
  }

  /// Appends the encoded form of a tensor to `bytes`.
  ///
  /// - Parameters:
  ///   - values: `[count, height, width, channels]`, contiguous.
  ///   - shape: the sides of `values`.
  ///   - bytes: what is there stays in front.
  /// - Throws: `CodecError.nonFinite` for the first value that is NaN or infinite, `CodecError.unexpected` for a shape
  ///   that does not fit the header, `CodecError.zstd`. `bytes` is unchanged then.
  package func encode(_ values: UnsafePointer<Float>, shape: ActivationShape, into bytes: inout [UInt8]) throws {
    let header = try EncodedActivations(shape: shape, format: format)
    try measure(values, shape: shape)
    switch format.compression {
    case .none:
      reserve(header.codesOffset + header.packedByteCount, in: &bytes)
      appendHeader(header, to: &bytes)
      forEachPackedChunk(values, count: shape.valueCount) { bytes.append(contentsOf: $0) }
    case .zstd:
      packed.removeAll(keepingCapacity: true)
      reserve(header.packedByteCount, in: &packed)
      forEachPackedChunk(values, count: shape.valueCount) { packed.append(contentsOf: $0) }
      resize(&compressed, to: Zstd.maximumCompressedByteCount(packed.count))
      let byteCount = try packed.withUnsafeBytes { source in
        try compressed.withUnsafeMutableBytes { try zstd.compress(source, into: $0) }
      }
      reserve(header.codesOffset + byteCount, in: &bytes)
      appendHeader(header, to: &bytes)
      compressed.withUnsafeBytes { bytes.append(contentsOf: $0[..<byteCount]) }
    }
  }

  /// Decodes what `encode` of a codec of the same format has appended.
  ///
  /// - Parameters:
  ///   - bytes: the encoded form, exactly; bytes after it are refused.
  ///   - limit: what is expected: height, width and channels exactly, count at most.
  ///   - values: receives `[count, height, width, channels]`, contiguous, all finite. Unspecified after a throw.
  ///   - capacity: how many values fit; at least `limit.valueCount`.
  /// - Returns: the shape, which differs from `limit` at most by a smaller count.
  /// - Throws: `CodecError` for malformed input. Nothing is allocated by what the bytes say, only by `limit`.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, expecting limit: ActivationShape, into values: UnsafeMutablePointer<Float>,
    capacity: Int
  ) throws -> ActivationShape {
    precondition(capacity >= limit.valueCount, "room for \(capacity) values, but \(limit) needs \(limit.valueCount)")
    let header = try EncodedActivations(parsing: bytes, format: format, limit: limit)
    if format.isQuantized { try readParameters(header, bytes) }
    let tail = UnsafeRawBufferPointer(rebasing: bytes[header.codesOffset...])
    switch format.compression {
    case .none: try unpack(tail, count: header.shape.valueCount, into: values)
    case .zstd:
      resize(&packed, to: header.packedByteCount)
      try packed.withUnsafeMutableBytes { destination in
        let content = UnsafeMutableRawBufferPointer(rebasing: destination[..<header.packedByteCount])
        try zstd.decompress(tail, into: content)
        try unpack(UnsafeRawBufferPointer(content), count: header.shape.valueCount, into: values)
      }
    }
    return header.shape
  }

  /// Replaces each value by what decoding its encoded form would give, bit for bit, without making the bytes.
  ///
  /// - Throws: `CodecError.nonFinite` as `encode` does; the values are unchanged then.
  package func quantizeInPlace(_ values: UnsafeMutablePointer<Float>, shape: ActivationShape) throws {
    try measure(values, shape: shape)
    guard format.bits < 32 else { return }
    for start in stride(from: 0, to: shape.valueCount, by: Self.chunkLength) {
      let count = min(Self.chunkLength, shape.valueCount - start)
      if let rows {
        rows.quantize(values + start, start: start, count: count, into: codes)
        rows.dequantize(codes, start: start, count: count, into: values + start)
      } else {
        ActivationCodecHalf.encode(values + start, count: count, into: halves)
        _ = ActivationCodecHalf.decode(halves, count: count, into: values + start)
      }
    }
  }

  /// Refuses non-finite values and, for 1 to 8 bits, sets `rows` to the tensor's scales and zero points.
  private func measure(_ values: UnsafePointer<Float>, shape: ActivationShape) throws {
    let isFinite: Bool
    if format.isQuantized {
      isFinite = rows(channels: shape.channels).measure(values, count: shape.valueCount)
    } else {
      isFinite = Self.areFinite(values, count: shape.valueCount)
    }
    guard isFinite else {
      let index = Self.firstNonFinite(values, count: shape.valueCount)
      throw CodecError.nonFinite(index: index, value: "\(values[index])")
    }
  }

  /// Reads and checks scales and zero points; the header vouches for their presence.
  private func readParameters(_ header: EncodedActivations, _ bytes: UnsafeRawBufferPointer) throws {
    let rows = rows(channels: header.shape.channels)
    for group in 0..<header.scaleCount {
      let scale = Float(
        bitPattern: UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: header.scalesOffset + 4 * group, as: UInt32.self)))
      guard scale > 0, scale.isFinite else {
        throw CodecError.unexpected(field: "scale \(group)", expected: "positive and finite", actual: "\(scale)")
      }
      let zeroPoint = bytes[header.zeroPointsOffset + group]
      guard Int(zeroPoint) <= format.maximumCode else {
        throw CodecError.unexpected(
          field: "zero point \(group)", expected: "at most \(format.maximumCode)", actual: "\(zeroPoint)")
      }
      rows.set(QuantizationParameters(scale: scale, zeroPoint: zeroPoint), group: group)
    }
    rows.repeatParameters()
  }

  private func appendHeader(_ header: EncodedActivations, to bytes: inout [UInt8]) {
    header.appendHeader(to: &bytes)
    guard let rows else { return }
    for group in 0..<header.scaleCount { EncodedActivations.append(rows[group].scale.bitPattern, to: &bytes) }
    for group in 0..<header.scaleCount { bytes.append(rows[group].zeroPoint) }
  }

  /// Hands out the packed codes (halves, float32 values) piece by piece; `measure` comes first.
  private func forEachPackedChunk(_ values: UnsafePointer<Float>, count: Int, _ body: (UnsafeRawBufferPointer) -> Void)
  {
    guard format.bits < 32 else {
      body(UnsafeRawBufferPointer(start: values, count: 4 * count))
      return
    }
    for start in stride(from: 0, to: count, by: Self.chunkLength) {
      let length = min(Self.chunkLength, count - start)
      if let rows {
        rows.quantize(values + start, start: start, count: length, into: codes)
        BitPacking.pack(codes, count: length, bits: format.bits, into: packedCodes)
        let byteCount = BitPacking.packedByteCount(codes: length, bits: format.bits)
        body(UnsafeRawBufferPointer(start: packedCodes, count: byteCount))
      } else {
        ActivationCodecHalf.encode(values + start, count: length, into: halves)
        body(UnsafeRawBufferPointer(start: halves, count: 2 * length))
      }
    }
  }

  /// Decodes packed codes (halves, float32 values) of exactly the right length.
  private func unpack(_ packed: UnsafeRawBufferPointer, count: Int, into values: UnsafeMutablePointer<Float>) throws {
    guard let source = packed.baseAddress else { return }
    if format.bits == 32 {
      UnsafeMutableRawPointer(values).copyMemory(from: source, byteCount: 4 * count)
      guard Self.areFinite(values, count: count) else {
        let index = Self.firstNonFinite(values, count: count)
        throw CodecError.unexpected(field: "value \(index)", expected: "a finite number", actual: "\(values[index])")
      }
      return
    }
    if format.isQuantized {
      let padding = packed[packed.count - 1] & BitPacking.paddingMask(codes: count, bits: format.bits)
      guard padding == 0 else {
        throw CodecError.unexpected(field: "padding bits", expected: "0", actual: "\(padding)")
      }
    }
    for start in stride(from: 0, to: count, by: Self.chunkLength) {
      let length = min(Self.chunkLength, count - start)
      let chunk = source + start / 8 * format.bits
      if let rows {
        BitPacking.unpack(chunk, count: length, bits: format.bits, into: codes)
        rows.dequantize(codes, start: start, count: length, into: values + start)
      } else {
        UnsafeMutableRawPointer(halves).copyMemory(from: chunk, byteCount: 2 * length)
        guard ActivationCodecHalf.decode(halves, count: length, into: values + start) else {
          throw ActivationCodecHalf.refusal(of: halves, count: length, start: start)
        }
      }
    }
  }

  /// The loops for tensors with this many channels; kept until the number of scales changes.
  private func rows(channels: Int) -> ActivationCodecRows {
    let groupCount = format.scaleCount(channels: channels)
    if let rows, rows.groupCount == groupCount { return rows }
    let created = ActivationCodecRows(groupCount: groupCount, levels: format.maximumCode, fullScale: format.fullScale)
    rows = created
    return created
  }

  private static func areFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool {
    var nonFinite: UInt32 = 0
    for i in 0..<count { nonFinite |= (values[i] - values[i]).bitPattern }
    return nonFinite == 0
  }

  /// The index of the first value that is NaN or infinite; there is one.
  private static func firstNonFinite(_ values: UnsafePointer<Float>, count: Int) -> Int {
    var index = 0
    while index < count - 1, values[index].isFinite { index += 1 }
    return index
  }

  private func reserve(_ additional: Int, in bytes: inout [UInt8]) {
    if bytes.capacity - bytes.count < additional { bytes.reserveCapacity(bytes.count + additional) }
  }

  /// Grows scratch to at least `count` bytes.
  private func resize(_ scratch: inout [UInt8], to count: Int) {
    if scratch.count < count { scratch.append(contentsOf: repeatElement(0, count: count - scratch.count)) }
  }
}
