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

  private struct State {
    /// Of the last one that was begun.
    var number: Int
    /// What is to be written, from the copies; nil when that is done.
    var progress: RunProgress?
    var beforehand: () throws -> Void = {}
    var error: (any Error)?
    var isEnding = false
  }

  /// - Parameters:
  ///   - parts: this side's.
  ///   - number: of the checkpoint that the run goes on from; 0 for a new run.
  ///   - interval: seconds between two checkpoints in an epoch; 0 for none.
  /// - Throws: `ThreadError`.
  package init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, role: Role, run: RunIdentifier, parts: [TrainedPart],
    after number: Int, interval: Double
  ) throws {
    self.directory = directory
    self.interval = interval
    parameters = parts.flatMap(\.state)
    metadata = [
      "format": Checkpoint.format, "version": Checkpoint.version, "role": role.rawValue, "run": "\(run)",
      "configuration": try RunJSON.line(configuration),
    ]
    copies = parameters.map { .allocate(capacity: $0.count) }
    state = Guarded(State(number: number))
    thread = try Thread { [self] in write() }
  }

  deinit { copies.forEach { $0.deallocate() } }

  /// Whether it is time for one, and the one before is written.
  package var isDue: Bool {
    interval > 0 && MonotonicClock.seconds() - last >= interval && state.withLock { $0.progress == nil }
  }

  /// Copies all numbers and lets them be written. Waits while the checkpoint before is not.
  ///
  /// - Parameters:
  ///   - progress: what belongs to them.
  ///   - beforehand: what has to be on the device before, the logs for example.
  /// - Throws: what kept an earlier one from being written.
  package func write(_ progress: RunProgress, after beforehand: @escaping () throws -> Void) throws {
    try awaitWritten()
    for (copy, parameter) in zip(copies, parameters) { _ = copy.update(from: parameter.value) }
    last = MonotonicClock.seconds()
    state.change { state in
      state.number += 1
      state.beforehand = beforehand
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
    while let (progress, beforehand, number) = next() {
      let outcome = Result {
        try beforehand()
        try write(progress, number)
      }
      state.change { state in
        state.progress = nil
        state.beforehand = {}
        if case .failure(let error) = outcome { state.error = error }
      }
    }
  }

  private func next() -> (RunProgress, () throws -> Void, Int)? {
    state.wait { state -> (RunProgress, () throws -> Void, Int)?? in
      if let progress = state.progress { return .some((progress, state.beforehand, state.number)) }
      return state.isEnding ? .some(nil) : nil
    }
  }

  private func write(_ progress: RunProgress, _ number: Int) throws {
    var metadata = metadata
    metadata["number"] = "\(number)"
    metadata["progress"] = try RunJSON.line(progress)
    let file = Checkpoint.files[number % Checkpoint.files.count]
    try SafetensorsWriter.write(
      zip(parameters, copies).map { $0.tensor(of: $1) }, metadata: metadata, to: directory.path(of: file),
      checksum: Checkpoint.checksum, operations: directory.operations)
  }
}
