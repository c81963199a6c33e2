import Compute
import NeuralNetwork
import Platform
import RunFiles
import Training

/// A plan as a file, for scripts: see docs/runtime-model.md. Keys are these names in snake_case.
package struct PlanDocument: Codable, Equatable, Sendable {
  package struct Link: Codable, Equatable, Sendable {
    package var roundTripSeconds: Double
    package var upBitsPerSecond: Double
    package var downBitsPerSecond: Double
  }

  package struct Row: Codable, Equatable, Sendable {
    package var strategy: Strategy
    @NullIfMissing package var cut: Int?
    @NullIfMissing package var bits: Int?
    package var bytesPerImage: Double
    package var downBytesPerImage: Double
    /// Of an epoch, training only.
    package var edgeSeconds: Double
    package var linkSeconds: Double
    package var cloudSeconds: Double
    package var epochSeconds: Double
    /// Before the first epoch.
    package var uploadSeconds: Double
    package var bound: RuntimeModel.Bound
    @NullIfMissing package var edgeMemoryBytes: Int?
    @NullIfMissing package var cloudMemoryBytes: Int?

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

  package struct Excluded: Codable, Equatable, Sendable {
    package var strategy: Strategy
    @NullIfMissing package var cut: Int?
    @NullIfMissing package var bits: Int?
    package var reason: String
  }

  package var softwareVersion: String
  /// ISO 8601, UTC.
  package var createdAt: String
  package var architecture: Architecture
  package var exitHead: ExitHead
  @NullIfMissing package var bottleneck: Int?
  package var batchSize: Int
  package var trainImages: Int
  package var epochs: Int
  package var threads: Int
  /// How the edge convolves.
  package var convolution: String
  /// Null if no strategy needs a cloud.
  @NullIfMissing package var link: Link?
  /// The fastest first.
  package var rows: [Row]
  package var excluded: [Excluded]
  package var recommended: Row
  package var command: String

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
      exclusion.settings.map {
        Excluded(strategy: $0.strategy, cut: $0.cut, bits: $0.bits, reason: exclusion.reason)
      }
    }
    recommended = Row(plan.recommended)
    self.command = command
  }

  /// JSON, with a line feed at the end.
  package func encoded() throws -> [UInt8] { try RunJSON.encode(self, pretty: true) }
}
