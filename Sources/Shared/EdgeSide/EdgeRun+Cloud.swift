import Compute
import DequeModule
import Training
import Transport

/// What a run sends to its cloud and gets from it.
extension EdgeRun {
  /// The link of a strategy that has one.
  private var cloud: EdgeLink {
    guard let link else { preconditionFailure("\(configuration.strategy.rawValue) has no link") }
    return link
  }

  // MARK: Records

  /// Encodes a batch of features and makes a record of it, once there is room for it.
  ///
  /// - Throws: `TrainingError.nonFiniteFeatures`, what ended the link, what keeps the record from being stored.
  func send(_ features: Tensor, _ labels: [UInt16], _ codec: ActivationCodec, _ message: (EncodedBatch) -> Message)
    throws
  {
    var bytes: [UInt8] = []
    do {
      try timeline.measure(.encode) { try codec.encode(features.data, shape: features.activationShape, into: &bytes) }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteFeatures(step: state.completedSteps + 1, reason: "\(error)")
    }
    try record(message(EncodedBatch(sequence: records.last + 1, labels: labels, activations: bytes)))
  }

  /// Makes a record of the end of the epoch.
  ///
  /// - Parameter exitCorrect: test images that the exit got right; nil without an exit.
  /// - Throws: as `send`.
  func sendEpochEnd(exitCorrect: Int? = nil) throws {
    try record(
      .epochEnd(
        EpochEnd(
          epoch: state.epoch, steps: configuration.stepsPerEpoch, sequence: records.last + 1, sent: ByteCounts(),
          exitCorrect: exitCorrect ?? 0, exitCount: exitCorrect == nil ? 0 : configuration.testImages)))
  }

  private func record(_ message: Message) throws {
    let sequence = records.last + 1
    // What a run that is resumed makes once more is there already, or is not needed any more.
    if sequence >= cloud.records.next {
      if options.isOffline {
        try cloud.append(message, waits: false)
      } else {
        if !cloud.hasRoom(for: message) { tellThatItWaits() }
        try waiting { try cloud.append(message) }
      }
    } else if cloud.records.holds(message) == false {
      tellOfOtherBits()
    }
    records.last = sequence
    samples.count(message.type, payloadBytes: message.samplesByteCount)
  }

  // MARK: Answers

  /// Waits for the next answer of the cloud.
  ///
  /// - Throws: `LedgerMismatchError`, `WireError`, what ended the link.
  private func nextAnswer() throws -> EdgeLink.Answer {
    if answers.isEmpty { answers = Deque(try waiting { try cloud.awaitAnswers() }.list) }
    let answer = answers.removeFirst()
    if case .report(let report, _) = answer { try check(report) }
    return answer
  }

  /// Waits for the answer to the batch that was sent last.
  func awaitAcknowledgement() throws -> Acknowledgement {
    while true {
      if case .acknowledgement(let acknowledgement) = try nextAnswer(), acknowledgement.sequence == records.last {
        records.answered = acknowledgement.sequence
        return acknowledgement
      }
    }
  }

  /// Waits for the gradient of the batch that was sent last.
  func awaitGradient() throws -> Gradient {
    let gradient = try waiting { try cloud.awaitGradient(of: records.last) }
    samples.count(.gradient, payloadBytes: gradient.encoded.count)
    return gradient
  }

  /// Waits for the report of the epoch under way.
  func awaitReport() throws -> EpochReport {
    while true {
      let answer = try nextAnswer()
      records.answered = answer.sequence
      if case .report(let received, _) = answer { return received.report }
    }
  }

  /// Logs the epochs that are ended here and of which the cloud has told its figures. A run that goes on from before
  /// such an end may be told of it early.
  func takeReports(within seconds: Double = 0) throws {
    let new = try waiting { try cloud.awaitAnswers(within: seconds) }
    answers += new.list
    while case .report(let received, _)? = answers.first, received.report.epoch <= recorder.endedEpochs {
      answers.removeFirst()
      try check(received)
      let report = received.report
      if let moment = cloud.answerSeconds(of: layout.lastStep(of: report.epoch)) {
        recorder.acknowledged(epoch: report.epoch, atSeconds: recorder.wallSeconds(at: moment))
      }
      try reportEpoch(final: report.finalCorrect, report.finalByClass, finalLoss: report.meanTrainingLoss)
    }
    records.answered = answers.first.map { $0.sequence - 1 } ?? new.through
  }

  private func check(_ received: EdgeLink.ReceivedReport) throws {
    let report = received.report
    if let counts = received.counts {
      try LedgerMismatchError.check("from edge to cloud", here: counts.sentWith, there: report.received)
      try LedgerMismatchError.check("from cloud to edge", here: counts.receivedBefore, there: report.sent)
    }
    guard report.finalCount == configuration.testImages else {
      throw WireError.payload(
        type: .epochReport, field: "final_count", expected: "\(configuration.testImages)",
        actual: "\(report.finalCount)")
    }
    if let classes = report.finalByClass?.count.count, classes != configuration.task.classes {
      throw WireError.payload(
        type: .epochReport, field: "final_by_class", expected: "\(configuration.task.classes) classes",
        actual: "\(classes)")
    }
  }

  // MARK: Strategies whose network is in the cloud

  /// Waits until the cloud has all images.
  ///
  /// - Returns: whether there was something to wait for.
  func followUpload(_ images: ImageRecords) throws -> Bool {
    guard records.answered < layout.uploads else { return false }
    while records.answered < layout.uploads {
      try follow(images)
      showTraffic()
    }
    return true
  }

  /// Waits until the cloud has trained the epoch, and logs its steps.
  func followTraining(_ images: ImageRecords) throws {
    while records.answered < layout.lastStep(of: state.epoch) { try follow(images) }
  }

  /// Waits until the cloud has evaluated.
  ///
  /// - Returns: its report.
  func followEvaluation(_ images: ImageRecords) throws -> EpochReport {
    while true {
      if let report = try follow(images) { return report }
    }
  }

  /// Waits for an answer, and counts the records that it is of.
  ///
  /// - Returns: the report if it is one.
  @discardableResult private func follow(_ images: ImageRecords) throws -> EpochReport? {
    let answer = try nextAnswer()
    while records.answered < answer.sequence {
      records.answered += 1
      if let (type, byteCount) = images.samples(of: records.answered) {
        samples.count(type, payloadBytes: byteCount)
      }
      if case .training(_, let batch) = layout[records.answered], case .acknowledgement(let acknowledgement) = answer {
        try step(loss: Double(acknowledgement.loss), images: imageCount(ofStep: batch))
      }
    }
    guard case .report(let received, _) = answer else { return nil }
    return received.report
  }
}
