/// Bytes that say nothing, by whose passage the edge measures the link. The cloud answers each with one of the size
/// that it asks for.
///
/// ```
/// byte  0              4                   end of the payload
///       ┌──────────────┬───────────────────┐
///       │ answer bytes │ bytes             │
///       │ UInt32       │                   │
///       └──────────────┴───────────────────┘
/// ```
package struct Filler: Equatable, Sendable {
  /// 1, 2, 3, … over all fillers of the edge; the answer has the number of what it answers.
  package let sequence: UInt64
  /// How many bytes the answer shall hold; 0 in an answer.
  package let answerByteCount: Int
  /// A received filler shares this storage with the frame's payload.
  package let bytes: ArraySlice<UInt8>

  package init(sequence: UInt64, bytes: [UInt8], answerByteCount: Int = 0) {
    precondition(sequence > 0, "sequence numbers start at 1")
    precondition(UInt32(exactly: answerByteCount) != nil, "an answer of \(answerByteCount) bytes")
    self.sequence = sequence
    self.answerByteCount = answerByteCount
    self.bytes = bytes[...]
  }

  /// A filler of so many bytes that a compressing link cannot make fewer: 64 KiB of noise, again and again.
  package init(sequence: UInt64, byteCount: Int, answerByteCount: Int = 0) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    while bytes.count < byteCount { bytes += Self.noise.prefix(byteCount - bytes.count) }
    self.init(sequence: sequence, bytes: bytes, answerByteCount: answerByteCount)
  }

  /// Of a linear congruential generator (Knuth's MMIX), whose high bits are good.
  private static let noise: [UInt8] = {
    var state: UInt64 = 1
    return (0..<1 << 16).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(state >> 56)
    }
  }()

  /// Takes a payload apart without copying the bytes.
  ///
  /// - Throws: `WireError.payload` when the payload is shorter than four bytes.
  init(decoding payload: [UInt8], sequence: UInt64) throws(WireError) {
    guard payload.count >= 4 else {
      throw .payload(type: .filler, field: "answer bytes", expected: "4 bytes", actual: "\(payload.count)")
    }
    self.sequence = sequence
    answerByteCount = Int(payload[0]) | Int(payload[1]) << 8 | Int(payload[2]) << 16 | Int(payload[3]) << 24
    bytes = payload[4...]
  }

  /// Bytes of the whole frame of a filler that holds so many bytes.
  package static func frameByteCount(holding byteCount: Int) -> Int { FrameHeader.byteCount + 4 + byteCount }
}
