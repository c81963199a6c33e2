import Compute
import Platform
import Transport

/// How a run ended.
package enum RunOutcome: Codable, Equatable, Sendable, CustomStringConvertible {
  case completed
  case interrupted
  /// All that this side does is done, and the other side has not been told.
  case undelivered
  /// The reason, one line.
  case failed(String)

  /// "completed", "interrupted", "undelivered" or "failed: <reason>".
  package var description: String {
    switch self {
    case .completed: "completed"
    case .interrupted: "interrupted"
    case .undelivered: "undelivered"
    case .failed(let reason): Self.failedPrefix + reason
    }
  }

  private static let failedPrefix = "failed: "

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    switch text {
    case "completed": self = .completed
    case "interrupted": self = .interrupted
    case "undelivered": self = .undelivered
    case _ where text.hasPrefix(Self.failedPrefix): self = .failed(String(text.dropFirst(Self.failedPrefix.count)))
    default:
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "outcome \"\(text)\", expected completed, interrupted, undelivered or failed: <reason>")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The content of `summary.json`, the same on both sides. In the file the keys are these names in snake_case; what is
/// unknown, or not finite, is `null`.
package struct RunSummary: Codable, Equatable, Sendable {
  package var role: Role
  package var runId: RunIdentifier
  /// What the user calls it; missing in the cloud.
  @NullIfMissing package var name: String? = nil
  /// The version of this software.
  package var softwareVersion: String
  /// ISO 8601, UTC.
  package var startedAt: String

  package var strategy: String
  package var architecture: String
  /// The block after which the network is cut; missing where it is whole.
  @NullIfMissing package var cut: Int?
  /// Bits of a quantized activation; missing where none travel.
  @NullIfMissing package var bits: Int?
  /// The fraction of the largest value that the largest code stands for; missing where none is quantized.
  @NullIfMissing package var fullScale: Double?
  /// Epochs asked for.
  package var epochs: Int
  package var seed: UInt64
  package var threads: Int
  /// How this side convolved.
  package var convolution: ConvolutionMethod
  /// The kernels that the BLAS library chose: "SkylakeX".
  package var kernels: String
  /// The digests of the files from which this side's weights began; missing where the seed made them.
  @NullIfMissing package var initialWeights: String? = nil

  package var outcome: RunOutcome = .completed
  package var completedEpochs = 0
  package var completedSteps = 0
  /// Fraction of the test set that the exit classifies correctly after the last completed epoch.
  @NullIfMissing package var exitAccuracy: Double? = nil
  /// The same for the whole network.
  @NullIfMissing package var finalAccuracy: Double? = nil
  /// Training images by `trainingSeconds`.
  @NullIfMissing package var trainImagesPerSecond: Double? = nil
  /// From the start of the run to its end.
  package var wallSeconds: Double = 0
  /// Of them, in training, without evaluation, loading and checkpoints.
  package var trainingSeconds: Double = 0
  /// In which the edge was training, whatever the cloud and the link did; missing where it trains nothing.
  @NullIfMissing package var edgeTrainingSeconds: Double? = nil
  /// Of the training time, computing.
  package var busySeconds: Double = 0
  /// Of the training time, waiting for the other side or the link.
  package var idleSeconds: Double = 0
  /// Activations or images, and labels, of training, encoded, without framing.
  package var trainPayloadBytes = 0
  /// Activations or images, and labels, of evaluation, encoded, without framing.
  package var evaluationBytes = 0
  /// Gradients that came down, encoded, without framing.
  package var gradientPayloadBytes = 0
  /// Everything sent, and everything received, over the link.
  package var sentBytes = 0
  package var receivedBytes = 0
  /// Of them, what had to be sent, or was received, once more after a connection was lost.
  package var resentBytes = 0
  /// Seconds in which this side was sending: until the kernel, or the link if it is shaped, had taken each frame.
  package var linkBusySeconds: Double = 0
  /// The most memory that this process had resident; in the cloud, since this session began.
  @NullIfMissing package var peakMemoryBytes: Int? = nil

  /// The summary of a run of which nothing is done yet.
  package init(
    role: Role, runId: RunIdentifier, softwareVersion: String, startedAt: Timestamp, strategy: String,
    architecture: String, cut: Int?, bits: Int?, fullScale: Double?, epochs: Int, seed: UInt64, threads: Int,
    convolution: ConvolutionMethod, kernels: String
  ) {
    self.role = role
    self.runId = runId
    self.softwareVersion = softwareVersion
    self.startedAt = startedAt.iso8601
    self.strategy = strategy
    self.architecture = architecture
    self.cut = cut
    self.bits = bits
    self.fullScale = fullScale
    self.epochs = epochs
    self.seed = seed
    self.threads = threads
    self.convolution = convolution
    self.kernels = kernels
  }
}
