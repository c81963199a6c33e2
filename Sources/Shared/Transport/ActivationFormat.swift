/// How many values share one scale and zero point.
package enum ScaleGranularity: String, CaseIterable, Codable, Sendable {
  /// One scale for the whole tensor.
  case tensor
  /// One scale for each channel.
  case channel
}

/// Entropy coding of the packed codes.
package enum ActivationCompression: String, CaseIterable, Codable, Sendable {
  case none
  case zstd
}

/// How activations travel: bit width, granularity and reach of the scale, entropy coding.
package struct ActivationFormat: Equatable, Sendable {
  /// Bits a value: 1 to 8 are uniform codes, truly packed; 16 is IEEE half, 32 is float32 bit for bit.
  package let bits: Int
  /// How many values share a scale; without effect at 16 and 32 bits.
  package let scale: ScaleGranularity
  package let compression: ActivationCompression
  /// The fraction of the largest value that the largest code stands for; values beyond are clipped. The sender alone
  /// needs it, since scales travel. 1 at 16 and 32 bits.
  package let fullScale: Double

  /// The full scales that can be asked for.
  static let fullScales = 0.01...1.0

  /// - Parameter fullScale: nil for the default of this bit width and granularity; without effect at 16 and 32 bits.
  /// - Throws: `CodecError.unsupportedBits`, `CodecError.unsupportedFullScale`.
  package init(
    bits: Int, scale: ScaleGranularity = .tensor, compression: ActivationCompression = .none, fullScale: Double? = nil
  ) throws {
    guard (1...8).contains(bits) || bits == 16 || bits == 32 else { throw CodecError.unsupportedBits(bits) }
    if let fullScale {
      guard Self.fullScales.contains(fullScale) else { throw CodecError.unsupportedFullScale(fullScale) }
    }
    self.bits = bits
    self.scale = scale
    self.compression = compression
    self.fullScale = bits > 8 ? 1 : fullScale ?? Self.defaultFullScale(bits: bits, scale: scale)
  }

  /// Every value as it is, and what gradients travel in: 32 bits, not compressed.
  package static let exact: ActivationFormat = {
    guard let format = try? ActivationFormat(bits: 32) else { preconditionFailure("32 bits are a format") }
    return format
  }()

  /// What a run takes that does not say: chosen by measurement, see docs/compression.md.
  private static func defaultFullScale(bits: Int, scale: ScaleGranularity) -> Double {
    switch (bits, scale) {
    case (1, .tensor): 0.35
    case (1, .channel): 0.5
    case (2, .tensor): 0.5
    default: 1
    }
  }

  /// True for 1 to 8 bits: the values travel as integer codes with scales and zero points.
  package var isQuantized: Bool { bits <= 8 }

  /// The largest code, 2^bits − 1; only for 1 to 8 bits.
  var maximumCode: Int {
    precondition(isQuantized, "a \(bits)-bit format has no codes")
    return (1 << bits) - 1
  }

  /// How many scales (and zero points) a tensor with this many channels has: 0 at 16 and 32 bits.
  package func scaleCount(channels: Int) -> Int {
    guard isQuantized else { return 0 }
    return scale == .tensor ? 1 : channels
  }

  /// Bytes of the packed codes of one image with this many values, before compression, without header and scales.
  package func payloadBytesPerImage(values: Int) -> Int { BitPacking.packedByteCount(codes: values, bits: bits) }

  /// Bytes that `ActivationCodec.encode` appends for this shape when compression is `none`, header included. With zstd
  /// the actual number is usually smaller and never more than about 0.4 % + 64 bytes larger.
  package func encodedByteCount(shape: ActivationShape) -> Int {
    EncodedActivations.headerByteCount + 5 * scaleCount(channels: shape.channels)
      + BitPacking.packedByteCount(codes: shape.valueCount, bits: bits)
  }
}

extension ActivationFormat: Codable {
  private enum CodingKeys: String, CodingKey {
    case bits
    case scale
    case compression
    case fullScale = "full_scale"
  }

  /// A full scale that is missing is 1.
  ///
  /// - Throws: `DecodingError`, `CodecError.unsupportedBits`, `CodecError.unsupportedFullScale`.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      bits: container.decode(Int.self, forKey: .bits), scale: container.decode(ScaleGranularity.self, forKey: .scale),
      compression: container.decode(ActivationCompression.self, forKey: .compression),
      fullScale: container.decodeIfPresent(Double.self, forKey: .fullScale) ?? 1)
  }
}
