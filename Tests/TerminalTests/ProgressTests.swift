import Logging
import Testing

@testable import Terminal

@Suite struct RunsProgressTests {
  private static let half = Progress(
    epoch: 2, epochs: 4, images: 500, imagesPerEpoch: 1000, exitLoss: 1.23456, finalLoss: nil,
    sentBytes: 12_345_678)
  private static let line = ProgressLine(progress: half, imagesPerSecond: 250.4, secondsLeft: 62)

  @Test func barTakesTheRoomLeft() {
    #expect(
      Self.line.bar(width: 100)
        == "epoch 2/4 [###########------------]   50 %  250 images/s  1:02 left  exit loss 1.2346  sent 12.3 MB"
    )
    #expect(Self.line.bar(width: 100).count == 99)
    #expect(
      Self.line.bar(width: 200)
        == "epoch 2/4 [###############---------------]   50 %  250 images/s  1:02 left  exit loss 1.2346  sent 12.3 MB"
    )
  }

  @Test func narrowTerminalsLoseTheBarThenTheEnd() {
    #expect(
      Self.line.bar(width: 79) == "epoch 2/4   50 %  250 images/s  1:02 left  exit loss 1.2346  sent 12.3 MB")
    #expect(Self.line.bar(width: 40) == "epoch 2/4   50 %  250 images/s")
    #expect(Self.line.bar(width: 5) == "epoc")
    for width in 0...120 { #expect(Self.line.bar(width: width).count <= max(0, width - 1)) }
  }

  @Test func degenerateProgressDoesNotTrap() {
    for progress in [
      Progress(epoch: 0, epochs: 0, images: 0, imagesPerEpoch: 0),
      Progress(epoch: 9, epochs: 3, images: 50, imagesPerEpoch: 10, exitLoss: .nan, finalLoss: .infinity),
    ] {
      let line = ProgressLine(progress: progress, imagesPerSecond: .nan, secondsLeft: .infinity)
      #expect(line.bar(width: 80).count < 80)
      #expect((0...1).contains(progress.runFraction))
    }
  }

  @Test func terminalIsRedrawnTenTimesASecondAtMost() {
    let (output, clock) = (Output(), ManualClock())
    let reporter = ProgressReporter(console: output.console(isTerminal: true), now: clock.now)
    reporter.beginEpoch(2)
    for _ in 0..<1000 {
      clock.advance(0.001)
      reporter.update(Self.half)
    }
    #expect((9...11).contains(output.all.count))
    #expect(output.all.allSatisfy { $0.hasPrefix("\r\u{1b}[Kepoch 2/4 [") && !$0.contains("\n") })
    reporter.finish()
    #expect(output.all.last == "\r\u{1b}[K")
  }

  @Test func plainLinesComeRarely() {
    let (output, clock) = (Output(), ManualClock())
    let reporter = ProgressReporter(console: output.console(isTerminal: false), now: clock.now)
    reporter.beginEpoch(1)
    var progress = Self.half
    progress.epoch = 1
    for second in 1...25 {
      clock.advance(1)
      progress.images = second * 40
      reporter.update(progress)
    }
    reporter.endEpoch(progress, note: "exit accuracy 71.00 %")
    reporter.finish()
    #expect(
      output.all == [
        "epoch 1/4   40 %  40 images/s  1:30 left  exit loss 1.2346  sent 12.3 MB\n",
        "epoch 1/4   80 %  40 images/s  1:20 left  exit loss 1.2346  sent 12.3 MB\n",
        "epoch 1/4  100 %  40 images/s  1:15 left  mean exit loss 1.2346  sent 12.3 MB  exit accuracy 71.00 %\n",
      ])
  }

  @Test func messagesDoNotRunIntoTheBar() {
    let output = Output()
    let console = output.console(isTerminal: true)
    console.setStatus("bar")
    console.printLine("message")
    console.setStatus("")
    console.setStatus("")
    console.printLine("after")
    #expect(output.all == ["\r\u{1b}[Kbar", "\r\u{1b}[Kmessage\nbar", "\r\u{1b}[K", "after\n"])
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
