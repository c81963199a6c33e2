/// A file of weights that the edge has for the cloud to begin with.
package struct WeightsOffer: Codable, Equatable, Sendable {
  /// Of the whole file.
  package let bytes: Int
  /// The SHA-256 of the file, in hexadecimal digits.
  package let digest: String

  package init(bytes: Int, digest: String) {
    self.bytes = bytes
    self.digest = digest
  }

  enum CodingKeys: String, CodingKey {
    case bytes
    case digest = "sha256"
  }

  func validate(_ type: FrameType) throws(WireError) {
    try PayloadCheck.count(bytes, "weights.bytes", type, minimum: 1)
    try PayloadCheck.digest(digest, "weights.sha256", type)
  }
}

/// The cloud has the edge send the file of weights that its hello offers.
package struct WeightsRequest: Codable, Equatable, Sendable {
  /// That of the offer.
  package let digest: String

  package init(digest: String) { self.digest = digest }

  enum CodingKeys: String, CodingKey { case digest = "sha256" }
}

extension WeightsRequest: ControlPayload {
  static let frameType = FrameType.weightsRequest
  func validated() throws(WireError) -> Self {
    try PayloadCheck.digest(digest, "sha256", .weightsRequest)
    return self
  }
}

/// A piece of a file of weights. The frame's payload is the piece.
package struct WeightsPart: Equatable, Sendable {
  /// The most bytes of one: they are sent before limits are known, and even the smallest lets them pass.
  package static let maximumBytes = 1 << 18

  /// 1, 2, 3, … over the file.
  package let sequence: UInt64
  package let bytes: ArraySlice<UInt8>

  /// - Precondition: 1 to `maximumBytes` bytes.
  package init(sequence: UInt64, bytes: [UInt8]) {
    precondition(sequence > 0, "sequence numbers start at 1")
    precondition((1...Self.maximumBytes).contains(bytes.count), "a piece of \(bytes.count) bytes")
    self.sequence = sequence
    self.bytes = bytes[...]
  }

  /// - Throws: `WireError.payload` for an empty piece, or one too long.
  init(decoding payload: [UInt8], sequence: UInt64) throws(WireError) {
    guard (1...Self.maximumBytes).contains(payload.count) else {
      throw .payload(
        type: .weights, field: "", expected: "1 to \(Self.maximumBytes) bytes", actual: "\(payload.count)")
    }
    self.init(sequence: sequence, bytes: payload)
  }
}
