import Foundation
import Testing

/// What both programs show on a terminal.
@Suite struct TerminalTests {
  /// The states of the status line, and the lines that stay, in what was written to a terminal.
  private static func lines(_ text: String) -> (bars: [String], staying: [String]) {
    var (bars, staying): ([String], [String]) = ([], [])
    for line in text.split(separator: "\r\n", omittingEmptySubsequences: false) {
      let states = line.split(separator: "\r").map { String($0).replacingOccurrences(of: "\u{1b}[J", with: "") }
      bars += states.dropLast()
      if let last = states.last {
        if last.contains("[#") || last.contains("[-") { bars.append(last) } else { staying.append(last) }
      }
    }
    return (bars.filter { !$0.isEmpty }, staying)
  }

  private static let environment = ["TERM": "xterm"]

  @Test(arguments: [UInt16(40), 80, 200])
  func barAndResultsFit(columns: UInt16) throws {
    let directory = try TemporaryDirectory()
    let (atEdge, inCloud) = (try UnreadOutput.terminal(columns: columns), try UnreadOutput.terminal(columns: columns))
    let cloud = try RunningCloud(
      in: directory, ["--sessions", "1"], environment: Self.environment, errors: inCloud.writer)
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, .tiny, ["--train-limit", "640", "--epochs", "2"], environment: Self.environment,
      errors: atEdge.writer)
    try cloud.process.wait(for: "the end of the run") {
      let texts = (atEdge.readAll(), inCloud.readAll())
      return texts.0.contains("epoch 2/2  100 %") && texts.1.contains("epoch 2/2: loss ") ? true : nil
    }
    #expect(try edge.wait().end == .exited(0))
    #expect(try cloud.process.wait().end == .exited(0))
    let (bars, staying) = Self.lines(atEdge.readAll())
    let results = staying.filter { $0.hasPrefix("epoch ") }
    #expect(!bars.isEmpty && results.count == 2, "\(bars) \(staying)")
    for line in bars + results { #expect(line.count < columns, "\(line)") }
    #expect(
      results.allSatisfy { $0.contains("100 %  ") && !$0.contains("left") && $0.contains("accuracy ") }, "\(results)")
    #expect(results.allSatisfy { $0.contains("mean exit loss") } == (columns == 200), "\(results)")

    let (cloudBars, cloudLines) = Self.lines(inCloud.readAll())
    #expect(!cloudBars.isEmpty)
    for line in cloudBars { #expect(line.hasPrefix("epoch ") && line.count < columns, "\(line)") }
    let session = try #require(cloudLines.first { $0.contains("serving the edge at") })
    #expect(session.contains(": vgg8 cut after block 1, hierarchical, 4 bits, 2 epochs of 640 images "), "\(session)")
    #expect(cloudLines.contains { $0.contains("epoch 1/2: loss ") })
  }

  /// Of the table at the end, too, no line is broken, and none lacks anything.
  @Test func tableFits() throws {
    let directory = try TemporaryDirectory()
    let terminal = try UnreadOutput.terminal(columns: 40)
    let edge = try ChildProcess.start(
      .edge, ["train", "--strategy", "edge-only", "--name", "実験"] + EdgeRun.tiny.arguments, in: directory,
      environment: Self.environment, output: terminal.writer)
    #expect(try edge.wait().end == .exited(0))
    let lines = terminal.readAll().split(separator: "\r\n").map(String.init)
    #expect(lines.count == 18 && lines.allSatisfy { $0.count <= 40 }, "\(lines)")
    #expect(lines.contains("network" + String(repeating: " ", count: 22) + "vgg8, uncut"), "\(lines)")
    #expect(lines.contains("name" + String(repeating: " ", count: 32) + "実験"), "\(lines)")
  }

  /// When the user asks to end, the bar goes at once, and does not come back.
  @Test func nothingOfTheBarIsLeft() throws {
    let directory = try TemporaryDirectory()
    let terminal = try UnreadOutput.terminal(columns: 80)
    let edge = try ChildProcess.start(
      .edge, ["train", "--strategy", "edge-only"] + EdgeRun.endless.arguments, in: directory,
      environment: Self.environment, errors: terminal.writer)
    try terminal.read(until: "images/s", from: edge)
    edge.send(signal: SIGINT)
    #expect(try edge.wait().end == .exited(130))
    let text = terminal.readAll()
    // Behind the last bar.
    let end = try #require(text.components(separatedBy: "\repoch ").last)
    #expect(end.contains("\u{1b}[J\r\r\u{1b}[J"), "\(text)")
    #expect(text.hasSuffix("edge-trainer: interrupted\r\n"))
  }

  /// The bar takes the room that there is now.
  @Test func windowBecomesNarrower() throws {
    let directory = try TemporaryDirectory()
    let terminal = try UnreadOutput.terminal(columns: 120)
    let cloud = try RunningCloud(in: directory)
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, .endless, environment: Self.environment, errors: terminal.writer)
    try terminal.read(until: "exit loss", from: edge)
    terminal.resize(columns: 40)
    try edge.wait(for: "a bar of 40 columns") {
      let bars = Self.lines(terminal.readAll()).bars.suffix(2)
      return bars.count == 2 && bars.allSatisfy { $0.hasPrefix("epoch 1/1  [") && $0.count < 40 } ? true : nil
    }
    edge.send(signal: SIGTERM)
    #expect(try edge.wait().end == .exited(130))
  }

  /// Where control sequences are not understood there are lines.
  @Test func dumbTerminal() throws {
    let directory = try TemporaryDirectory()
    let terminal = try UnreadOutput.terminal(columns: 80)
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(
      cloud, in: directory, environment: ["TERM": "dumb"], errors: terminal.writer)
    let text = try terminal.read(until: "accuracy exit ", from: edge)
    #expect(try edge.wait().end == .exited(0))
    #expect(!text.contains("\u{1b}") && !text.replacingOccurrences(of: "\r\n", with: "").contains("\r"), "\(text)")
  }
}
