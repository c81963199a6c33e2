import Compute
import Logging
import NeuralNetwork
import Platform
import RunFiles
import Transport

/// The files of one side's run: config.json at the start, metrics.jsonl while it runs, summary.json at the end.
package final class RunRecorder {
  package let directory: RunDirectory
  private let configuration: RunConfiguration
  private let role: Role
  private let metrics: MetricsLog
  private let timeline: Timeline?
  /// When the run would have begun, had it never been interrupted.
  private let start: Double
  package private(set) var summary: RunSummary
  /// When the last epoch was logged.
  private var ledgerBefore: ByteLedger
  /// Of all epochs whose weights were written, if the best are to be kept.
  private var bestAccuracy: Double?

  /// Writes config.json and starts metrics.jsonl in a directory that was made for this run.
  ///
  /// - Throws: `RunDirectoryError`, `FileError`.
  package convenience init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, role: Role, run: RunIdentifier,
    compute: ComputeSettings, timeline: Timeline? = nil
  ) throws {
    let activations = configuration.strategy.isCut ? configuration.activations : nil
    let summary = RunSummary(
      role: role, runId: run, softwareVersion: Software.version, startedAt: .now(),
      strategy: configuration.strategy.rawValue, architecture: configuration.network.architecture.rawValue,
      cut: configuration.strategy.isCut ? configuration.network.cut : nil, bits: activations?.bits,
      fullScale: activations.flatMap { $0.isQuantized ? $0.fullScale : nil }, epochs: configuration.epochs,
      seed: configuration.seed, threads: compute.threads, convolution: compute.convolution, kernels: GEMM.kernelName)
    let start = Position(
      summary: summary, ledgerBefore: ByteLedger(), bestAccuracy: nil, metricsBytes: 0, wallSeconds: 0)
    try directory.writeConfiguration(configuration, role: role)
    try self.init(directory, configuration, role, start, timeline) {
      try MetricsLog(in: directory, role: role, elapsedSeconds: $0)
    }
    try metrics.append(EventRecord("started"))
  }

  /// Goes on with the files of a run that has ended early, from where a checkpoint says.
  ///
  /// - Throws: `RunDirectoryError`, `FileError`.
  package convenience init(
    resuming directory: RunDirectory, _ configuration: RunConfiguration, role: Role, at position: Position,
    compute: ComputeSettings, timeline: Timeline? = nil
  ) throws {
    try self.init(directory, configuration, role, position, timeline) {
      try MetricsLog(resuming: directory, at: position.metricsBytes, role: role, elapsedSeconds: $0)
    }
    summary.outcome = .completed
    (summary.threads, summary.convolution) = (compute.threads, compute.convolution)
    summary.kernels = GEMM.kernelName
    try metrics.append(EventRecord("resumed", reason: "step \(summary.completedSteps)"))
  }

  private init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, _ role: Role, _ position: Position,
    _ timeline: Timeline?, openLog: (_ elapsedSeconds: @escaping @Sendable () -> Double) throws -> MetricsLog
  ) throws {
    self.directory = directory
    self.configuration = configuration
    self.role = role
    self.timeline = timeline
    let start = MonotonicClock.seconds() - position.wallSeconds
    self.start = start
    summary = position.summary
    ledgerBefore = position.ledgerBefore
    bestAccuracy = position.bestAccuracy
    metrics = try openLog { MonotonicClock.seconds() - start }
  }

  /// Where the files are, for a checkpoint.
  package struct Position: Codable, Equatable, Sendable {
    package let summary: RunSummary
    let ledgerBefore: ByteLedger
    let bestAccuracy: Double?
    let metricsBytes: Int
    let wallSeconds: Double
  }

  package var position: Position {
    Position(
      summary: summary, ledgerBefore: ledgerBefore, bestAccuracy: bestAccuracy, metricsBytes: metrics.length,
      wallSeconds: MonotonicClock.seconds() - start)
  }

  /// Flushes the log to the device.
  ///
  /// - Throws: `FileError`.
  package func synchronize() throws { try metrics.synchronize() }

  /// Logs something that happens once.
  ///
  /// - Throws: `RunDirectoryError`, `FileError`.
  package func event(_ name: String) throws { try metrics.append(EventRecord(name)) }

  /// Logs the step that `state` has just counted.
  ///
  /// - Parameters:
  ///   - state: with this step.
  ///   - loss: the batch's mean, this side's.
  ///   - learningRate: of this step.
  ///   - images: of the batch.
  ///   - ledger: of the whole run so far.
  /// - Throws: `FileError`.
  package func step(_ state: TrainingState, loss: Double, learningRate: Float, images: Int, _ ledger: ByteLedger) throws
  {
    try metrics.append(
      StepRecord(
        epoch: state.epoch, step: state.completedSteps, loss: Float(loss), learningRate: learningRate, images: images,
        sentBytes: ledger.sent.total, receivedBytes: ledger.received.total))
    summary.completedSteps = state.completedSteps
  }

  /// Writes the weights after an epoch, logs it, and takes its figures into the summary. An epoch whose weights cannot
  /// be written is not complete: only its time counts.
  ///
  /// - Parameters:
  ///   - state: at the end of the epoch.
  ///   - parts: this side's; empty if it holds none.
  ///   - exitAccuracy: a fraction of the test images.
  ///   - finalAccuracy: likewise.
  ///   - clock: of this epoch alone.
  ///   - ledger: of the whole run so far.
  /// - Throws: `RunDirectoryError`, `FileError`.
  package func epoch(
    _ state: TrainingState, _ parts: [TrainedPart], exitAccuracy: Double?, finalAccuracy: Double?, clock: TrainingClock,
    _ ledger: ByteLedger
  ) throws {
    let epoch = state.epoch
    take(clock)
    if !parts.isEmpty { try writeWeights(state, parts, accuracy: finalAccuracy) }
    summary.completedEpochs = epoch
    summary.exitAccuracy = exitAccuracy
    summary.finalAccuracy = finalAccuracy
    summary.trainImagesPerSecond = Double(configuration.trainImages * epoch) / max(summary.trainingSeconds, 1e-9)
    take(ledger)
    let ofEpoch = ledger - ledgerBefore
    ledgerBefore = ledger
    try metrics.append(
      EpochRecord(
        epoch: epoch, trainLoss: state.sums.meanLoss, exitAccuracy: exitAccuracy, finalAccuracy: finalAccuracy,
        trainImagesPerSecond: Double(configuration.trainImages) / max(clock.trainingSeconds, 1e-9),
        trainingSeconds: clock.trainingSeconds, busySeconds: clock.busySeconds, idleSeconds: clock.idleSeconds,
        trainPayloadBytes: ofEpoch.sent.payload + ofEpoch.received.payload,
        evaluationBytes: ofEpoch.sent.evaluation + ofEpoch.received.evaluation,
        gradientPayloadBytes: ofEpoch.sent.gradient + ofEpoch.received.gradient, sentBytes: ofEpoch.sent.total,
        receivedBytes: ofEpoch.received.total, peakMemoryBytes: summary.peakMemoryBytes))
  }

  private func writeWeights(_ state: TrainingState, _ parts: [TrainedPart], accuracy: Double?) throws {
    var files = [WeightsFile.file(of: role)]
    switch configuration.keptWeights {
    case .last: break
    case .every: files.append("\(role.rawValue)-epoch-\(state.epoch).safetensors")
    case .best:
      if let accuracy, accuracy > bestAccuracy ?? -1 {
        files.append("\(role.rawValue)-best.safetensors")
        bestAccuracy = accuracy
      }
    }
    for file in files {
      try WeightsFile.write(
        parts.map(\.layers), configuration, role: role, epoch: state.epoch, step: state.completedSteps,
        to: directory.path(of: file), operations: directory.operations)
    }
  }

  /// Ends the files: an event, the summary, the timeline. To be called once, on every way out. What one file lacks, a
  /// full disk for example, does not keep it from the others.
  ///
  /// - Parameters:
  ///   - error: what ended the run early; nil if it is complete.
  ///   - ledger: of the whole run.
  ///   - linkBusySeconds: in which this side was sending.
  ///   - clock: of an epoch that was not completed; it counts in the file, but not in `position`, from which the epoch
  ///     goes on.
  /// - Throws: the first error.
  package func finish(
    _ error: (any Error)?, _ ledger: ByteLedger, linkBusySeconds: Double = 0, clock: TrainingClock? = nil
  ) throws {
    take(ledger)
    let unfinished = summary
    defer { if error != nil { summary = unfinished } }
    summary.linkBusySeconds = linkBusySeconds
    if let clock { take(clock) }
    summary.wallSeconds = MonotonicClock.seconds() - start
    switch error {
    case nil: summary.outcome = .completed
    case is InterruptedError: summary.outcome = .interrupted
    case .some(let error): summary.outcome = .failed(role.text(of: error))
    }
    let event: String =
      switch summary.outcome {
      case .completed: "completed"
      case .interrupted: "interrupted"
      case .failed: "failed"
      }
    let attempts: [Result<Void, any Error>] = [
      Result { try metrics.append(EventRecord(event, reason: error.map(role.text))) }, Result { try metrics.finish() },
      Result { try directory.writeSummary(summary) }, Result { try timeline?.write() },
    ]
    for attempt in attempts { try attempt.get() }
  }

  /// The same after an error that ended the run. It is the one to report, even if the files cannot be completed: that
  /// is only logged.
  package func finish(
    after error: any Error, _ ledger: ByteLedger, linkBusySeconds: Double, clock: TrainingClock?, _ logger: Logger
  ) {
    do { try finish(error, ledger, linkBusySeconds: linkBusySeconds, clock: clock) } catch let fileError {
      if !(error is FileError || error is RunDirectoryError) { logger.error("the logs are incomplete: \(fileError)") }
    }
  }

  private func take(_ clock: TrainingClock) {
    summary.trainingSeconds += clock.trainingSeconds
    summary.busySeconds += clock.busySeconds
    summary.idleSeconds += clock.idleSeconds
  }

  private func take(_ ledger: ByteLedger) {
    summary.trainPayloadBytes = ledger.sent.payload + ledger.received.payload
    summary.evaluationBytes = ledger.sent.evaluation + ledger.received.evaluation
    summary.gradientPayloadBytes = ledger.sent.gradient + ledger.received.gradient
    summary.sentBytes = ledger.sent.total
    summary.receivedBytes = ledger.received.total
    summary.peakMemoryBytes = PeakMemory.bytes()
  }
}
