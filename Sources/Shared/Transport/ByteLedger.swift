/// The bytes of one direction of a connection, by what they were for. Only whole frames are counted.
package struct ByteCounts: Codable, Equatable, Sendable, CustomStringConvertible {
  /// Payloads of `train-batch` and `train-images` frames: labels with encoded activations or images.
  package var payload: Int
  /// Payloads of `evaluation-batch` and `test-images` frames.
  package var evaluation: Int
  /// Payloads of `gradient` frames.
  package var gradient: Int
  /// The 24-byte headers of all frames.
  package var framing: Int
  /// Payloads of all other frames.
  package var control: Int

  package init(payload: Int = 0, evaluation: Int = 0, gradient: Int = 0, framing: Int = 0, control: Int = 0) {
    self.payload = payload
    self.evaluation = evaluation
    self.gradient = gradient
    self.framing = framing
    self.control = control
  }

  /// Every byte.
  package var total: Int { payload + evaluation + gradient + framing + control }

  /// The bytes since an earlier state of the same counts.
  package static func - (left: Self, right: Self) -> Self {
    Self(
      payload: left.payload - right.payload, evaluation: left.evaluation - right.evaluation,
      gradient: left.gradient - right.gradient, framing: left.framing - right.framing,
      control: left.control - right.control)
  }

  package static func + (left: Self, right: Self) -> Self {
    Self(
      payload: left.payload + right.payload, evaluation: left.evaluation + right.evaluation,
      gradient: left.gradient + right.gradient, framing: left.framing + right.framing,
      control: left.control + right.control)
  }

  package static func += (left: inout Self, right: Self) { left = left + right }

  /// Counts one frame.
  mutating func count(_ type: FrameType, payloadByteCount: Int) {
    framing += FrameHeader.byteCount
    switch type {
    case .trainBatch, .trainImages: payload += payloadByteCount
    case .evaluationBatch, .testImages: evaluation += payloadByteCount
    case .gradient: gradient += payloadByteCount
    default: control += payloadByteCount
    }
  }

  package var description: String {
    "payload \(payload) + evaluation \(evaluation) + gradient \(gradient) + framing \(framing) "
      + "+ control \(control) = \(total) bytes"
  }
}

/// Both directions of a connection, as one side counts them.
package struct ByteLedger: Codable, Equatable, Sendable, CustomStringConvertible {
  package var sent: ByteCounts
  package var received: ByteCounts

  package init(sent: ByteCounts = ByteCounts(), received: ByteCounts = ByteCounts()) {
    self.sent = sent
    self.received = received
  }

  /// Every byte in both directions.
  package var total: Int { sent.total + received.total }

  package static func + (left: Self, right: Self) -> Self {
    Self(sent: left.sent + right.sent, received: left.received + right.received)
  }

  package static func - (left: Self, right: Self) -> Self {
    Self(sent: left.sent - right.sent, received: left.received - right.received)
  }

  package var description: String { "sent \(sent); received \(received)" }
}

/// The two sides counted different bytes for the same direction.
package struct LedgerMismatchError: PeerNamingError, Equatable {
  /// Such as `"edge to cloud"`.
  package let direction: String
  package let here: ByteCounts
  package let there: ByteCounts

  /// - Throws: `LedgerMismatchError` unless both counts are the same.
  package static func check(_ direction: String, here: ByteCounts, there: ByteCounts) throws(Self) {
    guard here == there else { throw Self(direction: direction, here: here, there: there) }
  }

  package func description(peer: String) -> String {
    "the byte counts \(direction) differ: here \(here), at \(peer) \(there)"
  }
}
