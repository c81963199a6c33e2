import Compute
import Logging
import NeuralNetwork
import Platform
import RunFiles
import Transport

/// The files of one side's run: config.json at the start, metrics.jsonl while it runs, summary.json at the end.
package final class RunRecorder {
  package let directory: RunDirectory
  let configuration: RunConfiguration
  let role: Role
  let metrics: MetricsLog
  private let timeline: Timeline?
  /// When the run would have begun, had it never been interrupted.
  private let start: Double
  package internal(set) var summary: RunSummary
  /// When the last epoch was logged.
  var trafficBefore: RunTraffic
  /// When the last epoch was logged, in seconds of the run.
  var reportedSeconds: Double
  /// When its training had ended, on both sides.
  var trainedSeconds: Double
  /// Epochs that are ended and not logged, in order.
  var pending: [PendingEpoch]
  /// Of all epochs whose weights were written, if the best are to be kept.
  var bestAccuracy: Double?

  /// Writes config.json and starts metrics.jsonl in a directory that was made for this run.
  ///
  /// - Parameters:
  ///   - command: how the run was started; nil where nobody called for it, in the cloud.
  ///   - initialWeights: the digests of the files from which this side's weights begin; nil for none.
  /// - Throws: `RunDirectoryError`, `FileError`.
  package convenience init(
    _ directory: RunDirectory, _ configuration: RunConfiguration, role: Role, run: RunIdentifier,
    compute: ComputeSettings, command: CommandOptions? = nil, initialWeights: String? = nil, timeline: Timeline? = nil
  ) throws {
    let activations = configuration.strategy.isCut ? configuration.activations : nil
    var summary = RunSummary(
      role: role, runId: run, softwareVersion: Software.version, startedAt: .now(),
      strategy: configuration.strategy.rawValue, architecture: configuration.network.architecture.rawValue,
      cut: configuration.strategy.isCut ? configuration.network.cut : nil, bits: activations?.bits,
      fullScale: activations.flatMap { $0.isQuantized ? $0.fullScale : nil }, epochs: configuration.epochs,
      seed: configuration.seed, threads: compute.threads, convolution: compute.convolution, kernels: GEMM.kernelName)
    summary.initialWeights = initialWeights
    summary.name = command?.name
    let start = Position(
      summary: summary, trafficBefore: RunTraffic(), reportedSeconds: 0, trainedSeconds: 0, pending: [],
      bestAccuracy: nil, metricsBytes: 0, wallSeconds: 0)
    try directory.writeConfiguration(configuration, command, role: role, run: run)
    try self.init(directory, configuration, role, start, timeline) {
      try MetricsLog(in: directory, role: role, elapsedSeconds: $0)
    }
    try metrics.append(EventRecord("started"))
  }

  /// Goes on with the files of a run that has ended early, from where a checkpoint says. Later checkpoints are removed.
  ///
  /// - Parameter command: how it was started, with what has changed since; nil in the cloud.
  /// - Throws: `RunDirectoryError`, `FileError`.
  package convenience init(
    resuming directory: RunDirectory, _ configuration: RunConfiguration, role: Role, at checkpoint: RunProgress,
    compute: ComputeSettings, command: CommandOptions? = nil, timeline: Timeline? = nil
  ) throws {
    let position = checkpoint.logs
    try self.init(directory, configuration, role, position, timeline) {
      try MetricsLog(resuming: directory, at: position.metricsBytes, role: role, elapsedSeconds: $0) {
        // They would be taken for those of this run once it is as far as they are, and the log is another one then.
        // Runs of the other strategies never go back from one that can be read.
        guard configuration.strategy.isInLockStep else { return }
        try Checkpoint.remove(from: directory, after: checkpoint.records.last, role: role)
      }
    }
    summary.outcome = .completed
    if summary.epochs != configuration.epochs {
      summary.epochs = configuration.epochs
      try directory.writeConfiguration(configuration, command, role: role, run: summary.runId)
    }
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
    trafficBefore = position.trafficBefore
    reportedSeconds = position.reportedSeconds
    trainedSeconds = position.trainedSeconds ?? position.reportedSeconds
    pending = position.pending
    bestAccuracy = position.bestAccuracy
    metrics = try openLog { MonotonicClock.seconds() - start }
  }

  /// Where the files are, for a checkpoint.
  package struct Position: Codable, Equatable, Sendable {
    package let summary: RunSummary
    let trafficBefore: RunTraffic
    let reportedSeconds: Double
    /// Nil in checkpoints of before there was one.
    let trainedSeconds: Double?
    let pending: [PendingEpoch]
    let bestAccuracy: Double?
    let metricsBytes: Int
    let wallSeconds: Double

    /// Epochs that this side had ended, logged or not.
    package var endedEpochs: Int { summary.completedEpochs + pending.count }
  }

  package var position: Position {
    Position(
      summary: summary, trafficBefore: trafficBefore, reportedSeconds: reportedSeconds,
      trainedSeconds: trainedSeconds, pending: pending, bestAccuracy: bestAccuracy, metricsBytes: metrics.length,
      wallSeconds: wallSeconds)
  }

  /// Since the run has begun, without the time in which it was interrupted.
  package var wallSeconds: Double { wallSeconds(at: MonotonicClock.seconds()) }

  /// The same at a moment of the monotonic clock.
  package func wallSeconds(at seconds: Double) -> Double { seconds - start }

  /// Those of them that are not logged.
  package var unloggedEpochs: [Int] { pending.map(\.epoch) }

  /// Epochs that this side has ended, logged or not.
  package var endedEpochs: Int { summary.completedEpochs + pending.count }

  /// Flushes the log to the device.
  ///
  /// - Throws: `FileError`.
  package func synchronize() throws { try metrics.synchronize() }

  /// Logs something that happens once, from any thread.
  package var logsEvents: @Sendable (_ event: String, _ reason: String?) throws -> Void {
    { [metrics] event, reason in try metrics.append(EventRecord(event, reason: reason)) }
  }

  /// Logs something that happens once.
  ///
  /// - Throws: `RunDirectoryError`, `FileError`.
  package func event(_ name: String, reason: String? = nil) throws {
    try metrics.append(EventRecord(name, reason: reason))
  }

  /// Logs the step that `state` has just counted.
  ///
  /// - Parameters:
  ///   - state: with this step.
  ///   - loss: the batch's mean, this side's.
  ///   - learningRate: of this step.
  ///   - images: of the batch.
  ///   - traffic: of the whole run so far.
  /// - Throws: `FileError`.
  package func step(
    _ state: TrainingState, loss: Double, learningRate: Float, images: Int, _ traffic: RunTraffic
  ) throws {
    let ledger = traffic.connections.ledger
    try metrics.append(
      StepRecord(
        epoch: state.epoch, step: state.completedSteps, loss: Float(loss), learningRate: learningRate, images: images,
        sentBytes: ledger.sent.total, receivedBytes: ledger.received.total))
    summary.completedSteps = state.completedSteps
  }

  /// Ends the files: an event, the summary, the timeline. To be called once, on every way out. What one file lacks, a
  /// full disk for example, does not keep it from the others.
  ///
  /// - Parameters:
  ///   - error: what ended the run early; nil if it is complete.
  ///   - traffic: of the whole run.
  ///   - clock: of an epoch that was not completed; it counts in the file, but not in `position`, from which the epoch
  ///     goes on.
  ///   - outcome: without an error.
  ///   - name: of the event, if it is not that of the outcome.
  /// - Returns: the summary as it is written.
  /// - Throws: the first error.
  @discardableResult package func finish(
    _ error: (any Error)?, _ traffic: RunTraffic, clock: TrainingClock? = nil, event name: String? = nil,
    outcome: RunOutcome = .completed
  ) throws -> RunSummary {
    take(traffic)
    let unfinished = summary
    defer { if error != nil || outcome != .completed { summary = unfinished } }
    if let clock { take(training: clock.trainingSeconds, busy: clock.busySeconds) }
    for epoch in pending {
      take(training: epoch.trainingSeconds, busy: epoch.busySeconds)
      summary.exitAccuracy = epoch.exitAccuracy
      summary.completedEpochs = epoch.epoch
      addEdgeSeconds(epoch.trainingSeconds)
    }
    summary.wallSeconds = MonotonicClock.seconds() - start
    switch error {
    case nil: summary.outcome = outcome
    case is InterruptedError: summary.outcome = .interrupted
    case .some(let error): summary.outcome = .failed(role.text(of: error))
    }
    let outcomeEvent: String =
      switch summary.outcome {
      case .completed: "completed"
      case .interrupted: "interrupted"
      case .failed: "failed"
      case .undelivered: "trained"
      }
    let event = name ?? outcomeEvent
    let attempts: [Result<Void, any Error>] = [
      Result { try metrics.append(EventRecord(event, reason: error.map(role.text))) }, Result { try metrics.finish() },
      Result { try directory.writeSummary(summary) }, Result { try timeline?.write() },
    ]
    for attempt in attempts { try attempt.get() }
    return summary
  }

  /// The same after an error that ended the run. It is the one to report, even if the files cannot be completed: that
  /// is only logged.
  package func finish(
    after error: any Error, _ traffic: RunTraffic, clock: TrainingClock?, event: String? = nil, _ logger: Logger
  ) {
    do { try finish(error, traffic, clock: clock, event: event) } catch let fileError {
      if !(error is FileError || error is RunDirectoryError) { logger.error("the logs are incomplete: \(fileError)") }
    }
  }

  /// Writes the summary of a run that is complete again, with what has been sent since.
  ///
  /// - Throws: `FileError`.
  package func rewriteSummary(_ traffic: RunTraffic) throws {
    take(traffic)
    try directory.writeSummary(summary)
  }

  private func take(training: Double, busy: Double) {
    summary.trainingSeconds += training
    summary.busySeconds += busy
    summary.idleSeconds += training - busy
  }

  func take(_ traffic: RunTraffic) {
    summary.trainPayloadBytes = traffic.samples.payload
    summary.evaluationBytes = traffic.samples.evaluation
    summary.gradientPayloadBytes = traffic.samples.gradient
    summary.sentBytes = traffic.connections.ledger.sent.total
    summary.receivedBytes = traffic.connections.ledger.received.total
    summary.resentBytes = traffic.connections.resentBytes
    summary.linkBusySeconds = traffic.connections.sendingSeconds
    summary.peakMemoryBytes = PeakMemory.bytes()
  }
}
