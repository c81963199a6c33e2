/// How far a run is, for people.
package struct Progress: Equatable, Sendable {
  /// From 1.
  package var epoch: Int
  package var epochs: Int
  /// Of this epoch.
  package var images: Int
  package var imagesPerEpoch: Int
  package var exitLoss: Double?
  package var finalLoss: Double?
  /// Whether the losses are those of the whole epoch; else they are of the last batch.
  var isMean = false
  /// Since the start of the run.
  package var sentBytes: Int

  package init(
    epoch: Int, epochs: Int, images: Int, imagesPerEpoch: Int, exitLoss: Double? = nil, finalLoss: Double? = nil,
    sentBytes: Int = 0
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.images = images
    self.imagesPerEpoch = imagesPerEpoch
    self.exitLoss = exitLoss
    self.finalLoss = finalLoss
    self.sentBytes = sentBytes
  }

  /// Of this epoch, in `[0, 1]`.
  var epochFraction: Double { imagesPerEpoch > 0 ? min(1, max(0, Double(images) / Double(imagesPerEpoch))) : 0 }

  /// Of the whole run, in `[0, 1]`.
  var runFraction: Double { epochs > 0 ? min(1, max(0, (Double(epoch - 1) + epochFraction) / Double(epochs))) : 0 }
}

/// The text of a progress report.
struct ProgressLine: Equatable {
  var progress: Progress
  /// `nil` until something is measured.
  var imagesPerSecond: Double?
  /// To the end of the run; `nil` until something is measured.
  var secondsLeft: Double?

  /// For a terminal: with a bar that takes the room left, at most 30 columns. On a narrow terminal first the bar goes,
  /// then parts from the end.
  ///
  /// - Parameter width: columns; the text has fewer, so that the cursor stays on the line.
  /// - Returns: the text, without control sequences.
  func bar(width: Int) -> String {
    var parts = parts
    func length(_ parts: [String]) -> Int { parts.reduce(0) { $0 + $1.count } + 2 * max(0, parts.count - 1) }
    // Two brackets and the space before the bar, and the last column.
    let room = width - 1 - length(parts) - 3
    if room >= 8 {
      let cells = min(30, room)
      let filled = Int((progress.epochFraction * Double(cells)).rounded(.down))
      let bar = "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled) + "]"
      parts[0] += " " + bar
    }
    while parts.count > 1, length(parts) > width - 1 { parts.removeLast() }
    return String(parts.joined(separator: "  ").prefix(max(0, width - 1)))
  }

  /// For a file or a pipe.
  func plain() -> String { parts.joined(separator: "  ") }

  private var parts: [String] {
    var parts = ["epoch \(progress.epoch)/\(progress.epochs)"]
    let percent = Formatting.fixed((progress.epochFraction * 100).rounded(.down), decimals: 0)
    parts.append(String(repeating: " ", count: 3 - percent.count) + percent + " %")
    if let imagesPerSecond { parts.append(Formatting.fixed(imagesPerSecond, decimals: 0) + " images/s") }
    if let secondsLeft { parts.append(Formatting.duration(seconds: secondsLeft) + " left") }
    let mean = progress.isMean ? "mean " : ""
    if let loss = progress.exitLoss { parts.append("\(mean)exit loss " + Formatting.fixed(loss, decimals: 4)) }
    if let loss = progress.finalLoss { parts.append("\(mean)final loss " + Formatting.fixed(loss, decimals: 4)) }
    parts.append("sent " + Formatting.bytes(progress.sentBytes))
    return parts
  }
}
