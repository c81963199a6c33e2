import Foundation
import Testing

/// Runs that are ended in mid-epoch, and that nobody waits for: by the user, by a kill, by silence.
@Suite struct EndingTests {
  /// An endless run in which both sides have logged some steps.
  private struct RunUnderWay {
    let directory: TemporaryDirectory
    let cloud: RunningCloud
    let edge: ChildProcess
    let edgeFiles: RunFiles
    let cloudFiles: RunFiles

    init(cloudArguments: [String] = ["--sessions", "1"], edgeArguments: [String] = []) throws {
      let directory = try TemporaryDirectory()
      let patience = ["--reconnect-for", "0"]
      let cloud = try RunningCloud(in: directory, patience + cloudArguments)
      let edge = try ChildProcess.startEdge(cloud, in: directory, .endless, patience + edgeArguments)
      let files = RunFiles(directory.path("edge"))
      try edge.wait(for: "steps of the edge") { files.loggedSteps > 2 ? true : nil }
      let others = try cloud.runDirectory()
      try edge.wait(for: "steps of the cloud") { others.loggedSteps > 2 ? true : nil }
      self.directory = directory
      self.cloud = cloud
      self.edge = edge
      edgeFiles = files
      cloudFiles = others
    }
  }

  /// Every line of the log is whole, the steps are without gap, the last line says how it ended, and so does the
  /// summary, which knows the same steps.
  static func expectCompleteLogs(
    _ files: RunFiles, event: String, outcome: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let metrics = try files.metrics()
    let steps = metrics.filter { $0["type"] as? String == "step" }.compactMap { $0["step"] as? Int }
    #expect(!steps.isEmpty && steps == Array(1...max(1, steps.count)), sourceLocation: sourceLocation)
    #expect(metrics.last?["event"] as? String == event, sourceLocation: sourceLocation)
    let summary = try files.summary()
    #expect(summary["completed_steps"] as? Int == steps.count, sourceLocation: sourceLocation)
    let actual = try #require(summary["outcome"] as? String)
    #expect(actual.hasPrefix(outcome), "\(actual)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func userEndsTheEdge(signal: Int32) throws {
    let run = try RunUnderWay(cloudArguments: ["--sessions", "2"])
    run.edge.send(signal: signal)
    expectError(try run.edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
    try Self.expectCompleteLogs(run.edgeFiles, event: "interrupted", outcome: "interrupted")

    // The cloud says so and goes on with the next.
    try run.cloud.process.wait(for: "the end of the session") {
      run.cloud.process.errors.contains(
        "notice the session ended early: the edge was interrupted by its user")
        ? true : nil
    }
    try Self.expectCompleteLogs(
      run.cloudFiles, event: "failed", outcome: "failed: the edge was interrupted by its user")
    let next = try ChildProcess.startEdge(
      run.cloud, in: run.directory, runDirectory: run.directory.path("next")
    ).wait()
    #expect(next.end == .exited(0), "\(next.errors)")
    expectError(
      try run.cloud.process.wait(), .cloud, code: 69,
      mentioning: ["1 of 2 sessions failed", "the edge was interrupted by its user"])
  }

  /// A frame takes 0.26 s here, so that one is almost always on its way, and what was sent arrives a second later.
  @Test func userEndsTheEdgeOfASlowLink() throws {
    let run = try RunUnderWay(edgeArguments: ["--link-rate", "0.5Mbit", "--link-delay", "1s"])
    run.edge.send(signal: SIGINT)
    expectError(try run.edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
    try Self.expectCompleteLogs(run.edgeFiles, event: "interrupted", outcome: "interrupted")
    expectError(
      try run.cloud.process.wait(), .cloud, code: 69, mentioning: ["the edge was interrupted by its user"])
    try Self.expectCompleteLogs(
      run.cloudFiles, event: "failed", outcome: "failed: the edge was interrupted by its user")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func userEndsTheCloud(signal: Int32) throws {
    let run = try RunUnderWay()
    run.cloud.process.send(signal: signal)
    expectError(try run.cloud.process.wait(), .cloud, code: 130, mentioning: ["interrupted"])
    try Self.expectCompleteLogs(run.cloudFiles, event: "interrupted", outcome: "interrupted")
    expectError(try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud was interrupted by its user"])
    try Self.expectCompleteLogs(
      run.edgeFiles, event: "failed", outcome: "failed: the cloud was interrupted by its user")
  }

  /// Both sides are told at once, by a shutdown for example: each says the same in all places.
  @Test func bothSidesAreEnded() throws {
    let run = try RunUnderWay()
    run.edge.send(signal: SIGTERM)
    run.cloud.process.send(signal: SIGTERM)
    for (process, program, files) in [
      (run.edge, TestedProgram.edge, run.edgeFiles), (run.cloud.process, .cloud, run.cloudFiles),
    ] {
      let finished = try process.wait()
      if finished.end == .exited(130) {
        expectError(finished, program, code: 130, mentioning: ["interrupted"])
        try Self.expectCompleteLogs(files, event: "interrupted", outcome: "interrupted")
      } else {
        // The other's goodbye was faster than the signal.
        expectError(finished, program, code: 69, mentioning: ["was interrupted by its user"])
        try Self.expectCompleteLogs(files, event: "failed", outcome: "failed: the ")
      }
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func userEndsACloudThatWaits(signal: Int32) throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory)
    cloud.process.send(signal: signal)
    expectError(try cloud.process.wait(), .cloud, code: 130, mentioning: ["interrupted"])
  }

  @Test func edgeIsKilled() throws {
    let run = try RunUnderWay()
    run.edge.send(signal: SIGKILL)
    #expect(try run.edge.wait().end == .killed(signal: SIGKILL))
    #expect(try run.edgeFiles.metrics().count > 3)
    expectError(try run.cloud.process.wait(), .cloud, code: 69, mentioning: ["the edge "])
    try Self.expectCompleteLogs(run.cloudFiles, event: "failed", outcome: "failed: the edge ")
  }

  @Test func cloudIsKilled() throws {
    let run = try RunUnderWay()
    run.cloud.process.send(signal: SIGKILL)
    #expect(try run.cloud.process.wait().end == .killed(signal: SIGKILL))
    #expect(try run.cloudFiles.metrics().count > 3)
    expectError(try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud "])
    try Self.expectCompleteLogs(run.edgeFiles, event: "failed", outcome: "failed: the cloud ")
  }

  @Test func cloudFallsSilent() throws {
    let run = try RunUnderWay(edgeArguments: ["--timeout", "3"])
    run.cloud.process.send(signal: SIGSTOP)
    expectError(
      try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud made no progress for 3 s", "--timeout"])
    try Self.expectCompleteLogs(run.edgeFiles, event: "failed", outcome: "failed: the cloud made no progress")
  }

  @Test func edgeFallsSilent() throws {
    let run = try RunUnderWay(cloudArguments: ["--sessions", "1", "--timeout", "3"])
    run.edge.send(signal: SIGSTOP)
    expectError(
      try run.cloud.process.wait(), .cloud, code: 69,
      mentioning: ["the edge made no progress for 3 s", "--timeout"])
    try Self.expectCompleteLogs(run.cloudFiles, event: "failed", outcome: "failed: the edge made no progress")
  }

  // MARK: Other strategies

  /// Who is ended, and how.
  enum End: String, CaseIterable, Sendable {
    case userEndsTheEdge, userEndsTheCloud, edgeIsKilled, cloudIsKilled, cloudFallsSilent
  }

  @Test(arguments: ["split", "cloud-stream", "cloud-upload-once"], End.allCases)
  func endOfAnotherStrategy(strategy: String, end: End) throws {
    var arguments = ["--strategy", strategy]
    // All images go up before the first step.
    if strategy == "cloud-upload-once" { arguments += ["--train-limit", "1000", "--epochs", "1000"] }
    if end == .cloudFallsSilent { arguments += ["--timeout", "3"] }
    let run = try RunUnderWay(edgeArguments: arguments)
    switch end {
    case .userEndsTheEdge:
      run.edge.send(signal: SIGINT)
      expectError(try run.edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
      expectError(
        try run.cloud.process.wait(), .cloud, code: 69, mentioning: ["the edge was interrupted by its user"])
    case .userEndsTheCloud:
      run.cloud.process.send(signal: SIGINT)
      expectError(try run.cloud.process.wait(), .cloud, code: 130, mentioning: ["interrupted"])
      expectError(try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud was interrupted by its user"])
    case .edgeIsKilled:
      run.edge.send(signal: SIGKILL)
      expectError(try run.cloud.process.wait(), .cloud, code: 69, mentioning: ["the edge "])
    case .cloudIsKilled:
      run.cloud.process.send(signal: SIGKILL)
      expectError(try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud "])
    case .cloudFallsSilent:
      run.cloud.process.send(signal: SIGSTOP)
      expectError(
        try run.edge.wait(), .edge, code: 69, mentioning: ["the cloud made no progress for 3 s", "--timeout"])
    }
    if end != .edgeIsKilled {
      let interrupted = end == .userEndsTheEdge
      try Self.expectCompleteLogs(
        run.edgeFiles, event: interrupted ? "interrupted" : "failed",
        outcome: interrupted ? "interrupted" : "failed: the cloud ")
    }
    if end != .cloudIsKilled && end != .cloudFallsSilent {
      let interrupted = end == .userEndsTheCloud
      try Self.expectCompleteLogs(
        run.cloudFiles, event: interrupted ? "interrupted" : "failed",
        outcome: interrupted ? "interrupted" : "failed: the edge ")
    }
  }
}
