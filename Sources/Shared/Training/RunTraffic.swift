import Transport

/// What has gone over the link since the start of a run. Samples are counted once, when they are made or applied, even
/// if they travelled more than once.
package struct RunTraffic: Codable, Equatable, Sendable {
  /// Bytes of records: of training, of evaluation, and the gradients that answered them.
  package struct Samples: Codable, Equatable, Sendable {
    package var payload = 0
    package var evaluation = 0
    package var gradient = 0

    package init() {}

    /// Counts a batch, or images.
    package mutating func count(_ type: FrameType, payloadBytes: Int) {
      switch type {
      case .trainBatch, .trainImages: payload += payloadBytes
      case .evaluationBatch, .testImages: evaluation += payloadBytes
      case .gradient: gradient += payloadBytes
      default: break
      }
    }

    static func - (left: Self, right: Self) -> Self {
      var difference = Self()
      difference.payload = left.payload - right.payload
      difference.evaluation = left.evaluation - right.evaluation
      difference.gradient = left.gradient - right.gradient
      return difference
    }
  }

  /// What connections have carried.
  package struct Connections: Codable, Equatable, Sendable {
    /// Every byte of all of them.
    package var ledger = ByteLedger()
    /// Of them, bytes of frames that had been sent before, or, in the cloud, that were received and not applied, so
    /// that they came again.
    package var resentBytes = 0
    /// Seconds in which this side was sending.
    package var sendingSeconds = 0.0

    package init() {}

    package static func + (left: Self, right: Self) -> Self {
      var sum = Self()
      sum.ledger = left.ledger + right.ledger
      sum.resentBytes = left.resentBytes + right.resentBytes
      sum.sendingSeconds = left.sendingSeconds + right.sendingSeconds
      return sum
    }
  }

  package var samples = Samples()
  package var connections = Connections()

  package init() {}
}
