/// The cloud's consent: its limits, and where it can go on.
package struct Welcome: Codable, Equatable, Sendable {
  /// The longest frame, header included, that the cloud accepts.
  package let maximumFrameBytes: Int
  /// Where the run goes on; `nil` from the beginning.
  package let resume: ResumePosition?
  /// The cloud takes a silence of more seconds for the loss of the connection.
  package let timeoutSeconds: Double
  package let softwareVersion: String
  /// For the edge, to find out how far the two clocks are apart.
  package let clock: ClockReading?
  /// The digests of the files from which the cloud's weights of this run began; nil if the seed made them.
  package let initialWeights: String?

  /// Seconds since 1970 on the clock of the cloud.
  package struct ClockReading: Codable, Equatable, Sendable {
    package let helloReceived: Double
    /// Just before this message.
    package let welcomeSent: Double

    package init(helloReceived: Double, welcomeSent: Double) {
      self.helloReceived = helloReceived
      self.welcomeSent = welcomeSent
    }

    enum CodingKeys: String, CodingKey {
      case helloReceived = "hello_received"
      case welcomeSent = "welcome_sent"
    }
  }

  package init(
    maximumFrameBytes: Int, resume: ResumePosition? = nil, timeoutSeconds: Double = Hello.defaultTimeoutSeconds,
    softwareVersion: String, clock: ClockReading? = nil, initialWeights: String? = nil
  ) {
    self.initialWeights = initialWeights
    self.timeoutSeconds = timeoutSeconds
    self.maximumFrameBytes = maximumFrameBytes
    self.resume = resume
    self.softwareVersion = softwareVersion
    self.clock = clock
  }

  enum CodingKeys: String, CodingKey {
    case maximumFrameBytes = "maximum_frame_bytes"
    case resume
    case timeoutSeconds = "timeout_seconds"
    case softwareVersion = "software_version"
    case clock
    case initialWeights = "initial_weights"
  }
}

/// The cloud's no, with a reason for people.
package struct Refusal: Codable, Equatable, Sendable {
  package enum Code: String, Codable, CaseIterable, Sendable {
    /// The cloud serves another edge.
    case busy
    /// The edge speaks another version of the protocol.
    case protocolVersion = "protocol-version"
    /// What came is no `hello`.
    case malformed
    /// The cloud cannot train what the edge asks for.
    case unsupportedConfiguration = "unsupported-configuration"
    /// The run cannot go on: what one side lacks, the other one does not have either.
    case cannotResume = "cannot-resume"
    /// What the edge asks for is beyond a limit of the cloud.
    case limitExceeded = "limit-exceeded"
    /// The cloud is about to end.
    case shuttingDown = "shutting-down"
    /// The cloud takes no plain text.
    case encryptionRequired = "encryption-required"
  }

  package let code: Code
  package let reason: String

  package init(code: Code, reason: String) {
    self.code = code
    self.reason = PayloadCheck.printable(reason)
  }
}

/// The cloud has applied all records up to a batch.
package struct Acknowledgement: Codable, Equatable, Sendable {
  /// The last batch that is applied (trained on, or evaluated).
  package let sequence: UInt64
  /// Mean final loss over that batch's samples.
  package let loss: Float
  /// Samples of that batch that the final classifier got right.
  package let correct: Int

  package init(sequence: UInt64, loss: Float, correct: Int) {
    self.sequence = sequence
    self.loss = loss
    self.correct = correct
  }
}

/// The edge has sent all of an epoch.
package struct EpochEnd: Codable, Equatable, Sendable {
  /// From 1.
  package let epoch: Int
  /// Training steps of the whole epoch, those before a resume position included.
  package let steps: Int
  /// Its number as a record of the run.
  package let sequence: UInt64
  /// What the edge has sent on this connection before this frame.
  package let sent: ByteCounts

  /// How many evaluation samples the exit got right, of how many.
  package let exitCorrect: Int
  package let exitCount: Int

  package init(
    epoch: Int, steps: Int, sequence: UInt64, sent: ByteCounts, exitCorrect: Int = 0, exitCount: Int = 0
  ) {
    self.sequence = sequence
    self.epoch = epoch
    self.steps = steps
    self.sent = sent
    self.exitCorrect = exitCorrect
    self.exitCount = exitCount
  }

  /// The same with what has been sent.
  package func with(sent: ByteCounts) -> Self {
    Self(epoch: epoch, steps: steps, sequence: sequence, sent: sent, exitCorrect: exitCorrect, exitCount: exitCount)
  }

  enum CodingKeys: String, CodingKey {
    case epoch, steps, sequence, sent
    case exitCorrect = "exit_correct"
    case exitCount = "exit_count"
  }
}

/// The cloud's answer to `EpochEnd`: it has applied all records up to that one.
package struct EpochReport: Codable, Equatable, Sendable {
  package let epoch: Int
  /// Mean final loss over the epoch's training samples; `nil` if there were none.
  package let meanTrainingLoss: Double?
  /// Mean final loss over the epoch's evaluation samples; `nil` if there were none.
  package let finalLoss: Double?
  /// Evaluation samples that the final classifier got right, of `finalCount`.
  package let finalCorrect: Int
  package let finalCount: Int
  /// The same class by class; nil if there are too many, or the cloud has begun to count in mid-evaluation.
  package let finalByClass: ClassCounts?
  /// Seconds of the epoch in which the cloud computed.
  package let busySeconds: Double
  /// Seconds of the epoch in which the cloud waited for the edge.
  package let idleSeconds: Double
  /// What the cloud has received on this connection, the epoch-end included.
  package let received: ByteCounts
  /// What the cloud has sent on this connection before this frame.
  package let sent: ByteCounts

  package init(
    epoch: Int, meanTrainingLoss: Double?, finalLoss: Double?, finalCorrect: Int, finalCount: Int,
    finalByClass: ClassCounts? = nil, busySeconds: Double, idleSeconds: Double, received: ByteCounts, sent: ByteCounts
  ) {
    self.epoch = epoch
    self.meanTrainingLoss = meanTrainingLoss
    self.finalLoss = finalLoss
    self.finalCorrect = finalCorrect
    self.finalCount = finalCount
    self.finalByClass = finalByClass
    self.busySeconds = busySeconds
    self.idleSeconds = idleSeconds
    self.received = received
    self.sent = sent
  }

  /// The same without what it says class by class.
  package var withoutClasses: Self {
    Self(
      epoch: epoch, meanTrainingLoss: meanTrainingLoss, finalLoss: finalLoss, finalCorrect: finalCorrect,
      finalCount: finalCount, busySeconds: busySeconds, idleSeconds: idleSeconds, received: received, sent: sent)
  }

  enum CodingKeys: String, CodingKey {
    case epoch
    case meanTrainingLoss = "mean_training_loss"
    case finalLoss = "final_loss"
    case finalCorrect = "final_correct"
    case finalCount = "final_count"
    case finalByClass = "final_by_class"
    case busySeconds = "busy_seconds"
    case idleSeconds = "idle_seconds"
    case received
    case sent
  }
}
