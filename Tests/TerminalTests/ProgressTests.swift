import Logging
import Platform
import Testing

@testable import Terminal

/// What a line has at which width.
@Suite struct RunsProgressLineTests {
  private static let progress: Progress = {
    var progress = Progress(
      epoch: 2, epochs: 10, images: 22_656, imagesPerEpoch: 50_000, exitLoss: 1.23456, finalLoss: 1.2222,
      sentBytes: 12_345_678)
    (progress.steps, progress.stepsPerEpoch) = (177, 391)
    (progress.exitAccuracy, progress.finalAccuracy) = (0.628, 0.588)
    return progress
  }()
  private static let line = ProgressLine(progress: progress, imagesPerSecond: 512.4, secondsLeft: 62)
  private static let ended: ProgressLine = {
    var line = Self.line
    (line.isEnded, line.progress.images) = (true, 50_000)
    return line
  }()

  @Test func barTakesTheRoomLeft() {
    #expect(
      Self.line.bar(width: 200)
        == "epoch 2/10  [#############-----------------]   45 %  step 177/391  512 images/s  1:02 left"
        + "  exit loss 1.2346  final loss 1.2222  accuracy exit 62.80 %, final 58.80 %  sent 12.3 MB")
    #expect(
      Self.line.bar(width: 80) == "epoch 2/10  [###-----]   45 %  177/391  512 images/s  1:02 left  loss 1.23/1.22")
    #expect(Self.line.bar(width: 40) == "epoch 2/10  [###----]   45 %  1:02 left")
  }

  @Test func resultsThatStay() {
    #expect(
      Self.ended.result(width: 200)
        == "epoch 2/10  100 %  512 images/s  mean exit loss 1.2346  mean final loss 1.2222  sent 12.3 MB"
        + "  accuracy exit 62.80 %, final 58.80 %")
    #expect(
      Self.ended.result(width: 80)
        == "epoch 2/10  100 %  512 images/s  mean loss 1.23/1.22  accuracy 62.80/58.80 %")
    #expect(Self.ended.result(width: 40) == "epoch 2/10  100 %  accuracy 58.80 %")
  }

  /// With fewer columns a line never says more, and what matters most is there at any width from 40 on.
  @Test func partsGiveWayInTheirOrder() {
    let parts = { (line: String) in line.split(separator: "  ").filter { !$0.hasPrefix("[") }.count }
    let largest = ProgressLine(
      progress: {
        var progress = Self.progress
        (progress.epoch, progress.epochs, progress.steps, progress.stepsPerEpoch) = (100, 300, 100_000, 100_000)
        return progress
      }(), imagesPerSecond: 123_456, secondsLeft: 123_456)
    for (line, barIsThere) in [(Self.line, true), (largest, false)] {
      var ended = line
      ended.isEnded = true
      var (before, endedBefore) = (0, 0)
      for width in 40...200 {
        let (bar, result) = (line.bar(width: width), ended.result(width: width))
        #expect(bar.count < width && result.count < width, "\(width)")
        #expect(parts(bar) >= before && parts(result) >= endedBefore, "\(width): \(bar)")
        (before, endedBefore) = (parts(bar), parts(result))
        #expect(bar.hasPrefix("epoch ") && bar.contains(" 45 %") && bar.contains(" left"), "\(bar)")
        #expect(bar.contains("[#") || !barIsThere && width < 60, "\(width): \(bar)")
        #expect(result.hasPrefix("epoch ") && result.contains(" 45 %") && result.contains("58.80 %"), "\(result)")
        #expect(!result.contains("left"), "\(result)")
      }
    }
    // In this order they come with the columns.
    let order = ["images/s", "177/391", " loss ", "accuracy ", "sent "]
    let widths = order.map { part in (40...200).first { Self.line.bar(width: $0).contains(part) } ?? 0 }
    #expect(widths == widths.sorted() && Set(widths).count == widths.count, "\(widths)")
  }

  @Test func narrowerThanThat() {
    for width in 0..<40 {
      #expect(Self.line.bar(width: width).count <= max(0, width - 1))
      #expect(Self.ended.result(width: width).count <= max(0, width - 1))
    }
    #expect(Self.line.bar(width: 5) == "epoc")
  }

  @Test func withoutAnExitOrItsEnd() {
    var line = Self.ended
    line.progress.finalAccuracy = nil
    #expect(line.plain().hasSuffix("  sent 12.3 MB  accuracy exit 62.80 %, final not known yet"))
    #expect(line.result(width: 40) == "epoch 2/10  100 %  exit 62.80 %")
    line.progress.exitLoss = nil
    (line.progress.exitAccuracy, line.progress.finalAccuracy) = (nil, 0.588)
    #expect(line.plain().hasSuffix("  mean final loss 1.2222  sent 12.3 MB  accuracy 58.80 %"))
    #expect(line.result(width: 80) == "epoch 2/10  100 %  512 images/s  mean final loss 1.2222  accuracy 58.80 %")
  }

  @Test func degenerateProgressDoesNotTrap() {
    for progress in [
      Progress(epoch: 0, epochs: 0, images: 0, imagesPerEpoch: 0),
      Progress(epoch: 9, epochs: 3, images: 50, imagesPerEpoch: 10, exitLoss: .nan, finalLoss: .infinity),
    ] {
      let line = ProgressLine(progress: progress, imagesPerSecond: .nan, secondsLeft: .infinity)
      for width in 0...200 { #expect(line.bar(width: width).count <= max(0, width - 1)) }
      #expect((0...1).contains(progress.runFraction))
    }
  }
}

