import Compute
import NeuralNetwork
import Transport

/// The files of one side's run: config.json at the start, metrics.jsonl while it runs, summary.json at the end.
package final class RunRecorder {
  package let directory: RunDirectory
  private let configuration: RunConfiguration
  private let role: Role
  private let metrics: MetricsLog
  private let timeline: Timeline?
  private let start = MonotonicClock.seconds()
  package private(set) var summary: RunSummary
  /// When the last epoch was logged.
  private var ledgerBefore = ByteLedger()

  /// Writes config.json and starts metrics.jsonl in a directory that was made for this run.
  ///
  /// - Throws: `RunDirectoryError`.
  package init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, role: Role, run: RunIdentifier,
    compute: ComputeSettings, timeline: Timeline? = nil
  ) throws {
    self.timeline = timeline
    self.directory = directory
    self.configuration = configuration
    self.role = role
    let activations = configuration.strategy.isCut ? configuration.activations : nil
    summary = RunSummary(
      role: role, runId: run, softwareVersion: Software.version, startedAt: .now(),
      strategy: configuration.strategy.rawValue, architecture: configuration.network.architecture.rawValue,
      cut: configuration.strategy.isCut ? configuration.network.cut : nil,
      bits: activations?.bits, fullScale: activations.flatMap { $0.isQuantized ? $0.fullScale : nil },
      epochs: configuration.epochs, seed: configuration.seed, threads: compute.threads,
      convolution: compute.convolution, kernels: GEMM.kernelName)
    try directory.writeConfiguration(configuration, role: role)
    metrics = try MetricsLog(in: directory, role: role)
    try metrics.append(EventRecord("started"))
  }

  /// Logs something that happens once.
  ///
  /// - Throws: `RunDirectoryError`.
  package func event(_ name: String) throws { try metrics.append(EventRecord(name)) }

  /// Logs one step.
  ///
  /// - Parameters:
  ///   - step: steps of the run before this one.
  ///   - epoch: from 1.
  ///   - loss: the batch's mean, this side's.
  ///   - learningRate: of this step.
  ///   - images: of the batch.
  ///   - ledger: of the whole run so far.
  /// - Throws: `RunDirectoryError`.
  package func step(
    _ step: Int, epoch: Int, loss: Double, learningRate: Float, images: Int, _ ledger: ByteLedger
  ) throws {
    try metrics.append(
      StepRecord(
        epoch: epoch, step: step + 1, loss: Float(loss), learningRate: learningRate, images: images,
        sentBytes: ledger.sent.total, receivedBytes: ledger.received.total))
    summary.completedSteps = step + 1
  }

  /// Writes the weights after an epoch, logs it, and takes its figures into the summary. An epoch whose weights cannot
  /// be written is not complete: only its time counts.
  ///
  /// - Parameters:
  ///   - epoch: from 1.
  ///   - parts: this side's layers; empty if it holds none.
  ///   - trainLoss: the mean over the epoch's images, this side's.
  ///   - exitAccuracy: a fraction of the test images.
  ///   - finalAccuracy: likewise.
  ///   - clock: of this epoch alone.
  ///   - ledger: of the whole run so far.
  /// - Throws: `RunDirectoryError`.
  package func epoch(
    _ epoch: Int, _ parts: [Sequential], trainLoss: Double, exitAccuracy: Double?, finalAccuracy: Double?,
    clock: TrainingClock, _ ledger: ByteLedger
  ) throws {
    take(clock)
    if !parts.isEmpty {
      try Checkpoint.write(
        parts, configuration, role: role, epoch: epoch, step: summary.completedSteps,
        to: directory.path(of: Checkpoint.file(of: role)), operations: directory.operations)
    }
    summary.completedEpochs = epoch
    summary.exitAccuracy = exitAccuracy
    summary.finalAccuracy = finalAccuracy
    summary.trainImagesPerSecond =
      Double(configuration.trainImages * epoch) / max(summary.trainingSeconds, 1e-9)
    take(ledger)
    let ofEpoch = ledger - ledgerBefore
    ledgerBefore = ledger
    try metrics.append(
      EpochRecord(
        epoch: epoch, trainLoss: trainLoss, exitAccuracy: exitAccuracy, finalAccuracy: finalAccuracy,
        trainImagesPerSecond: Double(configuration.trainImages) / max(clock.trainingSeconds, 1e-9),
        trainingSeconds: clock.trainingSeconds, busySeconds: clock.busySeconds,
        idleSeconds: clock.idleSeconds,
        trainPayloadBytes: ofEpoch.sent.payload + ofEpoch.received.payload,
        evaluationBytes: ofEpoch.sent.evaluation + ofEpoch.received.evaluation,
        gradientPayloadBytes: ofEpoch.sent.gradient + ofEpoch.received.gradient,
        sentBytes: ofEpoch.sent.total, receivedBytes: ofEpoch.received.total,
        peakMemoryBytes: summary.peakMemoryBytes))
  }

  /// Ends the files: an event, the summary, the timeline. To be called once, on every way out. What one file lacks, a full disk for
  /// example, does not keep it from the others.
  ///
  /// - Parameters:
  ///   - error: what ended the run early; nil if it is complete.
  ///   - ledger: of the whole run.
  ///   - linkBusySeconds: in which this side was sending.
  ///   - clock: of an epoch that was not completed.
  /// - Throws: `RunDirectoryError`, the first.
  package func finish(
    _ error: (any Error)?, _ ledger: ByteLedger, linkBusySeconds: Double = 0,
    clock: TrainingClock = TrainingClock()
  ) throws {
    take(ledger)
    summary.linkBusySeconds = linkBusySeconds
    take(clock)
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
      Result { try metrics.append(EventRecord(event, reason: error.map(role.text))) },
      Result { try metrics.finish() },
      Result { try directory.writeSummary(summary) },
      Result { try timeline?.write() },
    ]
    for attempt in attempts { try attempt.get() }
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

/// This software.
package enum Software {
  package static let version = "0.1.0"
}
