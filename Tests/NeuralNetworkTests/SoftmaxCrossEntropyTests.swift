import Compute
import Foundation
import NeuralNetwork
import TestSupport
import Testing

@Suite struct SoftmaxCrossEntropyTests {
  @Test func probabilitiesByHand() {
    #expect(SoftmaxCrossEntropy.probabilities([1000, 1000]) == [0.5, 0.5])
    let values = SoftmaxCrossEntropy.probabilities([0, Float(log(3.0)), -.infinity])
    for (value, expected) in zip(values, [0.25, 0.75, 0]) { #expect(abs(value - expected) < 1e-7) }
  }

  static func evaluate(_ logits: Tensor, _ labels: [UInt16], smoothing: Double = 0, gradient: Tensor? = nil)
    -> SoftmaxCrossEntropy.Result
  {
    SoftmaxCrossEntropy.evaluate(logits, labels: labels, smoothing: smoothing, gradient: gradient)
  }

  @Test func byHand() {
    // Probabilities 1/4 and 3/4.
    let logits = Tensor(FeatureShape(channels: 2), [0, Float(log(3.0)), 0, Float(log(3.0))])
    let gradient = Tensor(FeatureShape(channels: 2), count: 2)
    gradient.buffer.update(repeating: .nan)
    let result = Self.evaluate(logits, [1, 0], gradient: gradient)
    #expect(abs(result.loss - (log(4.0 / 3) + log(4)) / 2) <= 1e-7)
    #expect(result.hits == [1] && result.correct == 1)
    expectClose(gradient.buffer, [0.125, -0.125, -0.375, 0.375], tolerance: 1e-6)
  }

  @Test func smoothedByHand() {
    // Probabilities 1/4 and 3/4; with a smoothing of 1/2 the targets are 3/4 at the label and 1/4 at the other class.
    let logits = Tensor(FeatureShape(channels: 2), [0, Float(log(3.0)), 0, Float(log(3.0))])
    let gradient = Tensor(FeatureShape(channels: 2), count: 2)
    let result = Self.evaluate(logits, [1, 0], smoothing: 0.5, gradient: gradient)
    let first = 0.25 * log(4) + 0.75 * log(4.0 / 3)
    let second = 0.75 * log(4) + 0.25 * log(4.0 / 3)
    #expect(abs(result.loss - (first + second) / 2) <= 1e-7)
    #expect(result.correct == 1)
    expectClose(gradient.buffer, [0, 0, -0.25, 0.25], tolerance: 1e-6)
  }

  @Test func equalLogitsGiveTheLogarithmOfTheClasses() {
    let logits = Tensor(FeatureShape(channels: 10), count: 3)
    let result = Self.evaluate(logits, [0, 4, 9])
    #expect(abs(result.loss - log(10)) <= 1e-12)
    #expect(result.correct == 1, "of equal logits the first counts")
  }

  @Test(arguments: [0, 0.1, 0.9]) func equalsExplicitLoops(smoothing: Double) {
    let logits = Tensor.random(FeatureShape(channels: 7), count: 5, deviation: 3)
    let labels: [UInt16] = [0, 6, 3, 2, 5]
    let gradient = Tensor(logits.shape, count: 5)
    let result = Self.evaluate(logits, labels, smoothing: smoothing, gradient: gradient)
    var loss = 0.0
    var hits: [UInt16] = []
    var expected: [Double] = []
    for image in 0..<5 {
      let x = (0..<7).map { Double(logits.data[image * 7 + $0]) }
      let sum = x.reduce(0) { $0 + exp($1) }
      let targets = (0..<7).map { smoothing / 7 + ($0 == Int(labels[image]) ? 1 - smoothing : 0) }
      for (value, target) in zip(x, targets) { loss -= target * log(exp(value) / sum) / 5 }
      if x.allSatisfy({ $0 <= x[Int(labels[image])] }) { hits.append(labels[image]) }
      expected += zip(x, targets).map { (exp($0) / sum - $1) / 5 }
    }
    #expect(abs(result.loss - loss) <= 1e-9)
    #expect(result.hits == hits)
    expectClose(gradient.buffer, expected, tolerance: 1e-6)
    #expect(Self.evaluate(logits, labels, smoothing: smoothing) == result, "the gradient is optional")
  }

  @Test(arguments: [0, 0.1, 0.9]) func gradientEqualsCentralDifferences(smoothing: Double) {
    let logits = Tensor.random(FeatureShape(channels: 7), count: 5)
    let labels: [UInt16] = [0, 6, 3, 2, 5]
    let gradient = Tensor(logits.shape, count: 5)
    _ = Self.evaluate(logits, labels, smoothing: smoothing, gradient: gradient)
    var checker = GradientChecker()
    checker.tolerance = 1e-5
    checker.floor = 0.1
    let blob = GradientChecker.Blob(name: "logits", values: logits.buffer, gradient: Array(gradient.buffer))
    checker.check("softmax cross-entropy", [blob], sourceLocation: #_sourceLocation) {
      Self.evaluate(logits, labels, smoothing: smoothing).loss
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
    #expect(Self.evaluate(logits, [0, 2], smoothing: 0.1).loss.isNaN)
  }
}
