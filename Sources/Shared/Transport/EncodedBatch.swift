/// Samples as they travel: their labels, and their encoded activations or their images, which this module does not look
/// into.
///
/// ```
/// byte  0        4                4 + 2 count            end of the payload
///       ┌────────┬────────────────┬──────────────────────┐
///       │ count  │ labels         │ activations, images  │
///       │ UInt32 │ count × UInt16 │                      │
///       └────────┴────────────────┴──────────────────────┘
/// ```
package struct EncodedBatch: Equatable, Sendable {
  /// Its number as a record of the run: 1, 2, 3, … over all batches, steps and epoch-ends.
  package let sequence: UInt64
  /// A class per sample, at least one sample.
  package let labels: [UInt16]
  /// Encoded activations, or the pixels of images, one image after the other. A received batch shares this storage with
  /// the frame's payload; it starts at an arbitrary alignment.
  package let activations: ArraySlice<UInt8>

  package init(sequence: UInt64, labels: [UInt16], activations: ArraySlice<UInt8>) {
    precondition(sequence > 0, "sequence numbers start at 1")
    precondition(!labels.isEmpty, "a batch has at least one sample")
    self.sequence = sequence
    self.labels = labels
    self.activations = activations
  }

  package init(sequence: UInt64, labels: [UInt16], activations: [UInt8]) {
    self.init(sequence: sequence, labels: labels, activations: activations[...])
  }

  /// Bytes of the payload of this batch's frame.
  package var payloadByteCount: Int { Self.payloadByteCount(labels: labels.count, content: activations.count) }

  /// Bytes of the whole frame of a batch with so many labels and so many bytes of activations or images.
  package static func frameByteCount(labels: Int, content: Int) -> Int {
    FrameHeader.byteCount + payloadByteCount(labels: labels, content: content)
  }

  private static func payloadByteCount(labels: Int, content: Int) -> Int {
    4 + labels * MemoryLayout<UInt16>.size + content
  }

  /// Takes a payload apart without copying the activations.
  ///
  /// - Throws: `WireError.payload` when the payload is shorter than it says, or has no sample.
  init(decoding payload: [UInt8], sequence: UInt64, type: FrameType) throws(WireError) {
    guard payload.count >= 4 else {
      throw .payload(type: type, field: "count", expected: "4 bytes", actual: "\(payload.count)")
    }
    let count = Int(payload[0]) | Int(payload[1]) << 8 | Int(payload[2]) << 16 | Int(payload[3]) << 24
    let room = (payload.count - 4) / 2
    guard count >= 1, count <= room else {
      throw .payload(
        type: type, field: "count", expected: "1 to \(room), for whose labels \(payload.count - 4) bytes follow",
        actual: "\(count)")
    }
    self.sequence = sequence
    let content = 4 + 2 * count
    labels = payload.withUnsafeBytes { bytes in
      stride(from: 4, to: content, by: 2).map { bytes.littleEndian(at: $0, as: UInt16.self) }
    }
    activations = payload[content...]
  }
}
