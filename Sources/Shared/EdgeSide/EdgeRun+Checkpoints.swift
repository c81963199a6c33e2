import Training

/// When the state of a run is written, and where to.
extension EdgeRun {
  /// Lets the run's state be written at its beginning.
  ///
  /// - Throws: `FileError`.
  func checkpointBeginning() throws {
    try checkpoint(to: .next)
    lockStep?.began()
  }

  /// Lets the run's state be written where training goes on after it.
  ///
  /// - Throws: `FileError` if one cannot be written.
  func checkpointUnderWay() throws {
    guard lockStep != nil, let link else { return try checkpoint(to: .next) }
    lockStep?.want()
    guard checkpoints.isIdle(forSeconds: 0) else { return }
    // One that could not be written ends the run before the cloud overwrites the one before.
    try checkpoints.awaitWritten()
    guard let number = lockStep?.request(at: records.last, link) else { return }
    try checkpoint(to: .turn(number))
  }

  /// Lets the run's state be written where nothing follows.
  ///
  /// - Throws: `FileError` if one cannot be written.
  func checkpointEnd() throws { try checkpoint(to: lockStep.map { .aside($0.common) } ?? .next) }

  private func checkpoint(to place: CheckpointWriter.Place) throws {
    records.sent = max(records.sent, link?.sent ?? 0)
    records.cloudWeights = link?.cloudWeights
    try checkpoints.write(
      RunProgress(
        state: state, clock: clock.reading, logs: recorder.position, records: records, traffic: traffic,
        settings: options.settings), to: place,
      // What is sent must not be lost by an edge that does not make it once more.
      after: { [recorder, link] in
        try recorder.synchronize()
        try link?.records.synchronize()
      })
  }

  /// Waits until the state that was to be written is.
  ///
  /// - Throws: `FileError`.
  func awaitCheckpoint() throws { try checkpoints.awaitWritten() }

  /// Writes the state of a run that is not complete, if its numbers are those of a state, and ends the writing.
  ///
  /// - Parameter isNeeded: false if the run is complete, or no state can be gone on from.
  /// - Throws: `FileError`.
  func endCheckpoints(writing isNeeded: Bool) throws {
    defer { checkpoints.end() }
    if isNeeded && !isInsideStep { try checkpointEnd() }
    try checkpoints.awaitWritten()
  }
}
