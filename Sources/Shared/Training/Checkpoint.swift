import Datasets
import NeuralNetwork
import Platform
import RunFiles
import Transport
import Trust
import WeightFiles

/// What a side of a run was doing, beside the numbers of its network: together they are all that its next step depends
/// on, and all that its logs go on from.
package struct RunProgress: Codable, Equatable, Sendable {
  package var state: TrainingState
  /// Of the epoch under way.
  package var clock: TrainingClock.Reading
  /// Where the logs are.
  package var logs: RunRecorder.Position
  /// Where this side is in the series of records.
  package var records: Records
  /// What has gone over the link.
  package var traffic: RunTraffic
  /// What a command that goes on with the run need not be told again.
  package var settings: Settings

  package init(
    state: TrainingState, clock: TrainingClock.Reading, logs: RunRecorder.Position, records: Records = Records(),
    traffic: RunTraffic = RunTraffic(), settings: Settings
  ) {
    self.state = state
    self.records = records
    self.traffic = traffic
    self.clock = clock
    self.logs = logs
    self.settings = settings
  }

  /// Numbers of records.
  package struct Records: Codable, Equatable, Sendable {
    /// The last one that the edge has made, or that the cloud has applied.
    package var last: UInt64 = 0
    /// On the edge: all answers up to this one are in its logs.
    package var answered: UInt64 = 0
    /// On the edge: the last one that was sent.
    package var sent: UInt64 = 0
    /// On the edge: from what the cloud's weights began, as `ResumeOffer.initialWeights`.
    package var cloudWeights: String?
    /// When the training of the epoch under way began, in seconds of the run.
    package var beganSeconds = 0.0
    /// In the cloud: what it has reported.
    package var reports: [AnswerHistory.Report] = []
    /// In the cloud: the images that were uploaded.
    package var images: StoredImages?

    package init() {}
  }

  /// Uploaded images on the cloud's disk.
  package struct StoredImages: Codable, Equatable, Sendable {
    package let byteCount: Int
    package let checksum: UInt32

    package init(byteCount: Int, checksum: UInt32) {
      self.byteCount = byteCount
      self.checksum = checksum
    }
  }

  /// How a cloud is started on the edge's machine.
  package struct Local: Codable, Equatable, Sendable {
    /// For the cloud's runs, absolute; nil for the default.
    package var directory: String?
    package var oneCoreEach: Bool
    /// Files of weights from which it lets a run begin, absolute; nil for none.
    package var initialWeights: [String]?

    package init(directory: String?, oneCoreEach: Bool, initialWeights: [String]? = nil) {
      (self.directory, self.oneCoreEach) = (directory, oneCoreEach)
      self.initialWeights = initialWeights
    }
  }

  /// How this side of the run was started, as far as its configuration does not say it.
  package struct Settings: Codable, Equatable, Sendable {
    /// The value of `--data`, absolute; nil in the cloud.
    package var data: String?
    /// What is wanted of the images; nil in the cloud.
    package var dataset: DatasetSettings?
    /// Seconds without progress of the peer after which the run ends.
    package var timeout: Double
    /// Seconds between two checkpoints in an epoch; 0 for none.
    package var checkpointInterval: Double
    /// The cloud's address, on the edge; nil for none.
    package var cloud: String?
    /// How the connection to it is protected; nil for by default.
    package var trust: TrustSettings?
    /// The cloud that the edge starts on its own machine, where there is no `cloud`; nil for none.
    package var local: Local?
    /// Most bytes of what waits to be sent; nil for what fits into the window.
    package var spool: Int?
    /// How the run was started, for its files; nil in the cloud.
    package var command: CommandOptions?
    /// Seconds in which the edge tries to reach a cloud that has gone; nil for no end.
    package var reconnectFor: Double?

    package init(
      data: String? = nil, timeout: Double, checkpointInterval: Double, cloud: String? = nil, spool: Int? = nil,
      reconnectFor: Double? = 0
    ) {
      self.cloud = cloud
      self.spool = spool
      self.reconnectFor = reconnectFor
      self.data = data
      self.timeout = timeout
      self.checkpointInterval = checkpointInterval
    }
  }
}

