import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import WeightFiles

/// The state of a run on disk: what was written is read back, and of what is damaged nothing is taken.
@Suite struct CheckpointTests {
  private let run = RunIdentifier.generate()

  private func part(seed: UInt64) throws -> TrainedPart {
    try TrainedPart(
      Sequential([Linear(name: "classifier", inputs: 3, outputs: 2)]), input: FeatureShape(channels: 3), batchSize: 2,
      seed: seed, weightDecay: 0, context: ComputeContext(threads: 1))
  }

  private func progress(_ directory: RunDirectory) throws -> RunProgress {
    let configuration = try WeightsFileTests.configuration()
    let recorder = try RunRecorder(
      directory, configuration, role: .edge, run: run, compute: ComputeSettings(threads: 1))
    var state = TrainingState()
    state.beginEpoch()
    state.countStep(images: 3, loss: 0.1)
    return RunProgress(
      state: state, clock: TrainingClock.Reading(), logs: recorder.position,
      settings: RunProgress.Settings(data: "synthetic", timeout: 60, checkpointInterval: 0))
  }

  private func write(_ directory: RunDirectory, _ part: TrainedPart, _ progress: RunProgress, times: Int = 1) throws {
    let writer = try CheckpointWriter(
      directory, try WeightsFileTests.configuration(), role: .edge, run: run, parts: [part], after: 0, interval: 0)
    defer { writer.end() }
    for _ in 0..<times { try writer.write(progress) {} }
    try writer.awaitWritten()
  }

  @Test func roundTripIsBitIdentical() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/run")
      let (written, read) = (try part(seed: 1), try part(seed: 2))
      // Momenta that are not zero.
      let gradient = written.loss(Tensor(FeatureShape(channels: 3), count: 2), labels: [0, 1]).gradient
      written.backward(gradient)
      written.update(LearningRateSchedule.Values(learningRate: 0.1, momentum: 0.9))
      let progress = try progress(directory)
      try write(directory, written, progress, times: 3)
      #expect(
        try names(in: directory.path).filter { $0.hasPrefix("checkpoint") }.sorted()
          == Array(Checkpoint.files.prefix(Checkpoint.turns)))
      let readers = try Checkpoint.read(directory, role: .edge) { Issue.record($0) }
      #expect(readers.map(\.number) == [3, 2])
      #expect(readers[0].progress == progress)
      #expect(readers[0].run == run)
      #expect(try readers[0].configuration == WeightsFileTests.configuration())
      try readers[0].load([read])
      #expect(read.state.map { $0.value.map(\.bitPattern) } == written.state.map { $0.value.map(\.bitPattern) })
      #expect(read.optimizer.momenta.contains { $0.value.contains { $0 != 0 } })
    }
  }

  /// Every truncation, and a change of every byte, is noticed before anything is loaded.
  @Test func damage() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/run")
      try write(directory, part(seed: 1), progress(directory))
      let path = directory.path(of: Checkpoint.files[1])
      let bytes = try contents(path)
      let file = base + "/damaged.safetensors"
      func expectRefused(_ bytes: [UInt8], _ what: String) throws {
        try Data(bytes).write(to: URL(filePath: file))
        #expect(throws: (any Error).self, "\(what)") { try Checkpoint.Reader(path: file, role: .edge) }
      }
      for count in 0..<bytes.count { try expectRefused(Array(bytes[..<count]), "\(count) bytes") }
      for index in bytes.indices {
        var damaged = bytes
        damaged[index] ^= UInt8(1 << (index % 8))
        try expectRefused(damaged, "byte \(index)")
      }
    }
  }

  @Test func otherThanExpected() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/run")
      #expect(throws: RunDirectoryError.self) { try Checkpoint.read(directory, role: .edge) { Issue.record($0) } }
      try write(directory, part(seed: 1), progress(directory))
      #expect(throws: WeightsFileError.self) { try Checkpoint.read(directory, role: .cloud) { Issue.record($0) } }
      let wide = try TrainedPart(
        Sequential([Linear(name: "classifier", inputs: 4, outputs: 2)]), input: FeatureShape(channels: 4), batchSize: 2,
        seed: 0, weightDecay: 0, context: ComputeContext(threads: 1))
      let reader = try Checkpoint.read(directory, role: .edge) { Issue.record($0) }[0]
      #expect(throws: SafetensorsError.self) { try reader.load([wide]) }
    }
  }

  @Test func diskIsFull() throws {
    try withTemporaryDirectory { base in
      let directory = try RunDirectory(creating: base + "/run")
      let progress = try progress(directory)
      try write(directory, part(seed: 1), progress)
      let full = try RunDirectory(resuming: directory.path, operations: .disk(bytes: 100))
      #expect(throws: FileError.self) { try write(full, part(seed: 2), progress) }
      #expect(try Checkpoint.read(directory, role: .edge) { Issue.record($0) }.map(\.number) == [1])
    }
  }
}
