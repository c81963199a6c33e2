/// What was measured of the link; bytes are those of whole frames.
package struct LinkSpeed: Codable, Equatable, Sendable {
  /// From a tiny frame to its answer.
  package var roundTripSeconds: Double
  package var upBytesPerSecond: Double
  package var downBytesPerSecond: Double

  package init(roundTripSeconds: Double, upBytesPerSecond: Double, downBytesPerSecond: Double) {
    self.roundTripSeconds = roundTripSeconds
    self.upBytesPerSecond = upBytesPerSecond
    self.downBytesPerSecond = downBytesPerSecond
  }
}

/// What one batch costs the edge in one strategy at one cut.
package struct EdgeTimes: Equatable, Sendable {
  /// Getting the batch, and computing what is sent, but for its encoding; of the whole network where nothing is sent.
  package var forwardSeconds: Double
  /// The rest of the step: decoding the gradient, if one comes back, the way back through the layers, the update.
  package var backwardSeconds: Double
  /// One for each format that was asked for; images travel in one.
  package var encodings: [Encoding]
  /// The most memory that the process had resident.
  package var peakMemoryBytes: Int?

  /// What a batch takes in one format.
  package struct Encoding: Equatable, Sendable {
    /// Nil for images.
    package var bits: Int?
    package var seconds: Double
    /// Of the whole frame, with header and labels.
    package var frameBytes: Int

    package init(bits: Int?, seconds: Double, frameBytes: Int) {
      self.bits = bits
      self.seconds = seconds
      self.frameBytes = frameBytes
    }
  }

  package init(
    forwardSeconds: Double, backwardSeconds: Double, encodings: [Encoding], peakMemoryBytes: Int? = nil
  ) {
    self.forwardSeconds = forwardSeconds
    self.backwardSeconds = backwardSeconds
    self.encodings = encodings
    self.peakMemoryBytes = peakMemoryBytes
  }
}

/// What one batch costs the cloud in one strategy at one cut.
package struct CloudTimes: Equatable, Sendable {
  /// Decoding the batch and training on it.
  package var stepSeconds: Double
  /// Of it, until the gradient is encoded; all of it where none is sent.
  package var gradientSeconds: Double
  package var peakMemoryBytes: Int?

  package init(stepSeconds: Double, gradientSeconds: Double? = nil, peakMemoryBytes: Int? = nil) {
    self.stepSeconds = stepSeconds
    self.gradientSeconds = gradientSeconds ?? stepSeconds
    self.peakMemoryBytes = peakMemoryBytes
  }
}
