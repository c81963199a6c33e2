import NeuralNetwork
import Platform
import RunFiles
import Transport
import WeightFiles

/// What a side of a run was doing, beside the numbers of its network: together they are all that its next step depends
/// on, and all that its logs go on from.
package struct RunProgress: Codable, Equatable, Sendable {
  package var state: TrainingState
  /// Of the epoch under way.
  package var clock: TrainingClock.Reading
  /// Where the logs are.
  package var logs: RunRecorder.Position
  /// What a command that goes on with the run need not be told again.
  package var settings: Settings

  package init(
    state: TrainingState, clock: TrainingClock.Reading, logs: RunRecorder.Position, settings: Settings
  ) {
    self.state = state
    self.clock = clock
    self.logs = logs
    self.settings = settings
  }

  /// How this side of the run was started, as far as its configuration does not say it.
  package struct Settings: Codable, Equatable, Sendable {
    /// The value of `--data`, absolute; nil in the cloud.
    package var data: String?
    /// Seconds without progress of the peer after which the run ends.
    package var timeout: Double
    /// Seconds between two checkpoints in an epoch; 0 for none.
    package var checkpointInterval: Double

    package init(data: String? = nil, timeout: Double, checkpointInterval: Double) {
      self.data = data
      self.timeout = timeout
      self.checkpointInterval = checkpointInterval
    }
  }
}

/// A side's state on disk: weights, running statistics and momenta as tensors, and `RunProgress` in the metadata of one
/// safetensors file, with a checksum. Two are kept, the newer one over the older one, so that one is always whole.
package enum Checkpoint {
  static let files = ["checkpoint-1.safetensors", "checkpoint-2.safetensors"]
  /// The tensor of the checksum.
  static let checksum = "checksum"
  static let format = "hierarchical-trainer checkpoint"
  static let version = "1"

  /// A checkpoint that was read; its tensors are loaded when the network is built.
  package struct Reader {
    package let run: RunIdentifier
    package let configuration: RunConfiguration
    package let progress: RunProgress
    /// Counts the checkpoints of a side.
    package let number: Int
    private let file: SafetensorsReader

    package var path: String { file.path }

    /// - Throws: `SafetensorsError`, `WeightsFileError.metadata`.
    init(path: String, role: Role) throws {
      file = try SafetensorsReader(path: path)
      try file.verifyChecksum(Checkpoint.checksum)
      let entries = FileMetadata(file.metadata, path: path)
      try entries.require("format", Checkpoint.format)
      try entries.require("version", Checkpoint.version)
      try entries.require("role", role.rawValue)
      let (run, progress) = (try entries.text("run", "the run's name"), try entries.text("progress", "JSON"))
      self.run = try entries.value("run", "the run's name") { try RunIdentifier(validating: run) }
      number = try entries.count("number", minimum: 1)
      configuration = try entries.configuration()
      self.progress = try entries.value("progress", "that of a run") {
        try RunJSON.decode(RunProgress.self, from: Array(progress.utf8))
      }
    }

    /// Reads all numbers of this side's parts.
    ///
    /// - Throws: as `SafetensorsReader.load`.
    package func load(_ parts: [TrainedPart]) throws {
      try file.load(parts.flatMap(\.state), besides: [Checkpoint.checksum])
    }
  }

  /// The checkpoints of a run that can be used, the newest first.
  ///
  /// - Parameter damaged: told of each that cannot be used.
  /// - Throws: `RunDirectoryError.incomplete` if there is none, or the error of the only one.
  package static func read(_ directory: RunDirectory, role: Role, damaged: (any Error) -> Void) throws -> [Reader] {
    var readers: [Reader] = []
    var errors: [any Error] = []
    for file in files {
      let path = directory.path(of: file)
      do { readers.append(try Reader(path: path, role: role)) } catch SafetensorsError.cannotRead(_, _, ENOENT) {
        continue
      } catch { errors.append(error) }
    }
    guard !readers.isEmpty else {
      throw errors.first
        ?? RunDirectoryError.incomplete(
          path: directory.path, expected: "\(files[0]), the state of a run", actual: "no such file")
    }
    errors.forEach(damaged)
    return readers.sorted { $0.number > $1.number }
  }

  /// Removes the checkpoints of a run that is complete. One that cannot be removed is in nobody's way.
  package static func remove(from directory: RunDirectory) {
    for file in files { _ = directory.operations.unlink(directory.path(of: file)) }
  }
}
