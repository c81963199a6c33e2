import Foundation
import Testing
import Transport

/// Nobody reads what the programs say: they go on, and end when they are told to.
@Suite struct UnreadOutputTests {
  /// Neither side can say anything at all, and the run is as any other. Its results are kept for a reader.
  @Test func resultsWaitForAReader() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let (output, errors) = (try UnreadOutput.fullPipe(), try UnreadOutput.fullPipe())
    let edge = try ChildProcess.startEdge(cloud, in: directory, output: output.writer, errors: errors.writer)
    let files = RunFiles(directory.path("edge"))
    try edge.wait(for: "the end of the run") { (try? files.outcome()) == "completed" ? true : nil }
    #expect(try cloud.process.wait().end == .exited(0))
    try EndingTests.expectCompleteLogs(files, event: "completed", outcome: "completed")

    let table = try output.read(until: "peak memory", from: edge)
    #expect(table.contains("\nfinal accuracy "), "\(table)")
    let log = try errors.read(until: "epoch 1/1  100 %", from: edge)
    #expect(log.contains(" info edge-trainer ") && !log.contains("dropped"), "\(log)")
    #expect(try edge.wait().end == .exited(0))
  }

  /// A cloud serves the next edge, too, although the table of the first one is still on its way.
  @Test func cloudGoesOn() throws {
    let directory = try TemporaryDirectory()
    // Nobody can read the address, so it is chosen here: a port that was free a moment ago.
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = "\(listener.localEndpoint)"
    listener.close()
    let (output, errors) = (try UnreadOutput.fullPipe(), try UnreadOutput.fullPipe())
    let cloud = try ChildProcess.start(
      .cloud, ["--listen", endpoint, "--run-dir", directory.path("cloud")], in: directory, output: output.writer,
      errors: errors.writer)
    for name in ["one", "two"] {
      let edge = try ChildProcess.run(
        .edge, ["train", "--wait", "--cloud", endpoint, "--run-dir", directory.path(name)] + EdgeRun.tiny.arguments,
        in: directory)
      #expect(edge.end == .exited(0), "\(edge.errors)")
    }
    cloud.send(signal: SIGTERM)
    #expect(try cloud.wait().end == .exited(130))
    for run in try FileManager.default.contentsOfDirectory(atPath: directory.path("cloud")) {
      let files = RunFiles(directory.path("cloud/\(run)"))
      try EndingTests.expectCompleteLogs(files, event: "completed", outcome: "completed")
    }
  }

  /// The run is complete, and only its table is left.
  @Test func userGivesTheResultsUp() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let output = try UnreadOutput.fullPipe()
    let edge = try ChildProcess.startEdge(cloud, in: directory, output: output.writer)
    try edge.wait(for: "a reader") { edge.errors.contains("nobody reads the results") ? true : nil }
    edge.send(signal: SIGTERM)
    expectError(try edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
    #expect(try cloud.process.wait().end == .exited(0))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func signalsEndARun(signal: Int32) throws {
    let run = try EndlessRun(output: UnreadOutput.fullPipe(), errors: UnreadOutput.fullPipe())
    try run.edge.wait(for: "steps") { run.files.loggedSteps > 2 ? true : nil }
    try run.expectEnd(after: signal)
  }

  /// Ctrl-S stops what is shown, and nothing else.
  @Test func stoppedTerminal() throws {
    let terminal = try UnreadOutput.terminal()
    let run = try EndlessRun(output: terminal, errors: terminal)
    try terminal.read(until: "epoch 1/1", from: run.edge)
    terminal.press(control: "S")
    let steps = run.files.loggedSteps
    try run.edge.wait(for: "more steps") { run.files.loggedSteps > steps + 50 ? true : nil }
    try run.expectEnd(after: SIGTERM)
  }

  /// The same on the cloud's side, which shows a bar, too.
  @Test func stoppedTerminalOfTheCloud() throws {
    let directory = try TemporaryDirectory()
    let terminal = try UnreadOutput.terminal()
    let cloud = try RunningCloud(in: directory, environment: ["TERM": "xterm"], errors: terminal.writer)
    let edge = try ChildProcess.startEdge(cloud, in: directory, .endless)
    try terminal.read(until: "epoch 1/1  [", from: edge)
    terminal.press(control: "S")
    let files = try cloud.runDirectory()
    let steps = files.loggedSteps
    try edge.wait(for: "more steps") { files.loggedSteps > steps + 50 ? true : nil }
    edge.send(signal: SIGTERM)
    #expect(try edge.wait().end == .exited(130))
    cloud.process.send(signal: SIGTERM)
    #expect(try cloud.process.wait().end == .exited(130))
  }

  /// After Ctrl-Q the screen is as if there had been no Ctrl-S.
  @Test func terminalGoesOn() throws {
    let terminal = try UnreadOutput.terminal()
    let run = try EndlessRun(output: terminal, errors: terminal)
    terminal.press(control: "S")
    try run.edge.wait(for: "steps") { run.files.loggedSteps > 50 ? true : nil }
    terminal.press(control: "Q")
    try terminal.read(until: "info edge-trainer", from: run.edge)
    try terminal.read(until: "epoch 1/1", from: run.edge)
    run.edge.send(signal: SIGINT)
    try terminal.read(until: "edge-trainer: interrupted", from: run.edge)
    #expect(try run.edge.wait().end == .exited(130))
  }
}

/// A run that ends when it is told to, and that says what it says where nobody reads it.
private struct EndlessRun {
  private let cloud: RunningCloud
  /// The outputs stay open as long as the run.
  private let outputs: [UnreadOutput]
  let edge: ChildProcess
  let files: RunFiles

  init(output: UnreadOutput, errors: UnreadOutput) throws {
    let directory = try TemporaryDirectory()
    cloud = try RunningCloud(in: directory)
    outputs = [output, errors]
    edge = try ChildProcess.startEdge(cloud, in: directory, .endless, output: output.writer, errors: errors.writer)
    files = RunFiles(directory.path("edge"))
  }

  func expectEnd(after signal: Int32) throws {
    edge.send(signal: signal)
    #expect(try edge.wait().end == .exited(130))
    try EndingTests.expectCompleteLogs(files, event: "interrupted", outcome: "interrupted")
  }
}
