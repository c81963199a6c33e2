import Logging
import Platform
import RunFiles
import Training
import Transport

/// A run cannot go on, since nobody has what it would go on from.
struct CannotResumeError: Error, Equatable, CustomStringConvertible {
  let description: String

  /// - Parameter isLost: whether nothing helps but another run.
  init(_ run: RunIdentifier, _ reason: String, isLost: Bool = true) {
    description = "run \(run) cannot go on: \(reason)" + (isLost ? "; start it anew, as another run" : "")
  }
}

/// What a run of an edge goes on from in the cloud.
struct CloudResumption {
  let checkpoint: Checkpoint.Reader
  let answers: AnswerHistory

  /// Where the edge is to go on.
  var position: ResumePosition {
    let state = checkpoint.progress.state
    let isEnded = checkpoint.progress.logs.summary.completedEpochs == state.epoch
    return ResumePosition(
      applied: checkpoint.progress.records.last, epoch: state.epoch + (isEnded ? 1 : 0),
      steps: isEnded ? 0 : state.sums.steps, testBatches: isEnded ? 0 : state.sums.testBatches)
  }

  /// Finds what there is of a run here.
  ///
  /// - Parameters:
  ///   - path: of the run's directory.
  ///   - offer: where its edge can go on.
  ///   - operations: the system calls that write the run's files.
  /// - Returns: nil if it begins; what is left of a beginning that came to nothing is removed then.
  /// - Throws: `CannotResumeError`, `ConfigurationError`, `RunDirectoryError`, `FileError`.
  static func find(
    _ run: RunIdentifier, in path: String, _ configuration: RunConfiguration, _ offer: ResumeOffer, _ logger: Logger,
    operations: FileOperations
  ) throws -> Self? {
    func nothing(_ reason: String) throws -> Self? {
      if offer.first == 1 { return nil }
      let positions = offer.positions.map { "can go on only after \($0.map(String.init).joined(separator: ", "))" }
      throw CannotResumeError(
        run, "\(reason), and the edge \(positions ?? "has only the records from \(offer.first) on")")
    }
    var status = stat()
    if stat(path, &status) != 0 { return try nothing("there is nothing of it here") }
    let directory = try RunDirectory(resuming: path, operations: operations)
    let readers: [Checkpoint.Reader]
    do {
      readers = try Checkpoint.read(directory, role: .cloud) { error in
        logger.warning("a checkpoint cannot be used, the one before is: \(error)")
      }
    } catch {
      if directory.outcome() == .completed { throw CannotResumeError(run, "it is complete here") }
      _ = try nothing("what is here of it cannot be used (\(error))")
      if !(error is RunDirectoryError) { logger.warning("\(error); it begins once more") }
      try directory.removeRun()
      return nil
    }
    let layout = RecordLayout(configuration)
    for reader in readers {
      guard reader.run == run, configuration.extends(reader.configuration) else {
        let epochs = reader.configuration.epochs
        let more =
          configuration.epochs < epochs ? "; it has \(epochs) epochs: edge-trainer resume --epochs \(epochs)" : ""
        throw ConfigurationError("run \(run) has another configuration here\(more)")
      }
      if reader.position + 1 >= offer.first, offer.positions.map({ reader.canServe($0, layout) }) ?? true {
        do { return CloudResumption(checkpoint: reader, answers: try reader.answers()) } catch {
          logger.warning("a checkpoint cannot be used: \(error)")
        }
      }
    }
    _ = try nothing("the cloud is at record \(readers[0].position)")
    // Of the same record, the edge has only the beginning.
    logger.notice("run \(run) begins once more: its edge can go on only from there")
    Checkpoint.remove(from: directory)
    try directory.removeRun()
    return nil
  }

  /// The gradient of the last record, if the edge lacks its answer.
  func owedGradient(after answered: UInt64) -> Gradient? {
    answered < answers.count ? answers.lastGradient?.gradient : nil
  }
}

extension ResumeOffer {
  /// Checks that a run that begins once more begins with the weights that it had.
  ///
  /// - Parameter present: the digests of the files from which it begins here; nil if the seed makes them.
  /// - Throws: `CannotResumeError`.
  func checkWeights(_ present: String?, of run: RunIdentifier) throws(CannotResumeError) {
    let present = present ?? Self.seededWeights
    guard let initialWeights, initialWeights != present else { return }
    func words(_ digests: String) -> String {
      if digests == Self.seededWeights { return "those that its seed makes" }
      return "files with the SHA-256 "
        + digests.split(separator: ",").map { "\($0.prefix(12))…" }.joined(separator: ", ")
    }
    throw CannotResumeError(
      run,
      "its weights in the cloud began from \(words(initialWeights)), but here they would from \(words(present)): "
        + "start cloud-trainer with the --initial-weights of then, or with none if there were none",
      isLost: false)
  }
}

extension Checkpoint.Reader {
  /// Whether an edge that can go on only after certain records can go on from here: after this one, or from the one
  /// before, if its answer can be told once more.
  fileprivate func canServe(_ positions: [UInt64], _ layout: RecordLayout) -> Bool {
    if positions.contains(position) { return true }
    guard position > 0, positions.contains(position - 1) else { return false }
    if case .training = layout[position] { return hasGradient }
    return true
  }
}
