import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

/// Runs as they are seen from outside.
@Suite struct FoundRunTests {
  private struct Configuration: Encodable {
    var architecture = "vgg8"
    var learningRate = 0.1
  }

  private static func summary(_ role: Role = .edge, run: String = "20261123-081502-3f9a1c") throws -> RunSummary {
    RunSummary(
      role: role, runId: try RunIdentifier(validating: run), softwareVersion: "0.1.0",
      startedAt: Timestamp(secondsSince1970: 1_795_421_702), strategy: "hierarchical", architecture: "vgg8", cut: 2,
      bits: 2, fullScale: 0.35, epochs: 5, seed: 0, threads: 2, convolution: .im2col, kernels: "SkylakeX")
  }

  private static func epoch(_ number: Int, accuracy: Double) -> EpochRecord {
    EpochRecord(
      epoch: number, trainLoss: 1, exitAccuracy: accuracy, finalAccuracy: nil, trainImagesPerSecond: 10,
      trainingSeconds: 2.5, busySeconds: 0, idleSeconds: 0, trainPayloadBytes: 0, evaluationBytes: 0,
      gradientPayloadBytes: 0, sentBytes: 100, receivedBytes: 7, resentBytes: 0, peakMemoryBytes: nil)
  }

  @Test func aRunAtWorkThenKilledThenEnded() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/runs/20261123-081502-3f9a1c/edge")
      try directory.writeConfiguration(
        Configuration(), ["name": "mine"], role: .edge, run: RunIdentifier(validating: "20261123-081502-3f9a1c"))
      do {
        let log = try MetricsLog(in: directory, role: .edge) { 9 }
        try log.append(EventRecord("started"))
        try log.append(Self.epoch(1, accuracy: 0.25))
        try log.append(Self.epoch(2, accuracy: 0.5))
        try log.append(
          StepRecord(epoch: 3, step: 9, loss: 1, learningRate: 0.1, images: 4, sentBytes: 250, receivedBytes: 15))
        #expect(try FoundRun(directory.path).state == .running)
        try log.finish()
      }
      let killed = try FoundRun(directory.path)
      #expect(killed.state == .unfinished)
      #expect(killed.settings.map(\.name) == ["architecture", "learning_rate", "name"])
      #expect(killed.settings.map(\.text) == ["vgg8", "0.1", "mine"])
      #expect(killed.runName == "20261123-081502-3f9a1c")
      #expect(killed.epochs.completed == 2 && killed.epochs.exitAccuracy == 0.5 && killed.epochs.finalAccuracy == nil)
      #expect(killed.epochs.sentBytes == 250 && killed.epochs.receivedBytes == 15)
      #expect(killed.epochs.trainingSeconds == 5 && killed.epochs.wallSeconds == 9)
      var summary = try Self.summary()
      summary.outcome = .failed("the disk is full")
      try directory.writeSummary(summary)
      #expect(try FoundRun(directory.path).state == .ended(.failed("the disk is full")))
      #expect(try FoundRun(directory.path).startedAt == "2026-11-23T08:15:02Z")
    }
  }

  /// A run's directory in a state that only its files make.
  private static func make(_ path: String, _ role: Role, run: String) throws {
    let directory = try RunDirectory(creating: path)
    try directory.writeConfiguration(Configuration(), role: role, run: RunIdentifier(validating: run))
    try directory.writeSummary(try summary(role, run: run))
  }

  /// Its files are in two places, and neither side has a summary.
  @Test func aRunThatHasJustBegunIsOne() throws {
    try withTemporaryDirectory { base in
      for (path, role) in [("mine", Role.edge), ("clouds/20261123-081502-3f9a1c", .cloud)] {
        let directory = try RunDirectory(creating: "\(base)/\(path)")
        let run = try RunIdentifier(validating: "20261123-081502-3f9a1c")
        try directory.writeConfiguration(Configuration(), role: role, run: run)
      }
      let runs = try FoundRun.search(base) { _ in }
      #expect(runs.map(\.path) == [base + "/mine"])
      #expect(runs.first?.runName == "20261123-081502-3f9a1c")
      #expect(runs.first?.settings.map(\.name) == ["architecture", "learning_rate"])
    }
  }

  /// Files of an earlier version do not have the number in config.json, or something else there.
  @Test(arguments: ["", #", "run_id": 7"#])
  func withoutANumberTheSummaryAndThenTheDirectoryTellIt(member: String) throws {
    try withTemporaryDirectory { base in
      let path = base + "/20261123-081502-3f9a1c/edge"
      let directory = try RunDirectory(creating: path)
      try AtomicFile.write(Array(#"{"role": "edge"\#(member)}"#.utf8), to: path + "/config.json")
      #expect(try FoundRun(path).runName == "20261123-081502-3f9a1c")
      try directory.writeSummary(try Self.summary(run: "one"))
      #expect(try FoundRun(path).runName == "one")
    }
  }

  @Test func searchFindsRunsAndRacesButTheCloudsSideOnlyWhereItIsAlone() throws {
    try withTemporaryDirectory { base in
      try Self.make(base + "/one/edge", .edge, run: "one")
      try Self.make(base + "/one/cloud", .cloud, run: "one")
      try Self.make(base + "/race/4bit/edge", .edge, run: "two")
      try Self.make(base + "/alone/cloud", .cloud, run: "three")
      try FileManager.default.createDirectory(atPath: base + "/empty", withIntermediateDirectories: true)
      try FileManager.default.createDirectory(atPath: base + "/broken", withIntermediateDirectories: true)
      try AtomicFile.write(Array("{".utf8), to: base + "/broken/config.json")
      var errors: [FoundRunError] = []
      let runs = try FoundRun.search(base) { errors.append($0) }
      #expect(runs.map(\.path) == ["alone/cloud", "one/edge", "race/4bit/edge"].map { base + "/" + $0 })
      #expect(errors.map(\.path) == [base + "/broken/config.json"])
      #expect(errors.first?.description.contains("expected the directory of a run") == true)
      #expect(try FoundRun.search(base + "/one/edge") { _ in }.map(\.path) == [base + "/one/edge"])
      // One that was put among others does not hide them.
      try Self.make(base, .edge, run: "four")
      #expect(try FoundRun.search(base) { _ in }.count == 4)
    }
  }

  @Test func searchTellsThatThereIsNoDirectory() {
    #expect(throws: SystemError(operation: "opendir", errnoCode: ENOENT)) {
      try FoundRun.search("/no/such/directory") { _ in }
    }
  }

  /// Neither endless links nor a summary of another version keep others from being seen.
  @Test func linksAreNotFollowedAndOddSummariesAreNone() throws {
    try withTemporaryDirectory { base in
      try Self.make(base + "/one/edge", .edge, run: "one")
      try FileManager.default.createSymbolicLink(atPath: base + "/again", withDestinationPath: base)
      try AtomicFile.write(Array("{}".utf8), to: base + "/one/edge/summary.json")
      let runs = try FoundRun.search(base) { _ in }
      #expect(runs.map(\.path) == [base + "/one/edge"])
      #expect(runs.first?.summary == nil && runs.first?.state == .unfinished)
    }
  }
}