/// What is shown, and when.
@Suite struct RunsProgressTests {
  private static let half = Progress(
    epoch: 2, epochs: 4, images: 500, imagesPerEpoch: 1000, exitLoss: 1.23456, sentBytes: 12_345_678)

  @Test func terminalIsRedrawnTenTimesASecondAtMost() {
    let (output, clock) = (Output(), ManualClock())
    let reporter = ProgressReporter(console: output.console(isTerminal: true), now: clock.now)
    reporter.beginEpoch(Self.half)
    for _ in 0..<1000 {
      clock.advance(0.001)
      reporter.update(Self.half)
    }
    #expect((9...11).contains(output.all.count))
    // Each is one write, nothing is erased before it is written over, and the cursor goes back.
    #expect(
      output.all.allSatisfy { $0.hasPrefix("\repoch 2/4  [") && $0.hasSuffix("\u{1b}[J\r") && !$0.contains("\n") })
    reporter.finish()
    #expect(output.all.last == "\r\u{1b}[J")
  }

  @Test func plainLinesComeRarely() {
    let (output, clock) = (Output(), ManualClock())
    let reporter = ProgressReporter(console: output.console(isTerminal: false), now: clock.now)
    var progress = Self.half
    (progress.epoch, progress.images) = (1, 0)
    (progress.exitAccuracy, progress.finalAccuracy) = (0.71, 0.7)
    reporter.beginEpoch(progress)
    for second in 1...25 {
      clock.advance(1)
      progress.images = second * 40
      reporter.update(progress)
    }
    reporter.endEpoch(progress)
    reporter.finish()
    #expect(
      output.all == [
        "epoch 1/4   40 %  40 images/s  1:30 left  exit loss 1.2346  sent 12.3 MB\n",
        "epoch 1/4   80 %  40 images/s  1:20 left  exit loss 1.2346  sent 12.3 MB\n",
        "epoch 1/4  100 %  40 images/s  mean exit loss 1.2346  sent 12.3 MB"
          + "  accuracy exit 71.00 %, final 70.00 %\n",
      ])
  }

  /// What was done before this process began takes it no time.
  @Test func timeLeftOfARunThatGoesOn() {
    let (output, clock) = (Output(), ManualClock())
    let reporter = ProgressReporter(console: output.console(isTerminal: false), now: clock.now)
    var progress = Self.half
    progress.epoch = 3
    clock.advance(100)
    reporter.beginEpoch(progress)
    clock.advance(10)
    progress.images = 600
    reporter.update(progress)
    #expect(output.all == ["epoch 3/4   60 %  10 images/s  2:20 left  exit loss 1.2346  sent 12.3 MB\n"])
  }

  @Test func workBeforeAndAfterTheTraining() {
    for isTerminal in [true, false] {
      let (output, clock) = (Output(), ManualClock())
      let reporter = ProgressReporter(console: output.console(isTerminal: isTerminal, width: 64), now: clock.now)
      clock.advance(10)
      reporter.count("decoding images", "image", done: 500, all: 2000)
      clock.advance(10)
      reporter.deliver(done: 5, left: 15, bytes: 1_500_000, seconds: 10)
      #expect(
        output.all == [
          isTerminal
            ? "\rdecoding images  [##--------]  500/2000  50 images/s  0:30 left\u{1b}[J\r"
            : "decoding images  500 of 2000 images  50 images/s  0:30 left\n",
          isTerminal
            ? "\rdelivering  [####-------------]  15 records (1.5 MB)  0:30 left\u{1b}[J\r"
            : "delivering  15 records (1.5 MB)  0:30 left\n",
        ])
    }
  }

  @Test func messagesDoNotRunIntoTheBar() {
    let output = Output()
    let console = output.console(isTerminal: true)
    console.setStatus { _ in "bar" }
    console.printLine("message")
    console.setStatus(nil)
    console.setStatus(nil)
    console.printLine("after")
    #expect(output.all == ["\rbar\u{1b}[J\r", "\r\u{1b}[Jmessage\nbar\r", "\r\u{1b}[J", "after\n"])
  }

  @Test func nothingIsShownAfterTheEnd() {
    let output = Output()
    let console = output.console(isTerminal: true)
    console.setStatus { _ in "bar" }
    console.endStatus()
    console.setStatus { _ in "another" }
    console.printLine("message")
    #expect(output.all == ["\rbar\u{1b}[J\r", "\r\u{1b}[J", "message\n"])
  }

  /// A message draws the bar once more, in a window that has another width by then.
  @Test func windowThatChanges() {
    let (output, width) = (Output(), Guarded(80))
    let console = output.console(isTerminal: true, width: { width.withLock { $0 } })
    console.setStatus { "\($0) columns" }
    width.withLock { $0 = 40 }
    console.printLine("message")
    #expect(output.all == ["\r80 columns\u{1b}[J\r", "\r\u{1b}[Jmessage\n40 columns\r"])
  }

  @Test func columnsVariable() {
    #expect(Console.columns("132") == 132)
    for text in [nil, "", "0", "-5", "wide", "99999999"] { #expect(Console.columns(text) == nil) }
  }
}

