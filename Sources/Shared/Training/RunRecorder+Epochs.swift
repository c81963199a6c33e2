import NeuralNetwork
import Platform
import RunFiles
import Transport

extension RunRecorder {
  /// Ends an epoch on this side: writes its weights. What the other side has to say of it is logged with it later, by
  /// `reportEpoch`. An epoch whose weights cannot be written is not complete.
  ///
  /// - Parameters:
  ///   - state: at the end of the epoch.
  ///   - parts: this side's; empty if it holds none.
  ///   - exitAccuracy: a fraction of the test images.
  ///   - clock: of this epoch alone, and of this side alone.
  ///   - beganSeconds: when its training began, in seconds of the run.
  ///   - samples: of the whole run so far.
  /// - Throws: `FileError`.
  package func endEpoch(
    _ state: TrainingState, _ parts: [TrainedPart], exitAccuracy: Double?, clock: TrainingClock, beganSeconds: Double,
    samples: RunTraffic.Samples
  ) throws {
    if !parts.isEmpty { try writeWeights(state, parts) }
    pending.append(
      PendingEpoch(
        epoch: state.epoch, steps: state.completedSteps, trainLoss: state.sums.meanLoss, exitAccuracy: exitAccuracy,
        exitClassAccuracies: role == .edge && configuration.strategy.hasExit ? state.sums.byClass?.accuracies : nil,
        beganSeconds: beganSeconds, trainingSeconds: clock.trainingSeconds, busySeconds: clock.busySeconds,
        samples: samples))
  }

  /// The exit's accuracies and the mean loss of an epoch that is ended and not logged.
  package func pendingFigures(of epoch: Int) -> (
    exitAccuracy: Double?, exitClassAccuracies: [Double?]?, trainLoss: Double
  )? {
    pending.first { $0.epoch == epoch }.map { ($0.exitAccuracy, $0.exitClassAccuracies, $0.trainLoss) }
  }

  /// The cloud had done the training of an epoch at this moment, in seconds of the run.
  package func acknowledged(epoch: Int, atSeconds seconds: Double) {
    guard let index = pending.firstIndex(where: { $0.epoch == epoch && $0.acknowledgedSeconds == nil }) else { return }
    pending[index].acknowledgedSeconds = seconds
  }

  /// Logs the first epoch that is ended and not logged, and takes its figures into the summary. How long its
  /// training lasted says `PendingEpoch`.
  ///
  /// - Parameters:
  ///   - finalAccuracy: a fraction of the test images.
  ///   - finalByClass: the same class by class; nil if it is not known.
  ///   - traffic: of the whole run so far.
  /// - Returns: images per second of its training.
  /// - Throws: `FileError`.
  @discardableResult package func reportEpoch(
    finalAccuracy: Double?, finalByClass: ClassCounts?, _ traffic: RunTraffic
  ) throws -> Double {
    let ended = pending.removeFirst()
    let trainingSeconds = ended.trainingSeconds(afterOneReportedAt: reportedSeconds, trainedUntil: trainedSeconds)
    trainedSeconds = ended.trainedSeconds
    let busySeconds = min(ended.busySeconds, trainingSeconds)
    let idleSeconds = trainingSeconds - busySeconds
    reportedSeconds = wallSeconds
    if configuration.keptWeights == .best { try keepBest(ended.epoch, accuracy: finalAccuracy) }
    summary.trainingSeconds += trainingSeconds
    summary.busySeconds += busySeconds
    summary.idleSeconds += idleSeconds
    addEdgeSeconds(ended.trainingSeconds)
    summary.completedEpochs = ended.epoch
    summary.exitAccuracy = ended.exitAccuracy
    summary.finalAccuracy = finalAccuracy
    summary.trainImagesPerSecond = Double(configuration.trainImages * ended.epoch) / max(summary.trainingSeconds, 1e-9)
    take(traffic)
    let samples = ended.samples - trafficBefore.samples
    let ledger = traffic.connections.ledger - trafficBefore.connections.ledger
    let resentBytes = traffic.connections.resentBytes - trafficBefore.connections.resentBytes
    trafficBefore.samples = ended.samples
    trafficBefore.connections = traffic.connections
    let imagesPerSecond = Double(configuration.trainImages) / max(trainingSeconds, 1e-9)
    try metrics.append(
      EpochRecord(
        epoch: ended.epoch, trainLoss: ended.trainLoss, exitAccuracy: ended.exitAccuracy, finalAccuracy: finalAccuracy,
        exitClassAccuracies: ended.exitClassAccuracies, finalClassAccuracies: finalByClass?.accuracies,
        trainImagesPerSecond: imagesPerSecond,
        trainingSeconds: trainingSeconds, busySeconds: busySeconds, idleSeconds: idleSeconds,
        trainPayloadBytes: samples.payload, evaluationBytes: samples.evaluation, gradientPayloadBytes: samples.gradient,
        sentBytes: ledger.sent.total, receivedBytes: ledger.received.total, resentBytes: resentBytes,
        peakMemoryBytes: summary.peakMemoryBytes))
    return imagesPerSecond
  }

  func addEdgeSeconds(_ seconds: Double) {
    guard role == .edge, configuration.strategy.trainsOnEdge else { return }
    summary.edgeTrainingSeconds = (summary.edgeTrainingSeconds ?? 0) + seconds
  }

  private func writeWeights(_ state: TrainingState, _ parts: [TrainedPart]) throws {
    var files = [WeightsFile.file(of: role)]
    switch configuration.keptWeights {
    case .last: break
    case .every: files.append("\(role.rawValue)-epoch-\(state.epoch).safetensors")
    // Until its accuracy is known.
    case .best: files.append(candidate(state.epoch))
    }
    for file in files {
      try WeightsFile.write(
        parts.map(\.layers), configuration, role: role, epoch: state.epoch, step: state.completedSteps,
        to: directory.path(of: file), operations: directory.operations)
    }
  }

  private func candidate(_ epoch: Int) -> String { "\(role.rawValue)-candidate-\(epoch).safetensors" }

  /// Keeps the weights of an epoch if they are the best, now that its accuracy is known.
  private func keepBest(_ epoch: Int, accuracy: Double?) throws {
    let path = directory.path(of: candidate(epoch))
    guard let accuracy, accuracy > bestAccuracy ?? -1 else {
      _ = directory.operations.unlink(path)
      return
    }
    bestAccuracy = accuracy
    let best = directory.path(of: "\(role.rawValue)-best.safetensors")
    // It is in its place already if the run was interrupted after this, and goes on from before.
    if access(path, F_OK) == 0 { try directory.operations.renameFile(path, to: best) }
  }
}
