import Compute
import NeuralNetwork
import Platform
import RunFiles
import Training

/// A plan as a file, for scripts: see docs/runtime-model.md. Keys are these names in snake_case.
package struct PlanDocument: Codable, Equatable, Sendable {
  struct Link: Codable, Equatable, Sendable {
    var roundTripSeconds: Double
    var upBitsPerSecond: Double
    var downBitsPerSecond: Double
  }

  struct Row: Codable, Equatable, Sendable {
    var strategy: Strategy
    @NullIfMissing var cut: Int?
    @NullIfMissing var bits: Int?
    var bytesPerImage: Double
    var downBytesPerImage: Double
    /// Of an epoch, training only.
    var edgeSeconds: Double
    var linkSeconds: Double
    var cloudSeconds: Double
    var epochSeconds: Double
    /// Before the first epoch.
    var uploadSeconds: Double
    var bound: RuntimeModel.Bound
    @NullIfMissing var edgeMemoryBytes: Int?
    @NullIfMissing var cloudMemoryBytes: Int?

    init(_ row: PlanRow) {
      strategy = row.setting.strategy
      cut = row.setting.cut
      bits = row.setting.bits
      bytesPerImage = row.bytesPerImage
      downBytesPerImage = row.downBytesPerImage
      edgeSeconds = row.prediction.edge
      linkSeconds = row.prediction.link
      cloudSeconds = row.prediction.cloud
      epochSeconds = row.prediction.epoch
      uploadSeconds = row.prediction.upload
      bound = row.prediction.bound
      edgeMemoryBytes = row.edgeMemoryBytes
      cloudMemoryBytes = row.cloudMemoryBytes
    }
  }

  struct Excluded: Codable, Equatable, Sendable {
    var strategy: Strategy
    @NullIfMissing var cut: Int?
    @NullIfMissing var bits: Int?
    var reason: String
  }

  var softwareVersion: String
  /// ISO 8601, UTC.
  var createdAt: String
  var architecture: Architecture
  var exitHead: ExitHead
  @NullIfMissing var bottleneck: Int?
  var batchSize: Int
  var trainImages: Int
  var epochs: Int
  var threads: Int
  /// How the edge convolves.
  var convolution: String
  /// Null if no strategy needs a cloud.
  @NullIfMissing var link: Link?
  /// The fastest first.
  var rows: [Row]
  var excluded: [Excluded]
  var recommended: Row
  var command: String

  /// - Parameters:
  ///   - plan: the plan.
  ///   - base: what all its runs have in common.
  ///   - compute: how the edge computes.
  ///   - command: that trains as recommended.
  package init(_ plan: Plan, _ base: RunConfiguration, compute: ComputeSettings, command: String) {
    softwareVersion = Software.version
    createdAt = Timestamp.now().iso8601
    architecture = base.network.architecture
    exitHead = base.network.exitHead
    bottleneck = base.network.bottleneck
    batchSize = base.batchSize
    trainImages = base.trainImages
    epochs = base.epochs
    threads = compute.threads
    convolution = compute.convolution.rawValue
    link = plan.link.map {
      Link(
        roundTripSeconds: $0.roundTripSeconds, upBitsPerSecond: $0.upBytesPerSecond * 8,
        downBitsPerSecond: $0.downBytesPerSecond * 8)
    }
    rows = plan.rows.map(Row.init)
    excluded = plan.exclusions.flatMap { exclusion in
      exclusion.settings.map { Excluded(strategy: $0.strategy, cut: $0.cut, bits: $0.bits, reason: exclusion.reason) }
    }
    recommended = Row(plan.recommended)
    self.command = command
  }

  /// JSON, with a line feed at the end.
  package func encoded() throws -> [UInt8] { try RunJSON.encode(self, pretty: true) }
}
