import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

@Suite struct RunsMetricsTests {
  private static let step = StepRecord(
    epoch: 1, step: 2, loss: 2.25, learningRate: 0.1, images: 128, sentBytes: 10, receivedBytes: 20)

  @Test func linesAreGolden() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base)
      let log = try MetricsLog(in: directory, role: .edge, elapsedSeconds: { 1.5000004 })
      try log.append(EventRecord("started"))
      try log.append(Self.step)
      try log.append(
        EpochRecord(
          epoch: 1, trainLoss: 1.75, exitAccuracy: 0.5, finalAccuracy: nil, trainImagesPerSecond: 1000,
          trainingSeconds: 2, busySeconds: 1.5, idleSeconds: 0.5, trainPayloadBytes: 1, evaluationBytes: 2,
          gradientPayloadBytes: 6, sentBytes: 3, receivedBytes: 4, resentBytes: 7, peakMemoryBytes: 5))
      try log.append(EventRecord("peer lost", reason: "line 1\nline 2"))
      try log.finish()
      #expect(
        try text(log.path) == #"""
          {"event":"started","role":"edge","type":"event","wall_seconds":1.5}
          {"epoch":1,"images":128,"learning_rate":0.1,"loss":2.25,"received_bytes":20,"role":"edge","sent_bytes":10,"step":2,"type":"step","wall_seconds":1.5}
          {"busy_seconds":1.5,"epoch":1,"evaluation_bytes":2,"exit_accuracy":0.5,"final_accuracy":null,"gradient_payload_bytes":6,"idle_seconds":0.5,"peak_memory_bytes":5,"received_bytes":4,"resent_bytes":7,"role":"edge","sent_bytes":3,"train_images_per_second":1000,"train_loss":1.75,"train_payload_bytes":1,"training_seconds":2,"type":"epoch","wall_seconds":1.5}
          {"event":"peer lost","reason":"line 1\nline 2","role":"edge","type":"event","wall_seconds":1.5}

          """#)
    }
  }

  /// Classes without test images, and sides that do not know them.
  @Test func accuraciesByClassAreGolden() throws {
    let record = EpochRecord(
      epoch: 1, trainLoss: 1.75, exitAccuracy: nil, finalAccuracy: 0.5, finalClassAccuracies: [0.25, nil, 1],
      trainImagesPerSecond: 1000, trainingSeconds: 2, busySeconds: 1.5, idleSeconds: 0.5, trainPayloadBytes: 1,
      evaluationBytes: 2, gradientPayloadBytes: 6, sentBytes: 3, receivedBytes: 4, resentBytes: 7, peakMemoryBytes: 5)
    let json = String(decoding: try RunJSON.encode(record, pretty: false), as: UTF8.self)
    #expect(json.contains(#""final_accuracy":0.5,"final_class_accuracies":[0.25,null,1],"gradient_payload_bytes""#))
    #expect(!json.contains("exit_class_accuracies"))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func nonFiniteIsNull(loss: Float) throws {
    var record = Self.step
    record.loss = loss
    let json = String(decoding: try RunJSON.encode(record, pretty: false), as: UTF8.self)
    #expect(json.contains(#""loss":null"#))
    #expect(try object(json)["loss"] is NSNull)
  }

  @Test func refusesASecondLog() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base)
      let first = try MetricsLog(in: directory, role: .edge)
      #expect(throws: RunDirectoryError.holdsEarlierRun(path: base, file: "metrics.jsonl")) {
        try MetricsLog(in: directory, role: .edge)
      }
      try first.finish()
    }
  }

  @Test func oneWriteALine() throws {
    try withTemporaryDirectory { base in
      let writes = Trace()
      var operations = FileOperations.live
      operations.write = { writes.append("write", FileOperations.live.write($0, $1, $2)) }
      let log = try MetricsLog(in: RunDirectory(creating: base, operations: operations), role: .edge)
      for _ in 0..<5 { try log.append(Self.step) }
      #expect(writes.names.count == 5)
    }
  }

  @Test func fullDiskLeavesCompleteLines() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base, operations: .disk(bytes: 350))
      let log = try MetricsLog(in: directory, role: .cloud)
      let error = FileError(path: log.path, operation: "write", errorNumber: ENOSPC)
      try log.append(Self.step)
      try log.append(Self.step)
      #expect(throws: error) { try log.append(Self.step) }
      #expect(throws: error) { try log.append(EventRecord("failed")) }
      try log.finish()
      let written = try text(log.path)
      #expect(written.hasSuffix("}\n"))
      let lines = written.split(separator: "\n")
      #expect(lines.count == 2)
      for line in lines { #expect(try object(line)["type"] as? String == "step") }
    }
  }

  @Test func deviceFull() throws {
    let log = try MetricsLog(path: "/dev/full", flags: 0, role: .edge)
    #expect(
      throws: FileError(path: "/dev/full", operation: "write", errorNumber: ENOSPC)
    ) { try log.append(Self.step) }
    try log.finish()
  }

  @Test func nothingFollowsFinish() throws {
    try withTemporaryDirectory { base in
      let log = try MetricsLog(in: RunDirectory(creating: base), role: .edge)
      try log.finish()
      try log.finish()
      #expect(throws: RunDirectoryError.finished(path: log.path)) { try log.append(Self.step) }
    }
  }

  @Test func aFailingFlushIsTold() throws {
    try withTemporaryDirectory { base in
      var operations = FileOperations.live
      operations.synchronize = { _ in
        errno = EIO
        return -1
      }
      let log = try MetricsLog(in: RunDirectory(creating: base, operations: operations), role: .edge)
      #expect(
        throws: FileError(path: log.path, operation: "fsync", errorNumber: EIO)
      ) { try log.finish() }
    }
  }

  @Test func threadsDoNotMixLines() async throws {
    let base = NSTemporaryDirectory() + "/runs-tests-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: base) }
    let log = try MetricsLog(in: RunDirectory(creating: base), role: .edge)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for epoch in 1...4 {
        group.addTask {
          for step in 1...50 {
            var record = Self.step
            (record.epoch, record.step) = (epoch, step)
            try log.append(record)
          }
        }
      }
      try await group.waitForAll()
    }
    try log.finish()
    let records = try text(log.path).split(separator: "\n").map { try object($0) }
    let keys = records.compactMap { record -> String? in
      guard let epoch = record["epoch"] as? Int, let step = record["step"] as? Int else { return nil }
      return "\(epoch).\(step)"
    }
    #expect(Set(keys).count == 200 && keys.count == 200)
    let times = records.compactMap { $0["wall_seconds"] as? Double }
    #expect(times.count == 200 && times == times.sorted())
  }
}

@Suite struct RunsSummaryTests {
  private func summary() throws -> RunSummary {
    RunSummary(
      role: .edge, runId: try RunIdentifier(validating: "r-1"), softwareVersion: "0.1.0",
      startedAt: Timestamp(secondsSince1970: 1_795_421_702), strategy: "hierarchical", architecture: "vgg8",
      cut: 2, bits: 2, fullScale: 0.35, epochs: 5, seed: .max, threads: 2, convolution: .winograd,
      kernels: "SkylakeX")
  }

  @Test func hasAllKeysWhateverIsKnown() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base)
      try directory.writeSummary(try summary())
      #expect(
        try text(base + "/summary.json") == """
          {
            "architecture" : "vgg8",
            "bits" : 2,
            "busy_seconds" : 0,
            "completed_epochs" : 0,
            "completed_steps" : 0,
            "convolution" : "winograd",
            "cut" : 2,
            "edge_training_seconds" : null,
            "epochs" : 5,
            "evaluation_bytes" : 0,
            "exit_accuracy" : null,
            "final_accuracy" : null,
            "full_scale" : 0.35,
            "gradient_payload_bytes" : 0,
            "idle_seconds" : 0,
            "initial_weights" : null,
            "kernels" : "SkylakeX",
            "link_busy_seconds" : 0,
            "name" : null,
            "outcome" : "completed",
            "peak_memory_bytes" : null,
            "received_bytes" : 0,
            "resent_bytes" : 0,
            "role" : "edge",
            "run_id" : "r-1",
            "seed" : 18446744073709551615,
            "sent_bytes" : 0,
            "software_version" : "0.1.0",
            "started_at" : "2026-11-23T08:15:02Z",
            "strategy" : "hierarchical",
            "threads" : 2,
            "train_images_per_second" : null,
            "train_payload_bytes" : 0,
            "training_seconds" : 0,
            "wall_seconds" : 0
          }

          """)
    }
  }

  @Test(arguments: [RunOutcome.completed, .interrupted, .failed("link: peer lost")])
  func roundTrip(outcome: RunOutcome) throws {
    var summary = try summary()
    summary.outcome = outcome
    summary.exitAccuracy = 0.7968
    summary.bits = nil
    summary.sentBytes = 1 << 40
    let bytes = try RunJSON.encode(summary, pretty: true)
    #expect(try RunJSON.decode(RunSummary.self, from: bytes) == summary)
  }

  @Test func absentOptionalKeysAreMissingValues() throws {
    var json = try object(String(decoding: try RunJSON.encode(try summary(), pretty: false), as: UTF8.self))
    json["exit_accuracy"] = nil
    let bytes = [UInt8](try JSONSerialization.data(withJSONObject: json))
    #expect(try RunJSON.decode(RunSummary.self, from: bytes).exitAccuracy == nil)
  }

  @Test func nonFiniteAccuracyIsNull() throws {
    var summary = try summary()
    summary.finalAccuracy = .nan
    let json = try object(String(decoding: try RunJSON.encode(summary, pretty: false), as: UTF8.self))
    #expect(json["final_accuracy"] is NSNull)
  }
}