@Suite struct RunsLogHandlerTests {
  private func handler(_ output: Output, usesColor: Bool = false) -> Logger {
    var logger = Logger(label: "test") { _ in
      StandardErrorLogHandler(
        level: .debug, console: output.console(isTerminal: usesColor, usesColor: usesColor),
        timeOfDay: { "08:15:02" })
    }
    logger[metadataKey: "run"] = "r-1"
    return logger
  }

  @Test func lines() {
    let output = Output()
    let logger = handler(output)
    logger.info("connected", metadata: ["peer": "127.0.0.1:7070", "name": "a \"b\"", "none": ""])
    logger.debug("detail", metadata: ["run": "other"])
    logger.warning("slow")
    logger.error("gone\nfalse line \u{1b}[2J")
    logger.trace("below the level")
    #expect(
      output.all == [
        "08:15:02 info connected name=\"a \\\"b\\\"\" none=\"\" peer=127.0.0.1:7070 run=r-1\n",
        "08:15:02 debug detail run=other\n",
        "08:15:02 WARNING slow run=r-1\n",
        "08:15:02 ERROR gone\\nfalse line \\u{1b}[2J run=r-1\n",
      ])
  }

  @Test func coloursOnlyWhereWanted() {
    let output = Output()
    handler(output, usesColor: true).warning("slow")
    handler(output, usesColor: true).error("gone")
    #expect(
      output.all == [
        "08:15:02 \u{1b}[33mWARNING\u{1b}[0m slow run=r-1\n",
        "08:15:02 \u{1b}[31mERROR\u{1b}[0m gone run=r-1\n",
      ])
  }
}
