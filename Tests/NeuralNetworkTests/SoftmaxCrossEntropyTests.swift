import Compute
import Foundation
import NeuralNetwork
import Testing

@Suite struct SoftmaxCrossEntropyTests {
  @Test func probabilitiesByHand() {
    #expect(SoftmaxCrossEntropy.probabilities([1000, 1000]) == [0.5, 0.5])
    let values = SoftmaxCrossEntropy.probabilities([0, Float(log(3.0)), -.infinity])
    for (value, expected) in zip(values, [0.25, 0.75, 0]) { #expect(abs(value - expected) < 1e-7) }
  }

  static func evaluate(_ logits: Tensor, _ labels: [UInt16], gradient: Tensor? = nil)
    -> SoftmaxCrossEntropy.Result
  {
    SoftmaxCrossEntropy.evaluate(logits, labels: labels, gradient: gradient)
  }

  @Test func byHand() {
    // Probabilities 1/4 and 3/4.
    let logits = Tensor(FeatureShape(channels: 2), [0, Float(log(3.0)), 0, Float(log(3.0))])
    let gradient = Tensor(FeatureShape(channels: 2), count: 2)
    gradient.buffer.update(repeating: .nan)
    let result = Self.evaluate(logits, [1, 0], gradient: gradient)
    #expect(abs(result.loss - (log(4.0 / 3) + log(4)) / 2) <= 1e-7)
    #expect(result.correct == 1)
    expectClose(gradient.buffer, [0.125, -0.125, -0.375, 0.375], tolerance: 1e-6)
  }

  @Test func equalLogitsGiveTheLogarithmOfTheClasses() {
    let logits = Tensor(FeatureShape(channels: 10), count: 3)
    let result = Self.evaluate(logits, [0, 4, 9])
    #expect(abs(result.loss - log(10)) <= 1e-12)
    #expect(result.correct == 1, "of equal logits the first counts")
  }

  @Test func equalsExplicitLoops() {
    let logits = Tensor.random(FeatureShape(channels: 7), count: 5, deviation: 3)
    let labels: [UInt16] = [0, 6, 3, 2, 5]
    let gradient = Tensor(logits.shape, count: 5)
    let result = Self.evaluate(logits, labels, gradient: gradient)
    var loss = 0.0
    var correct = 0
    var expected: [Double] = []
    for image in 0..<5 {
      let x = (0..<7).map { Double(logits.data[image * 7 + $0]) }
      let sum = x.reduce(0) { $0 + exp($1) }
      loss -= log(exp(x[Int(labels[image])]) / sum) / 5
      if x.allSatisfy({ $0 <= x[Int(labels[image])] }) { correct += 1 }
      expected += (0..<7).map { (exp(x[$0]) / sum - ($0 == Int(labels[image]) ? 1 : 0)) / 5 }
    }
    #expect(abs(result.loss - loss) <= 1e-9)
    #expect(result.correct == correct)
    expectClose(gradient.buffer, expected, tolerance: 1e-6)
    #expect(Self.evaluate(logits, labels) == result, "the gradient is optional")
  }

  @Test func gradientEqualsCentralDifferences() {
    let logits = Tensor.random(FeatureShape(channels: 7), count: 5)
    let labels: [UInt16] = [0, 6, 3, 2, 5]
    let gradient = Tensor(logits.shape, count: 5)
    _ = Self.evaluate(logits, labels, gradient: gradient)
    var checker = GradientChecker()
    checker.tolerance = 1e-5
    checker.floor = 0.1
    let blob = GradientChecker.Blob(name: "logits", values: logits.buffer, gradient: Array(gradient.buffer))
    checker.check("softmax cross-entropy", [blob], sourceLocation: #_sourceLocation) {
      Self.evaluate(logits, labels).loss
    }
  }

  @Test func largeLogitsStayFinite() {
    let logits = Tensor(FeatureShape(channels: 3), [1e4, -1e4, 0, -1e30, 0, 0])
    let gradient = Tensor(logits.shape, count: 2)
    let result = Self.evaluate(logits, [1, 1], gradient: gradient)
    #expect(abs(result.loss - (2e4 + log(2)) / 2) <= 1e-6)
    expectClose(gradient.buffer, [0.5, -0.5, 0, 0, -0.25, 0.25], tolerance: 1e-6)
  }

  @Test(arguments: 0..<6) func notANumberReachesTheLoss(position: Int) {
    let logits = Tensor(FeatureShape(channels: 3), [1, 2, 3, 4, 5, 6])
    logits.data[position] = .nan
    #expect(Self.evaluate(logits, [0, 2]).loss.isNaN)
  }
}
