import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import EdgeSide
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import WeightFiles

/// A run that ended early and was resumed has the weights and the logs of one that was not.
@Suite(.serialized) struct ResumeTests {
  /// 3 steps and 2 test batches in each of 2 epochs.
  private func configuration(balances: Bool = false) throws -> RunConfiguration {
    var configuration = try quickConfiguration()
    if balances {
      configuration = RunConfiguration(
        task: .small,
        network: SplitNetwork.Configuration(architecture: .vgg8, cut: 3, exitHead: .pool, for: .small),
        activations: .exact, data: "synthetic", trainImages: 10, testImages: 6)
      (configuration.batchSize, configuration.learningRate) = (4, 0.02)
      (configuration.balancesClasses, configuration.labelSmoothing) = (true, 0.1)
    }
    configuration.strategy = .edgeOnly
    configuration.epochs = 2
    return configuration.canonical()
  }

  private func start(
    _ folder: SessionFolder, _ run: String, interruption: Interruption = Interruption(), balances: Bool = false,
    train: (any LabeledImages)? = nil
  ) throws -> RunSummary {
    let configuration = try configuration(balances: balances)
    return try session(
      configuration, folder, run, nil, interruption, train ?? drawnImages(.train, configuration))
  }

  /// A run that is interrupted when the nth image is asked for.
  private func interrupt(
    _ folder: SessionFolder, _ run: String, balances: Bool = false, afterReads reads: Int
  ) throws {
    let interruption = Interruption()
    let images = TriggeringImages(
      drawnImages(.train, try configuration(balances: balances)), afterReads: reads, { interruption.request() })
    #expect(throws: InterruptedError()) {
      try start(folder, run, interruption: interruption, balances: balances, train: images)
    }
  }

  private func resume(
    _ folder: SessionFolder, _ run: String, operations: FileOperations = .live,
    damaged: (any Error) -> Void = { _ in }
  ) throws -> RunSummary {
    let directory = try RunDirectory(resuming: "\(folder.path)/\(run)")
    let checkpoint = try Checkpoint.read(directory, role: .edge, damaged: damaged)[0]
    return try session(
      checkpoint.configuration, folder, run, checkpoint, Interruption(),
      drawnImages(.train, checkpoint.configuration), operations)
  }

  private func session(
    _ configuration: RunConfiguration, _ folder: SessionFolder, _ run: String, _ checkpoint: Checkpoint.Reader?,
    _ interruption: Interruption, _ train: any LabeledImages, _ operations: FileOperations = .live
  ) throws -> RunSummary {
    var options = EdgeSession.Options(
      cloud: nil, compute: ComputeSettings(threads: 1), directory: "\(folder.path)/\(run)",
      run: try RunIdentifier(validating: run),
      // One after each step, if the one before is written.
      settings: RunProgress.Settings(timeout: 60, checkpointInterval: 1e-9))
    options.operations = operations
    let session = try EdgeSession(
      configuration, options, resuming: checkpoint, train: train, test: drawnImages(.test, configuration),
      interruption: interruption, logger: silentLogger, progress: silentProgress())
    return try session.run()
  }

  /// The log without what differs between any two runs, and without what tells of the interruptions.
  private func log(_ folder: SessionFolder, _ run: String) throws -> [[String: String]] {
    try text("\(folder.path)/\(run)/metrics.jsonl").split(separator: "\n").map { line in
      try object(line).filter { key, _ in
        !["seconds", "per_second", "memory"].contains { key.contains($0) }
      }.mapValues { "\($0)" }
    }.filter { !["interrupted", "resumed"].contains($0["event"]) }
  }

  private func expectSame(_ folder: SessionFolder, _ run: String, as whole: String) throws {
    #expect(try folder.bytes("\(run)/edge.safetensors") == folder.bytes("\(whole)/edge.safetensors"), "\(run)")
    #expect(try log(folder, run) == log(folder, whole), "\(run)")
    let (summary, expected) = (try folder.summary(run), try folder.summary(whole))
    #expect(summary.outcome == .completed)
    #expect(summary.finalAccuracy == expected.finalAccuracy)
    #expect(summary.completedSteps == expected.completedSteps)
  }

  /// Ctrl-C when the nth image is asked for: in every place of both epochs, between them, and in evaluation.
  @Test(arguments: [1, 5, 9, 11, 15, 19]) func interrupted(afterReads reads: Int) throws {
    let folder = try SessionFolder()
    _ = try start(folder, "whole")
    try interrupt(folder, "part", afterReads: reads)
    #expect(try folder.metrics("part").events == ["started", "interrupted"])
    #expect(try folder.summary("part").outcome == .interrupted)
    _ = try resume(folder, "part")
    try expectSame(folder, "part", as: "whole")
    #expect(try folder.metrics("part").events == ["started", "interrupted", "resumed", "completed"])
  }

  /// In the middle of both epochs: the images of the next batches follow from their places.
  @Test(arguments: [5, 15]) func interruptedWhileClassesAreBalanced(afterReads reads: Int) throws {
    let folder = try SessionFolder()
    _ = try start(folder, "whole", balances: true)
    try interrupt(folder, "part", balances: true, afterReads: reads)
    _ = try resume(folder, "part")
    try expectSame(folder, "part", as: "whole")
  }

  @Test func damagedCheckpoint() throws {
    let folder = try SessionFolder()
    _ = try start(folder, "whole")
    try interrupt(folder, "part", afterReads: 15)
    let directory = try RunDirectory(resuming: "\(folder.path)/part")
    let newest = try Checkpoint.read(directory, role: .edge) { Issue.record($0) }
    #expect(newest.count == 2)
    var bytes = try folder.bytes("part/" + (newest[0].path.split(separator: "/").last ?? ""))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(filePath: newest[0].path))
    var errors: [any Error] = []
    _ = try resume(folder, "part") { errors.append($0) }
    guard case .wrongChecksum(newest[0].path, _, _) = errors.first as? SafetensorsError else {
      Issue.record("\(errors)")
      return
    }
    try expectSame(folder, "part", as: "whole")
  }

  /// Nothing is cut off, since nothing could follow.
  @Test(arguments: ["metrics.jsonl", ".probe"]) func directoryIsNotWritable(file: String) throws {
    let folder = try SessionFolder()
    try interrupt(folder, "run", afterReads: 11)
    let before = try folder.bytes("run/metrics.jsonl")
    var operations = FileOperations.live
    operations.open = { path, flags, mode in
      guard path.contains(file), flags & O_WRONLY != 0 else { return FileOperations.live.open(path, flags, mode) }
      errno = EACCES
      return -1
    }
    let error = #expect(throws: RunDirectoryError.self) { try resume(folder, "run", operations: operations) }
    #expect(error.map(ErrorKind.init) == .cannotCreateRun)
    #expect("\(error as Any)".contains("the run cannot go on in its directory"))
    #expect(try folder.bytes("run/metrics.jsonl") == before)
  }

  @Test func logIsShorterThanTheCheckpointSays() throws {
    let folder = try SessionFolder()
    try interrupt(folder, "part", afterReads: 15)
    #expect(truncate("\(folder.path)/part/metrics.jsonl", 10) == 0)
    #expect(throws: RunDirectoryError.self) { try resume(folder, "part") }
    #expect(try folder.bytes("part/metrics.jsonl").count == 10)
  }

  @Test func anotherProcessIsAtWork() throws {
    let folder = try SessionFolder()
    try interrupt(folder, "part", afterReads: 15)
    let descriptor = open("\(folder.path)/part/metrics.jsonl", O_RDONLY)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_EX) == 0)
    #expect(throws: RunDirectoryError.inUse(path: "\(folder.path)/part/metrics.jsonl")) {
      try resume(folder, "part")
    }
  }

  @Test func directoryWithoutARun() throws {
    let folder = try SessionFolder()
    #expect(throws: RunDirectoryError.self) { try resume(folder, "nothing") }
    try Data("weights".utf8).write(to: URL(filePath: "\(folder.path)/edge.safetensors"))
    let error = #expect(throws: RunDirectoryError.self) { try resume(folder, "edge.safetensors") }
    #expect("\(error as Any)".contains("found a file"))
  }
}
