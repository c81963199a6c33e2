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
}
