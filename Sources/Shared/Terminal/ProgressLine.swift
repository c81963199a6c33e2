/// How far a run is, for people.
package struct Progress: Equatable, Sendable {
  /// From 1.
  package var epoch: Int
  package var epochs: Int
  /// Of this epoch.
  package var images: Int
  package var imagesPerEpoch: Int
  /// Of this epoch.
  package var steps = 0
  package var stepsPerEpoch = 0
  package var exitLoss: Double?
  package var finalLoss: Double?
  /// Fractions, of the last epoch of which they are known.
  package var exitAccuracy: Double?
  package var finalAccuracy: Double?
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
  /// Whether the epoch is: losses are then the means of it, and accuracies its own.
  var isEnded = false

  /// For a terminal, of an epoch under way. At 40 columns there are the epoch, a bar, the share and the time left.
  ///
  /// - Returns: a text of fewer than `width` columns, without control sequences.
  func bar(width: Int) -> String {
    var line = FittedLine()
    line.add(.what, [epoch])
    line.addBar(progress.epochFraction)
    line.add(.share, [share, ""])
    if progress.stepsPerEpoch > 0 {
      let steps = "\(progress.steps)/\(progress.stepsPerEpoch)"
      line.add(.count, ["step " + steps, steps, ""])
    }
    line.add(.speed, speed)
    line.add(.timeLeft, timeLeft)
    line.add(.losses, losses)
    if let first = accuracy.first { line.add(.accuracy, [first, accuracy.dropFirst().first ?? first, ""]) }
    line.add(.sent, [sent, ""])
    return line.text(
      width: width,
      givingWay: [
        .sent, .losses, .accuracy, .losses, .count, .accuracy, .losses, .count, .speed, .bar, .bar, .timeLeft, .share,
      ])
  }

  /// For a terminal, of an epoch that is ended. At 40 columns there are the epoch, the share and the accuracy.
  ///
  /// - Returns: as ``bar(width:)``.
  func result(width: Int) -> String {
    line.text(
      width: width,
      givingWay: [.sent, .losses, .losses, .accuracy, .speed, .losses, .accuracy, .share])
  }

  /// For a file or a pipe.
  func plain() -> String { line.plain }

  /// All but the bar and the steps; of an epoch that is ended nothing is left to be waited for.
  private var line: FittedLine {
    var line = FittedLine()
    line.add(.what, [epoch])
    line.add(.share, [share, ""])
    line.add(.speed, speed)
    if !isEnded { line.add(.timeLeft, timeLeft) }
    line.add(.losses, losses)
    line.add(.sent, [sent, ""])
    if isEnded { line.add(.accuracy, accuracy) }
    return line
  }

  private var epoch: String { "epoch \(progress.epoch)/\(progress.epochs)" }

  private var share: String {
    let percent = Formatting.fixed((progress.epochFraction * 100).rounded(.down), decimals: 0)
    return String(repeating: " ", count: 3 - percent.count) + percent + " %"
  }

  private var speed: [String] { imagesPerSecond.map { [Formatting.fixed($0, decimals: 0) + " images/s", ""] } ?? [] }

  private var timeLeft: [String] { secondsLeft.map { [Formatting.duration(seconds: $0) + " left", ""] } ?? [] }

  private var sent: String { "sent " + Formatting.bytes(progress.sentBytes) }

  private var losses: [String] {
    let losses = [("exit", progress.exitLoss), ("final", progress.finalLoss)].compactMap { name, loss in
      loss.map { (name, $0) }
    }
    if losses.isEmpty { return [] }
    let mean = isEnded ? "mean " : ""
    func values(_ decimals: Int) -> String {
      losses.map { Formatting.fixed($1, decimals: decimals) }.joined(separator: "/")
    }
    return [
      losses.map { "\(mean)\($0) loss " + Formatting.fixed($1, decimals: 4) }.joined(separator: "  "),
      "\(mean)loss \(values(4))", "\(mean)loss \(values(2))", "",
    ]
  }

  private var accuracy: [String] {
    switch (progress.exitAccuracy.map(Formatting.percent), progress.finalAccuracy.map(Formatting.percent)) {
    case (let exit?, let final?):
      let both = exit.split(separator: " ")[0] + "/" + final
      return ["accuracy exit \(exit), final \(final)", "accuracy \(both)", "accuracy \(final)"]
    case (let exit?, nil):
      return ["accuracy exit \(exit), final not known yet", "accuracy exit \(exit)", "exit \(exit)"]
    case (nil, let final?): return ["accuracy \(final)"]
    case (nil, nil): return []
    }
  }
}
