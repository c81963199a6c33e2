import RunFiles
import Terminal

/// The table at the end of a run.
package struct SummaryTable {
  private let summary: RunSummary

  package init(_ summary: RunSummary) { self.summary = summary }

  /// "2, full scale 0.35"
  private var bits: String {
    guard let bits = summary.bits else { return "-" }
    guard let fullScale = summary.fullScale, fullScale < 1 else { return "\(bits)" }
    return "\(bits), full scale \(fullScale)"
  }

  /// - Parameter width: the columns that there are; nil for as many as it takes.
  package func rendered(width: Int? = Console.outputWidth) -> String {
    var table = TextTable([.init("run"), .init("\(summary.runId)", .right)])
    let images = summary.trainImagesPerSecond.map { Formatting.fixed($0, decimals: 1) } ?? "-"
    let rows: [(String, String)] = [
      ("role", summary.role.rawValue),
      ("strategy", summary.strategy),
      ("network", "\(summary.architecture), \(summary.cut.map { "cut after block \($0)" } ?? "uncut")"),
      ("bits", bits),
      ("epochs", "\(summary.completedEpochs) of \(summary.epochs)"),
      ("exit accuracy", Formatting.percent(summary.exitAccuracy)),
      ("final accuracy", Formatting.percent(summary.finalAccuracy)),
      ("training images/s", images),
      ("wall time", Formatting.duration(seconds: summary.wallSeconds)),
      (
        "training: busy, idle",
        "\(Formatting.fixed(summary.busySeconds, decimals: 1)) s, \(Formatting.fixed(summary.idleSeconds, decimals: 1)) s"
      ),
      ("training payload", Formatting.bytes(summary.trainPayloadBytes)),
      ("gradient payload", Formatting.bytes(summary.gradientPayloadBytes)),
      ("evaluation payload", Formatting.bytes(summary.evaluationBytes)),
      (
        "sent, received", "\(Formatting.bytes(summary.sentBytes)), \(Formatting.bytes(summary.receivedBytes))"
      ),
      ("peak memory", summary.peakMemoryBytes.map(Formatting.bytes) ?? "-"),
    ]
    if let name = summary.name { table.append(["name", name]) }
    for (name, value) in rows { table.append([name, value]) }
    return table.rendered(width: width)
  }
}
