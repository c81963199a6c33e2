import Foundation
import Platform
import Testing

@testable import Transport

@Suite struct ClassCountsTests {
  private func counts(_ json: String) throws -> ClassCounts {
    try JSONDecoder().decode(ClassCounts.self, from: Data(json.utf8))
  }

  @Test func byHand() throws {
    var counts = try #require(ClassCounts(classes: 4))
    counts.add(labels: [0, 2, 2], hits: [2])
    counts.add(labels: [0, 3, 2], hits: [0, 2])
    #expect(counts.count == [2, 0, 3, 1])
    #expect(counts.correct == [1, 0, 2, 0])
    #expect(counts.accuracies == [0.5, nil, 2.0 / 3, 0])
  }

  @Test func thereIsALimit() {
    #expect(ClassCounts(classes: 1000)?.count.count == 1000)
    #expect(ClassCounts(classes: 1001) == nil)
  }

  @Test(arguments: [
    #"{"correct":[1],"count":[1,2]}"#, #"{"correct":[2],"count":[1]}"#, #"{"correct":[-1],"count":[1]}"#,
    #"{"correct":[0],"count":[9007199254740993]}"#, #"{"correct":[0]}"#,
    "{\"correct\":[\(String(repeating: "0,", count: 1000))0],\"count\":[\(String(repeating: "0,", count: 1000))0]}",
  ])
  func whatCannotBeIsNotRead(json: String) {
    #expect(throws: DecodingError.self) { try counts(json) }
  }

  /// In a report they are those of its sums.
  @Test func inAReport() throws {
    let json = #"{"correct":[1,2],"count":[1,4]}"#
    func report(correct: Int, count: Int) throws -> EpochReport {
      EpochReport(
        epoch: 1, meanTrainingLoss: nil, finalLoss: nil, finalCorrect: correct, finalCount: count,
        finalByClass: try counts(json), busySeconds: 0, idleSeconds: 0, received: ByteCounts(), sent: ByteCounts())
    }
    let right = try report(correct: 3, count: 5)
    #expect(try right.validated() == right)
    let payload = try ControlPayloadCoding.encode(right, .epochReport)
    #expect(String(decoding: payload, as: UTF8.self).contains(#""final_by_class":\#(json),"final_correct":3"#))
    let read = try payload.withUnsafeBytes { try ControlPayloadCoding.decode(EpochReport.self, $0, .epochReport) }
    #expect(read == right)
    for (correct, count, expected, actual) in [(2, 5, 2, 3), (3, 6, 6, 5)] {
      #expect(
        throws: WireError.payload(
          type: .epochReport, field: "final_by_class", expected: "\(expected) in all", actual: "\(actual)")
      ) { try report(correct: correct, count: count).validated() }
    }
  }
}
