import Terminal
import Training

/// What `edge-trainer plan` prints.
package struct PlanTable {
  private let plan: Plan
  private let base: RunConfiguration

  /// - Parameters:
  ///   - plan: the plan.
  ///   - base: what all its runs have in common.
  package init(_ plan: Plan, _ base: RunConfiguration) {
    self.plan = plan
    self.base = base
  }

  /// - Parameter command: that trains as recommended.
  package func rendered(command: String) -> String {
    var table = TextTable([
      .init("strategy"), .init("cut", .right), .init("bits", .right), .init("bytes/image", .right),
      .init("edge s", .right), .init("link s", .right), .init("cloud s", .right), .init("epoch s", .right),
      .init("once s", .right), .init("edge memory", .right), .init("binds"),
    ])
    for row in plan.rows { table.append(cells(row)) }
    return title + table.rendered() + exclusions + "recommended: \(recommendation)\n\(command)\n"
  }

  private var title: String {
    let network = base.network
    let bottleneck = network.bottleneck.map { ", bottleneck \($0)" } ?? ""
    let link = plan.link.map {
      """
      ; link \(PlanFormat.rate($0.upBytesPerSecond)) up, \(PlanFormat.rate($0.downBytesPerSecond)) down, \
      round trip \(PlanFormat.milliseconds($0.roundTripSeconds))
      """
    }
    return """
      \(network.architecture.rawValue), exit head \(network.exitHead.rawValue)\(bottleneck); an epoch of \
      \(Formatting.count(base.trainImages, "image")), training only\(link ?? "")

      """
  }

  private func cells(_ row: PlanRow) -> [String] {
    let prediction = row.prediction
    func seconds(_ value: Double) -> String { value == 0 ? "-" : Formatting.fixed(value, decimals: 2) }
    return [
      row.setting.strategy.rawValue, row.setting.cut.map(String.init) ?? "-", row.setting.bits.map(String.init) ?? "-",
      row.bytesPerImage == 0 ? "-" : Formatting.fixed(row.bytesPerImage, decimals: 0), seconds(prediction.edge),
      seconds(prediction.link), seconds(prediction.cloud), seconds(prediction.epoch), seconds(prediction.upload),
      row.edgeMemoryBytes.map(Formatting.bytes) ?? "-", prediction.bound.rawValue,
    ]
  }

  private var exclusions: String {
    plan.exclusions.map { exclusion in
      let settings = exclusion.settings
      let first = settings[0].description + (settings.count > 1 ? ", ..." : "")
      return "left out: \(Formatting.count(settings.count, "setting")) (\(first)): \(exclusion.reason)\n"
    }.joined()
  }

  private var recommendation: String {
    let row = plan.recommended
    let seconds = Formatting.fixed(row.prediction.epoch, decimals: 2)
    let upload =
      row.prediction.upload > 0 ? " after \(Formatting.fixed(row.prediction.upload, decimals: 2)) s of upload" : ""
    return "\(row.setting), \(seconds) s an epoch\(upload)"
  }
}

/// The command that a plan recommends, made from the one that made the plan.
package enum RecommendedCommand {
  /// - Parameters:
  ///   - arguments: of `edge-trainer plan`, without the program and `plan`; each option is followed by its value, which
  ///     does not begin with "--", or joined to it by "=", or has none.
  ///   - own: the options that only a plan has, or that it chooses.
  ///   - chosen: the options that it recommends.
  /// - Returns: a line for a shell.
  package static func line(
    _ arguments: [String], without own: Set<String>, adding chosen: [String]
  ) -> String {
    var kept: [String] = []
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      let name = argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
      let isOwn = own.contains(name)
      let hasValue =
        !argument.contains("=") && index + 1 < arguments.count && !arguments[index + 1].hasPrefix("--")
      let end = index + (hasValue ? 2 : 1)
      if !isOwn { kept += arguments[index..<end] }
      index = end
    }
    return (["edge-trainer", "train"] + chosen + kept).map(quoted).joined(separator: " ")
  }

  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
          || "-_=./:,@%+[]".utf8.contains(byte)
      }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
