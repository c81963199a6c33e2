import FoundationEssentials
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
    /// Seconds without progress of the peer.
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
      let entries = file.metadata
      func refuse(_ field: String, _ expected: String, _ actual: String) -> WeightsFileError {
        .metadata(path: path, field: field, expected: expected, actual: actual)
      }
      func entry(_ field: String, _ expected: String) throws -> String {
        guard let value = entries[field] else { throw refuse(field, expected, "missing") }
        return value
      }
      for (field, expected) in [
        ("format", Checkpoint.format), ("version", Checkpoint.version), ("role", role.rawValue),
      ] {
        let actual = try entry(field, expected)
        guard actual == expected else { throw refuse(field, expected, actual) }
      }
      let (run, number) = (try entry("run", "the run's name"), try entry("number", "a count"))
      guard let count = Int(number), count >= 1 else { throw refuse("number", "a count", number) }
      self.number = count
      do { self.run = try RunIdentifier(validating: run) } catch { throw refuse("run", "the run's name", run) }
      let (configuration, progress) = (try entry("configuration", "JSON"), try entry("progress", "JSON"))
      do {
        self.configuration = try JSONDecoder().decode(RunConfiguration.self, from: Data(configuration.utf8))
        try self.configuration.validate()
      } catch { throw refuse("configuration", "the configuration of a run", "one that cannot be used (\(error))") }
      do { self.progress = try RunJSON.decode(RunProgress.self, from: Array(progress.utf8)) } catch {
        throw refuse("progress", "that of a run", "one that cannot be used (\(error))")
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
