/// What was measured of the link; bytes are those of whole frames.
package struct LinkSpeed: Codable, Equatable, Sendable {
  /// From a tiny frame to its answer.
  var roundTripSeconds: Double
  var upBytesPerSecond: Double
  var downBytesPerSecond: Double
}

/// What one batch costs the edge in one strategy at one cut.
struct EdgeTimes: Equatable, Sendable {
  /// Getting the batch, and computing what is sent, but for its encoding; of the whole network where nothing is sent.
  var forwardSeconds: Double
  /// The rest of the step: decoding the gradient, if one comes back, the way back through the layers, the update.
  var backwardSeconds: Double
  /// One for each format that was asked for; images travel in one.
  var encodings: [Encoding]
  /// The most memory that the process had resident.
  var peakMemoryBytes: Int?

  /// What a batch takes in one format.
  struct Encoding: Equatable, Sendable {
    /// Nil for images.
    var bits: Int?
    var seconds: Double
    /// Of the whole frame, with header and labels.
    var frameBytes: Int
  }
}

/// What one batch costs the cloud in one strategy at one cut.
struct CloudTimes: Equatable, Sendable {
  /// Decoding the batch and training on it.
  var stepSeconds: Double
  /// Of it, until the gradient is encoded; all of it where none is sent.
  var gradientSeconds: Double
  var peakMemoryBytes: Int?

  init(stepSeconds: Double, gradientSeconds: Double? = nil, peakMemoryBytes: Int? = nil) {
    self.stepSeconds = stepSeconds
    self.gradientSeconds = gradientSeconds ?? stepSeconds
    self.peakMemoryBytes = peakMemoryBytes
  }
}