/// A side's state on disk: weights, running statistics and momenta as tensors, and `RunProgress` in the metadata of one
/// safetensors file, with a checksum. Two are kept, the newer one over the older one, so that one is always whole.
package enum Checkpoint {
  /// Two take turns. The third one is for where a side is when it ends, if the other two must not be touched, since the
  /// other side has such ones, too.
  static let files = ["checkpoint-1.safetensors", "checkpoint-2.safetensors", "checkpoint-3.safetensors"]
  static let turns = 2
  /// The tensor of the checksum.
  static let checksum = "checksum"
  /// The tensors of the cloud's answers, a number for each record that is applied.
  static let answeredLosses = "answers.loss"
  static let answeredCorrect = "answers.correct"
  /// The answer to the last record, where gradients are exchanged: `[count, height, width, channels]`.
  static let gradient = "answers.gradient"
  static let format = "hierarchical-trainer checkpoint"
  static let version = "3"

  /// A checkpoint that was read; its tensors are loaded when the network is built.
  package struct Reader {
    package let run: RunIdentifier
    package let configuration: RunConfiguration
    package let progress: RunProgress
    /// Counts the checkpoints of a side.
    package let number: Int
    private let file: SafetensorsReader

    package var path: String { file.path }

    /// The last record that the edge has made, or that the cloud has applied.
    package var position: UInt64 { progress.records.last }

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
      try file.load(
        parts.flatMap(\.state),
        besides: [
          Checkpoint.checksum, Checkpoint.answeredLosses, Checkpoint.answeredCorrect, Checkpoint.gradient,
        ])
    }

    /// Whether the gradient of the last record can be told once more.
    package var hasGradient: Bool { file.entries[Checkpoint.gradient] != nil }

    /// What the cloud had answered.
    ///
    /// - Throws: `SafetensorsError`; `WeightsFileError.metadata` if the lists do not fit together.
    package func answers() throws -> AnswerHistory {
      let records = progress.records
      guard records.last > 0 else { return AnswerHistory() }
      let shape = [Int(clamping: records.last)]
      let losses = try file.floats(Checkpoint.answeredLosses, shape: shape)
      let correct = try file.floats(Checkpoint.answeredCorrect, shape: shape)
      guard
        let history = AnswerHistory(
          losses: losses, correct: correct, reports: records.reports, lastGradient: try gradient())
      else {
        throw WeightsFileError.metadata(
          path: path, field: "progress", expected: "reports in order", actual: "another order")
      }
      return history
    }

    private func gradient() throws -> AnswerHistory.LastGradient? {
      guard let sizes = file.entries[Checkpoint.gradient]?.shape else { return nil }
      guard sizes.count == 4, sizes.allSatisfy({ $0 > 0 }) else {
        throw SafetensorsError.wrongTensor(
          path: path, name: Checkpoint.gradient, expected: "F32, four sizes", actual: "\(sizes)")
      }
      let shape = ActivationShape(count: sizes[0], height: sizes[1], width: sizes[2], channels: sizes[3])
      let values = try file.floats(Checkpoint.gradient, shape: sizes)
      return AnswerHistory.LastGradient(
        try Gradient(sequence: progress.records.last, shape: shape, values: values), shape)
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
    return readers.sorted { ($0.position, $0.number) > ($1.position, $1.number) }
  }

  /// Removes the checkpoints of a run that goes on from an earlier one.
  ///
  /// - Throws: `FileError`.
  package static func remove(from directory: RunDirectory, after position: UInt64, role: Role) throws {
    for reader in try read(directory, role: role, damaged: { _ in }) where reader.position > position {
      try directory.operations.removeFile(reader.path)
      try directory.operations.synchronizeDirectory(directory.path, of: reader.path)
    }
  }

  /// Removes the checkpoints of a run that is complete. One that cannot be removed is in nobody's way.
  package static func remove(from directory: RunDirectory) {
    for file in files { _ = directory.operations.unlink(directory.path(of: file)) }
  }
}
