import Training
import Transport

/// What a plan is to compare.
package struct PlanRequest: Sendable {
  /// What all runs have in common: the network but for its cut, batch size, images, window, link.
  package var base: RunConfiguration
  package var strategies = Strategy.allCases
  var cuts: [Int]
  /// In which features may travel; of different bits.
  var formats: [ActivationFormat]
  /// Bytes; nil for any.
  package var maximumEdgeMemory: Int?
  /// So many blocks have to be on the edge, at least.
  package var minimumCut = 0
  /// Steps that are timed for each strategy and cut, on each side.
  package var steps = 3

  package init(base: RunConfiguration, cuts: [Int], formats: [ActivationFormat]) {
    self.base = base
    self.cuts = cuts
    self.formats = formats
  }

  /// Whether a cloud has to be asked.
  package var needsCloud: Bool { strategies.contains(where: \.needsCloud) }

  /// The run of a strategy.
  func configuration(_ part: PlanSetting, _ format: ActivationFormat) -> RunConfiguration {
    var configuration = base
    configuration.strategy = part.strategy
    configuration.activations = format
    if let cut = part.cut { configuration.network.cut = cut }
    return configuration.canonical()
  }
}
