import Foundation
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import RunFiles
@testable import Training
@testable import Transport

/// What the records of a run are, and what was answered to them.
@Suite struct RecordsTests {
  private func configuration(_ strategy: Strategy) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: .cifar10, network: SplitNetwork.Configuration(architecture: .vgg8, cut: 2, exitHead: .pool),
      activations: .exact, data: "synthetic", trainImages: 10, testImages: 5)
    configuration.strategy = strategy
    configuration.batchSize = 4
    configuration.epochs = 2
    return configuration.canonical()
  }

  @Test func layoutByHand() throws {
    let layout = RecordLayout(try configuration(.hierarchical))
    let epoch1: [RecordLayout.Record] = [
      .training(epoch: 1, batch: 0), .training(epoch: 1, batch: 1), .training(epoch: 1, batch: 2),
      .evaluation(epoch: 1, batch: 0), .evaluation(epoch: 1, batch: 1), .epochEnd(epoch: 1),
    ]
    #expect((1...6).compactMap { layout[$0] } == epoch1)
    #expect(layout[7] == .training(epoch: 2, batch: 0))
    #expect(layout[12] == .epochEnd(epoch: 2))
    #expect(layout[0] == nil && layout[13] == nil)
    #expect(layout.count == 12)
    #expect(layout.uploads == 0)
    #expect(layout.lastStep(of: 2) == 9)
    #expect(layout.epochEnd(of: 2) == 12)
  }

  @Test func layoutOfAnUpload() throws {
    let layout = RecordLayout(try configuration(.cloudUploadOnce))
    #expect(layout.uploads == 5)
    #expect(
      (1...5).compactMap { layout[$0] } == [
        .trainImages(batch: 0), .trainImages(batch: 1), .trainImages(batch: 2), .testImages(batch: 0),
        .testImages(batch: 1),
      ])
    #expect(layout[6] == .training(epoch: 1, batch: 0))
    #expect(layout.count == 17)
    #expect(layout.lastStep(of: 1) == 8)
    #expect(layout[layout.epochEnd(of: 1)] == .epochEnd(epoch: 1))
  }

  /// The first one is as from before there were counts by class.
  private func report(_ epoch: Int) -> EpochReport {
    var byClass = epoch == 1 ? nil : ClassCounts(classes: 2)
    byClass?.add(labels: [0, 1, 1, 1, 1], hits: [0, 1, 1])
    return EpochReport(
      epoch: epoch, meanTrainingLoss: 1.5, finalLoss: nil, finalCorrect: 3, finalCount: 5, finalByClass: byClass,
      busySeconds: 1, idleSeconds: 2, received: ByteCounts(payload: 7), sent: ByteCounts(control: 8))
  }

  private func history() -> AnswerHistory {
    var history = AnswerHistory()
    for epoch in 1...2 {
      for batch in 1...3 { history.append(loss: Float(10 * epoch + batch), correct: batch) }
      history.append(report(epoch))
    }
    history.append(loss: 31, correct: 1)
    return history
  }

  /// Whatever the edge has, it is told the rest, without a gap.
  @Test(arguments: 0...10 as ClosedRange<UInt64>) func replaysTellTheRest(answered: UInt64) {
    let history = history()
    #expect(history.count == 9)
    var next = answered + 1
    var losses: [Float] = []
    var epochs: [Int] = []
    for replay in history.replays(after: answered) {
      #expect(replay.first == next)
      next = replay.last + 1
      losses += replay.losses
      if let report = replay.report { epochs.append(report.epoch) }
    }
    #expect(next == max(answered, 9) + 1)
    let all: [(UInt64, Float)] = [(1, 11), (2, 12), (3, 13), (5, 21), (6, 22), (7, 23), (9, 31)]
    #expect(losses == all.filter { $0.0 > answered }.map(\.1))
    #expect(epochs == [(4, 1), (8, 2)].filter { $0.0 > answered }.map(\.1))
  }

  @Test func longHistoriesAreCut() {
    var history = AnswerHistory()
    for number in 0..<2 * Replay.maximumCount + 5 { history.append(loss: Float(number), correct: 0) }
    let replays = history.replays(after: 1)
    #expect(replays.map(\.losses.count) == [Replay.maximumCount, Replay.maximumCount, 4])
    #expect(replays.last?.last == history.count)
  }

  /// A report comes back from a checkpoint as it was, but for the byte counts of its connection.
  @Test func reportsOutliveAFile() throws {
    let stored = history().reports
    let read = try RunJSON.decode([AnswerHistory.Report].self, from: Array(RunJSON.line(stored).utf8))
    #expect(read.map(\.sequence) == [4, 8])
    #expect(read.map(\.report.epoch) == [1, 2])
    #expect(read[0].report.meanTrainingLoss == 1.5 && read[0].report.finalLoss == nil)
    #expect(read[0].report.finalCorrect == 3 && read[0].report.finalCount == 5)
    #expect(read[0].report.finalByClass == nil && read[1].report.finalByClass?.correct == [1, 2])
    #expect(read[0].report.received == ByteCounts() && read[0].report.sent == ByteCounts())
  }

  @Test func historiesThatDoNotFitTogether() {
    let good = history()
    #expect(AnswerHistory(losses: good.losses, correct: good.correct, reports: good.reports) == good)
    #expect(AnswerHistory(losses: good.losses, correct: [1], reports: []) == nil)
    #expect(AnswerHistory(losses: good.losses, correct: good.correct, reports: good.reports.reversed()) == nil)
    #expect(AnswerHistory(losses: [1], correct: [1], reports: good.reports) == nil)
    #expect(AnswerHistory(losses: [], correct: [], reports: good.reports) == nil)
  }
}
