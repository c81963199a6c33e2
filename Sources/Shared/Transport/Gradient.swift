/// The gradient of the loss with respect to the activations of one training batch, from the cloud.
package struct Gradient: Equatable, Sendable {
  /// Of the batch that it belongs to.
  package let sequence: UInt64
  /// Encoded as activations of 32 bits, not compressed. A received gradient shares this storage with the frame's
  /// payload.
  package let encoded: ArraySlice<UInt8>

  package init(sequence: UInt64, encoded: ArraySlice<UInt8>) {
    precondition(sequence > 0, "sequence numbers start at 1")
    self.sequence = sequence
    self.encoded = encoded
  }

  package init(sequence: UInt64, encoded: [UInt8]) { self.init(sequence: sequence, encoded: encoded[...]) }

  /// Encodes numbers.
  ///
  /// - Throws: `CodecError` for one that is not finite, or a shape that no header holds.
  package init(sequence: UInt64, shape: ActivationShape, values: [Float]) throws {
    precondition(values.count == shape.valueCount, "\(values.count) values for \(shape)")
    var bytes: [UInt8] = []
    try values.withUnsafeBufferPointer { values in
      guard let values = values.baseAddress else { return }
      try ActivationCodec(format: .exact).encode(values, shape: shape, into: &bytes)
    }
    self.init(sequence: sequence, encoded: bytes)
  }

  /// The numbers.
  ///
  /// - Throws: `CodecError` if these are no encoded activations of this shape.
  package func values(_ shape: ActivationShape) throws -> [Float] {
    var values = [Float](repeating: 0, count: shape.valueCount)
    let decoded = try values.withUnsafeMutableBufferPointer { values in
      guard let target = values.baseAddress else { return shape }
      return try encoded.withUnsafeBytes {
        try ActivationCodec(format: .exact).decode($0, expecting: shape, into: target, capacity: values.count)
      }
    }
    guard decoded == shape else {
      throw CodecError.unexpected(field: "count", expected: "\(shape.count)", actual: "\(decoded.count)")
    }
    return values
  }
}
