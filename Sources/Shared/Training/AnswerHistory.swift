import Transport

/// What the cloud has answered to the records of a run, from the first one on: an edge that lost its answers, or never
/// got them, is told again.
package struct AnswerHistory: Equatable, Sendable {
  /// An epoch's report, without the byte counts of its connection, and the number of its epoch-end.
  package struct Report: Codable, Equatable, Sendable {
    package let sequence: UInt64
    package let report: EpochReport

    init(sequence: UInt64, report: EpochReport) {
      (self.sequence, self.report) = (sequence, report)
    }

    // The keys of a file's JSON are made from names like these; a message names its own.
    private enum CodingKeys: CodingKey {
      case sequence, epoch, meanTrainingLoss, finalLoss, finalCorrect, finalCount, finalByClass,
        busySeconds, idleSeconds
    }

    package init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      sequence = try values.decode(UInt64.self, forKey: .sequence)
      report = EpochReport(
        epoch: try values.decode(Int.self, forKey: .epoch),
        meanTrainingLoss: try values.decodeIfPresent(Double.self, forKey: .meanTrainingLoss),
        finalLoss: try values.decodeIfPresent(Double.self, forKey: .finalLoss),
        finalCorrect: try values.decode(Int.self, forKey: .finalCorrect),
        finalCount: try values.decode(Int.self, forKey: .finalCount),
        finalByClass: try values.decodeIfPresent(ClassCounts.self, forKey: .finalByClass),
        busySeconds: try values.decode(Double.self, forKey: .busySeconds),
        idleSeconds: try values.decode(Double.self, forKey: .idleSeconds), received: ByteCounts(), sent: ByteCounts())
    }

    package func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode(sequence, forKey: .sequence)
      try values.encode(report.epoch, forKey: .epoch)
      try values.encodeIfPresent(report.meanTrainingLoss, forKey: .meanTrainingLoss)
      try values.encodeIfPresent(report.finalLoss, forKey: .finalLoss)
      try values.encode(report.finalCorrect, forKey: .finalCorrect)
      try values.encode(report.finalCount, forKey: .finalCount)
      try values.encodeIfPresent(report.finalByClass, forKey: .finalByClass)
      try values.encode(report.busySeconds, forKey: .busySeconds)
      try values.encode(report.idleSeconds, forKey: .idleSeconds)
    }
  }

  /// Mean final losses, one a record; 0 for an epoch-end.
  package private(set) var losses: [Float] = []
  /// Samples that the final classifier got right, likewise.
  package private(set) var correct: [Float] = []
  package private(set) var reports: [Report] = []
  /// Of the last record, if it was a batch of training, and gradients are exchanged.
  package private(set) var lastGradient: LastGradient?

  package struct LastGradient: Equatable, Sendable {
    package let gradient: Gradient
    package let shape: ActivationShape

    package init(_ gradient: Gradient, _ shape: ActivationShape) {
      (self.gradient, self.shape) = (gradient, shape)
    }
  }

  /// How many reports keep what they say class by class: all of them are in every checkpoint.
  private static let reportsByClass = 64

  package init() {}

  /// - Returns: nil unless the lists are of the same length, what is counted is a number of images, and the reports are
  ///   in order and within the lists.
  init?(losses: [Float], correct: [Float], reports: [Report], lastGradient: LastGradient? = nil) {
    guard losses.count == correct.count, correct.allSatisfy({ (0...16_777_216).contains($0) }),
      reports.allSatisfy({ (1...UInt64(max(1, losses.count))).contains($0.sequence) }),
      zip(reports, reports.dropFirst()).allSatisfy({ $0.sequence < $1.sequence }), reports.isEmpty || !losses.isEmpty
    else { return nil }
    (self.losses, self.correct, self.reports) = (losses, correct, reports)
    self.lastGradient = lastGradient
  }

  /// Records that are answered.
  package var count: UInt64 { UInt64(losses.count) }

  /// Takes the answer to the next record.
  package mutating func append(loss: Float, correct count: Int, gradient: LastGradient? = nil) {
    losses.append(loss)
    correct.append(Float(count))
    lastGradient = gradient
  }

  /// Takes the answer to the next record, an epoch-end.
  package mutating func append(_ report: EpochReport) {
    append(loss: 0, correct: 0)
    reports.append(Report(sequence: count, report: report))
    let old = reports.count - 1 - Self.reportsByClass
    if old >= 0 { reports[old] = Report(sequence: reports[old].sequence, report: reports[old].report.withoutClasses) }
  }

  /// All answers after those to the records up to one.
  package func replays(after answered: UInt64) -> [Replay] {
    var replays: [Replay] = []
    var first = answered + 1
    while first <= count {
      let report = reports.first { $0.sequence >= first }
      let end = min(count, (report?.sequence ?? .max) - 1, first + UInt64(Replay.maximumCount) - 1)
      let range = Int(first) - 1..<Int(end)
      let isWhole = report?.sequence == end + 1
      replays.append(
        Replay(
          first: first, losses: Array(losses[range]), correct: correct[range].map { Int($0) },
          report: isWhole ? report?.report : nil))
      first = end + (isWhole ? 2 : 1)
    }
    return replays
  }
}
