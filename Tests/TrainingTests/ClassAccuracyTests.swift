import Compute
import Platform
import TestSupport
import Testing

@testable import Datasets
@testable import RunFiles
@testable import Training

/// What is told of each class.
@Suite struct ClassAccuracyTests {
  private func task(classes: Int, names: [String] = []) -> ImageTask {
    ImageTask(
      shape: FeatureShape(height: 2, width: 2, channels: 1), classes: classes, mean: [0], deviation: [1],
      classNames: names)
  }

  @Test func allOfFewClassesInTheirOrder() {
    let line = task(classes: 3, names: ["cat", "dog", "emu"]).line(of: [0.5, nil, 0.8125])
    #expect(line == "cat 50.00 %, dog -, emu 81.25 %")
  }

  @Test func worstAndBestOfManyClasses() {
    // 21 classes; of equal ones the first counts, and one without images is neither.
    var accuracies: [Double?] = (0..<21).map { Double($0 / 2) / 10 }
    accuracies[1] = nil
    #expect(
      task(classes: 21).line(of: accuracies)
        == "worst: 0 0.00 %, 2 10.00 %, 3 10.00 %, 4 20.00 %, 5 20.00 %; "
        + "best: 20 100.00 %, 19 90.00 %, 18 90.00 %, 17 80.00 %, 16 80.00 %")
  }

  @Test func anEpochCountsItsTestImages() throws {
    var state = TrainingState()
    for _ in 1...2 {
      state.beginEpoch()
      #expect(state.sums.byClass == nil)
      state.countTest(labels: [0, 1], classes: 3, loss: 1, hits: [1])
      state = try RunJSON.decode(TrainingState.self, from: RunJSON.encode(state, pretty: false))
      state.countTest(labels: [1], classes: 3, loss: 1, hits: [])
      #expect(state.sums.byClass?.accuracies == [0, 0.5, nil])
      #expect(state.sums.correct == 1 && state.sums.testImages == 3)
    }
  }

  /// A state from before there were such counts: what it lacks of an evaluation is not known, the next one is whole.
  @Test func anEarlierStateInMidEvaluation() throws {
    var state = TrainingState()
    state.beginEpoch()
    state.countTest(labels: [0, 1], classes: 3, loss: 1, hits: [1])
    let json = try RunJSON.line(state).replacing(#""by_class":{"correct":[0,1,0],"count":[1,1,0]},"#, with: "")
    #expect(!json.contains("by_class"))
    state = try RunJSON.decode(TrainingState.self, from: Array(json.utf8))
    state.countTest(labels: [1], classes: 3, loss: 1, hits: [1])
    #expect(state.sums.byClass == nil && state.sums.correct == 2)
    state.beginEpoch()
    state.countTest(labels: [1], classes: 3, loss: 1, hits: [1])
    #expect(state.sums.byClass?.accuracies == [nil, 1, nil])
  }

  @Test func confusionByHand() {
    let matrix = ConfusionMatrix(classes: 3, labels: [0, 0, 1, 0, 1], predicted: [0, 2, 1, 0, 0])
    #expect((0..<3).map { Array(matrix[$0]) } == [[2, 0, 1], [1, 1, 0], [0, 0, 0]])
    #expect((0..<3).map(matrix.images) == [3, 2, 0])
    #expect(matrix.recalls == [2.0 / 3, 0.5, nil])
  }

  /// Of each output, if it is there; the diagonal adds up to its accuracy.
  @Test func confusionsOfPredictions() {
    var predictions = Predictions(classes: 2, withExit: true, withFinal: true)
    predictions.labels = [0, 1, 1]
    predictions.exitLogits = [1, 0, 1, 0, 0, 1]
    predictions.finalLogits = [1, 0, 0, 1, 0, 1]
    let confusions = predictions.confusions
    #expect(confusions.map(\.output) == ["exit", "final"])
    #expect(confusions[0].matrix == ConfusionMatrix(classes: 2, labels: [0, 1, 1], predicted: [0, 0, 1]))
    #expect(confusions[1].matrix.recalls == [1, 1])
    predictions.finalLogits = nil
    #expect(predictions.confusions.map(\.output) == ["exit"])
  }

  @Test func namesAreQuotedInAFile() {
    let names = ["cat", "dog, small", "a \"q\"", "two\nlines"]
    let matrix = ConfusionMatrix(classes: 4, labels: [0, 3], predicted: [0, 1])
    let text = String(
      decoding: ConfusionFile.bytes([("exit", matrix), ("final", matrix)], names: names), as: UTF8.self)
    #expect(
      text == """
        output,class,cat,"dog, small","a ""q""\","two
        lines"
        exit,cat,1,0,0,0
        exit,"dog, small",0,0,0,0
        exit,"a ""q""\",0,0,0,0
        exit,"two
        lines",0,1,0,0
        final,cat,1,0,0,0
        final,"dog, small",0,0,0,0
        final,"a ""q""\",0,0,0,0
        final,"two
        lines",0,1,0,0

        """)
  }
}
