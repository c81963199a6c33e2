/// What goes wrong while activations are described, encoded or decoded.
package enum CodecError: Error, Equatable {
  /// A bit width that the codec does not have.
  case unsupportedBits(Int)
  /// A full scale that is no sensible fraction of the largest value.
  case unsupportedFullScale(Double)
  /// A value to be encoded is NaN or infinite. `index` counts values in NHWC order; `value` is its printed form.
  case nonFinite(index: Int, value: String)
  /// A field of the encoded form differs from what the receiver expects, or does not fit the sender's header.
  case unexpected(field: String, expected: String, actual: String)
  /// zstd refused; the text is zstd's own.
  case zstd(String)
}

extension CodecError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unsupportedBits(let bits): "bits is \(bits), expected 1 to 8 (packed codes), 16 or 32 (floating point)"
    case .unsupportedFullScale(let fraction):
      "full scale is \(fraction), expected 0.01 to 1 (a fraction of the largest value)"
    case .nonFinite(let index, let value): "activation \(index) is \(value), expected a finite number"
    case .unexpected(let field, let expected, let actual):
      "encoded activations: \(field) is \(actual), expected \(expected)"
    case .zstd(let reason): "encoded activations: zstd failed: \(reason)"
    }
  }
}
