import NeuralNetwork
import Platform
import RunFiles
import Transport
import WeightFiles

/// Writes a side's checkpoints on a thread of its own: the thread that trains only copies its numbers.
package final class CheckpointWriter {
  private let directory: RunDirectory
  private let parameters: [Parameter]
  private let metadata: [String: String]
  /// Seconds; 0 for none in an epoch.
  private let interval: Double
  private let copies: [UnsafeMutableBufferPointer<Float>]
  private var last = MonotonicClock.seconds()
  private let state: Guarded<State>
  private var thread: Thread?

  /// Which file a checkpoint is written to.
  package enum Place: Equatable, Sendable {
    /// That of the older one of the two that take turns.
    case next
    /// That of this number: one of the two, the same on both sides of a run.
    case turn(Int)
    /// One beside those two. The number is that of the one of them that must not be lost.
    case aside(Int)

    func file(_ number: Int) -> String {
      if case .aside = self { return Checkpoint.files[Checkpoint.turns] }
      return Checkpoint.files[number % Checkpoint.turns]
    }
  }

  private struct State {
    /// Of the last one that was begun.
    var number: Int
    var place = Place.next
    /// Where the run was, of each file that is there.
    var positions: [String: UInt64] = [:]
    /// What is to be written, from the copies; nil when that is done.
    var progress: RunProgress?
    var answers: AnswerHistory?
    var beforehand: () throws -> Void = {}
    var afterwards: () -> Void = {}
    var error: (any Error)?
    var isEnding = false
  }

  /// - Parameters:
  ///   - parts: this side's.
  ///   - number: of the checkpoint that the run goes on from; 0 for a new run.
  ///   - kept: those that are there.
  ///   - interval: seconds between two checkpoints in an epoch; 0 for none.
  /// - Throws: `ThreadError`.
  package init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, role: Role, run: RunIdentifier, parts: [TrainedPart],
    after number: Int, kept: [Checkpoint.Reader] = [], interval: Double
  ) throws {
    self.directory = directory
    self.interval = interval
    parameters = parts.flatMap(\.state)
    metadata = [
      "format": Checkpoint.format, "version": Checkpoint.version, "role": role.rawValue, "run": "\(run)",
      "configuration": try RunJSON.line(configuration),
    ]
    copies = parameters.map { .allocate(capacity: $0.count) }
    var start = State(number: number)
    for reader in kept { start.positions[reader.path] = reader.position }
    state = Guarded(start)
    thread = try Thread { [self] in write() }
  }

  deinit { copies.forEach { $0.deallocate() } }

  /// Of the last one that was begun.
  package var number: Int { state.withLock { $0.number } }

  /// Tells, on any thread, where the run was in each of the checkpoints that are there.
  package var positions: @Sendable () -> [UInt64] { { [state] in state.withLock { Array($0.positions.values) } } }

  /// Whether it is time for one, and the one before is written.
  package var isDue: Bool {
    interval > 0 && MonotonicClock.seconds() - last >= interval && state.withLock { $0.progress == nil }
  }

  /// Whether the last one is written, and so many seconds old.
  package func isIdle(forSeconds seconds: Double) -> Bool {
    MonotonicClock.seconds() - last >= seconds && state.withLock { $0.progress == nil }
  }

  /// Copies all numbers and lets them be written. Waits while the checkpoint before is not.
  ///
  /// - Parameters:
  ///   - progress: what belongs to them.
  ///   - answers: of the cloud, as many as records are applied.
  ///   - place: which file.
  ///   - beforehand: what has to be on the device before, the logs for example.
  ///   - afterwards: called when it is on the device.
  /// - Throws: what kept an earlier one from being written.
  package func write(
    _ progress: RunProgress, _ answers: AnswerHistory? = nil, to place: Place = .next,
    after beforehand: @escaping () throws -> Void,
    then afterwards: @escaping () -> Void = {}
  ) throws {
    try awaitWritten()
    for (copy, parameter) in zip(copies, parameters) { _ = copy.update(fromContentsOf: parameter.value) }
    last = MonotonicClock.seconds()
    state.change { state in
      switch place {
      case .next: state.number += 1
      case .turn(let number), .aside(let number): state.number = number
      }
      state.place = place
      state.beforehand = beforehand
      state.afterwards = afterwards
      state.answers = answers
      state.progress = progress
    }
  }

  /// Waits until all are written.
  ///
  /// - Throws: what kept one from being written.
  package func awaitWritten() throws {
    try state.wait { state in
      if let error = state.error { throw error }
      return state.progress == nil ? () : nil
    }
  }

  /// Ends the thread, once the last one is written.
  package func end() {
    state.change { $0.isEnding = true }
    thread.take()?.join()
  }

  // MARK: The thread that writes

  private func write() {
    while let work = next() {
      let outcome = Result {
        try work.beforehand()
        try write(work)
        work.afterwards()
      }
      state.change { state in
        if case .success = outcome { state.positions[directory.path(of: work.file)] = work.progress.records.last }
        state.progress = nil
        (state.beforehand, state.afterwards) = ({}, {})
        if case .failure(let error) = outcome { state.error = error }
      }
    }
  }

  private struct Work {
    let progress: RunProgress
    let answers: AnswerHistory?
    let number: Int
    let file: String
    let beforehand: () throws -> Void
    let afterwards: () -> Void
  }

  private func next() -> Work? {
    state.wait { state -> Work?? in
      guard let progress = state.progress else { return state.isEnding ? .some(nil) : nil }
      return Work(
        progress: progress, answers: state.answers, number: state.number, file: state.place.file(state.number),
        beforehand: state.beforehand, afterwards: state.afterwards)
    }
  }

  private func write(_ work: Work) throws {
    var metadata = metadata
    metadata["number"] = "\(work.number)"
    metadata["progress"] = try RunJSON.line(work.progress)
    let weights = zip(parameters, copies).map { $0.tensor(of: $1) }
    func write(_ answers: [NamedTensor]) throws {
      try SafetensorsWriter.write(
        weights + answers, metadata: metadata, to: directory.path(of: work.file), checksum: Checkpoint.checksum,
        operations: directory.operations)
    }
    guard let answers = work.answers, answers.count > 0 else { return try write([]) }
    try answers.losses.withUnsafeBufferPointer { losses in
      try answers.correct.withUnsafeBufferPointer { correct in
        let shape = [losses.count]
        let lists = [
          NamedTensor.values(name: Checkpoint.answeredLosses, shape: shape, losses),
          .values(name: Checkpoint.answeredCorrect, shape: shape, correct),
        ]
        guard let last = answers.lastGradient else { return try write(lists) }
        let sizes = [last.shape.count, last.shape.height, last.shape.width, last.shape.channels]
        try last.gradient.values(last.shape).withUnsafeBufferPointer { values in
          try write(lists + [.values(name: Checkpoint.gradient, shape: sizes, values)])
        }
      }
    }
  }
}
