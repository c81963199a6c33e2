import Terminal
import Training

/// One way to divide the work, and what it would take.
package struct PlanRow: Equatable, Sendable {
  package var setting: PlanSetting
  /// Of training, up, with labels and framing; 0 where there is no traffic in the epochs.
  var bytesPerImage: Double
  /// Likewise, down.
  var downBytesPerImage = 0.0
  var prediction: RuntimeModel.Prediction
  var edgeMemoryBytes: Int?
  var cloudMemoryBytes: Int?
}

/// What a plan chooses.
package struct PlanSetting: Hashable, Sendable, CustomStringConvertible {
  package var strategy: Strategy
  /// Nil where the network is not cut.
  var cut: Int?
  /// Nil where no features travel.
  var bits: Int?

  init(_ strategy: Strategy, cut: Int? = nil, bits: Int? = nil) {
    self.strategy = strategy
    self.cut = cut
    self.bits = bits
  }

  /// Blocks of the network on the edge, which is a measure of how little the cloud learns of the images.
  func blocksOnEdge(of blockCount: Int) -> Int {
    switch strategy {
    case .hierarchical, .split: cut ?? 0
    case .cloudStream, .cloudUploadOnce: 0
    case .edgeOnly: blockCount
    }
  }

  /// The options of `edge-trainer train` that choose it.
  package var options: [String] {
    var options = ["--strategy", strategy.rawValue]
    if let cut { options += ["--cut", "\(cut)"] }
    if let bits { options += ["--bits", "\(bits)"] }
    return options
  }

  /// "hierarchical, cut 2, 4 bits".
  package var description: String {
    [strategy.rawValue, cut.map { "cut \($0)" }, bits.map { Formatting.count($0, "bit") }].compactMap { $0 }.joined(
      separator: ", ")
  }
}

/// Everything that a plan found out.
package struct Plan: Equatable, Sendable {
  /// Nil if no cloud was asked.
  package var link: LinkSpeed?
  /// Epochs over which what comes before the first is spread.
  var epochs: Int
  /// The fastest first; at least one.
  private(set) var rows: [PlanRow]
  var exclusions: [PlanExclusion]

  /// How much slower a setting with more bits may be and still be recommended: about what the prediction is uncertain.
  static let indifference = 0.03

  init(link: LinkSpeed?, epochs: Int, rows: [PlanRow], exclusions: [PlanExclusion]) {
    precondition(!rows.isEmpty, "a plan without a setting")
    self.link = link
    self.epochs = epochs
    self.rows = rows.sorted { $0.prediction.mean(overEpochs: epochs) < $1.prediction.mean(overEpochs: epochs) }
    self.exclusions = exclusions
  }

  /// The fastest setting; of those that differ from it in their bits only and are hardly slower, the one with the most
  /// bits, since fewer cost accuracy.
  package var recommended: PlanRow {
    let fastest = rows[0]
    let limit = fastest.prediction.mean(overEpochs: epochs) * (1 + Self.indifference)
    return rows.filter {
      $0.setting.strategy == fastest.setting.strategy && $0.setting.cut == fastest.setting.cut
        && $0.prediction.mean(overEpochs: epochs) <= limit
    }.max { ($0.setting.bits ?? 0) < ($1.setting.bits ?? 0) } ?? fastest
  }
}
