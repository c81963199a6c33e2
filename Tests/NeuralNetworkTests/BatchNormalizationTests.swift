import Compute
import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct BatchNormalizationTests {
  static let shape = FeatureShape(height: 5, width: 7, channels: 4)

  @Test(arguments: [1, 3, 20], [1, 2, 3]) func equalsExplicitLoops(count: Int, threads: Int) throws {
    for relu in [false, true] { try compareWithExplicitLoops(relu: relu, count: count, threads: threads) }
  }

  func compareWithExplicitLoops(relu: Bool, count: Int, threads: Int) throws {
    let layer = BatchNormalization(name: "n", channels: 4, relu: relu)
    let harness = try LayerHarness(layer, input: Self.shape, maximumCount: count, threads: threads)
    let features = Tensor.random(Self.shape, count: count, seed: 1, mean: 2, deviation: 3)
    let x = Reference.Features(features)
    let gamma = layer.gamma.value.map(Double.init)
    var y = Reference.batchNormalization(x, gamma: gamma, beta: layer.beta.value.map(Double.init))
    if relu { y = Reference.relu(y) }
    expectClose(harness.forward(features).buffer, y.values, "output")

    let gradient = Tensor.random(Self.shape, count: count, seed: 2)
    let dy = Reference.Features(gradient)
    let expected = Reference.batchNormalizationBackward(
      x, gamma: gamma, relu ? Reference.reluBackward(y, dy) : dy)
    expectClose(try #require(harness.backward(gradient)), expected.input.values, "input gradient")
    let floor = Double(count * Self.shape.positions).squareRoot()
    expectClose(layer.gamma.gradient, expected.gamma, floor: floor, "gamma gradient")
    expectClose(layer.beta.gradient, expected.beta, floor: floor, "beta gradient")
  }

  /// As PyTorch: unbiased variance, momentum 0.1.
  @Test(arguments: [1, 2, 3]) func runningStatisticsFollowTheBatches(threads: Int) throws {
    let layer = BatchNormalization(name: "n", channels: 4, relu: true)
    let harness = try LayerHarness(layer, input: Self.shape, maximumCount: 3, threads: threads)
    var mean = [Double](repeating: 0, count: 4)
    var variance = [Double](repeating: 1, count: 4)
    for step in 0..<5 {
      let features = Tensor.random(
        Self.shape, count: step == 3 ? 1 : 3, seed: UInt64(step), mean: Float(step), deviation: 2)
      _ = harness.forward(features)
      for channel in 0..<4 {
        let batch = Reference.moments(Reference.Features(features).channel(channel))
        mean[channel] = 0.9 * mean[channel] + 0.1 * batch.mean
        variance[channel] = 0.9 * variance[channel] + 0.1 * batch.unbiased
      }
    }
    expectClose(layer.runningMean.value, mean, "running mean")
    expectClose(layer.runningVariance.value, variance, "running variance")
    expectSame(layer.batchesTracked.value, [5])
  }

  @Test(arguments: [false, true]) func evaluationUsesTheRunningStatistics(relu: Bool) throws {
    let layer = BatchNormalization(name: "n", channels: 4, relu: relu)
    let harness = try LayerHarness(layer, input: Self.shape, maximumCount: 3, threads: 2)
    for channel in 0..<4 {
      layer.runningMean.value[channel] = Float(channel) - 1
      layer.runningVariance.value[channel] = 0.5 + Float(channel)
    }
    let features = Tensor.random(Self.shape, count: 3)
    let expected = features.buffer.enumerated().map { index, x in
      let channel = index % 4
      let deviation = (0.5 + Double(channel) + Reference.epsilon).squareRoot()
      let normalized = (Double(x) - Double(channel - 1)) / deviation
      let y = Double(layer.gamma.value[channel]) * normalized + Double(layer.beta.value[channel])
      return relu ? max(0, y) : y
    }
    expectClose(harness.forward(features, training: false).buffer, expected)
    expectSame(layer.batchesTracked.value, [0])
  }

  /// A mean that is large against the deviation costs the variance few digits: at 1000 to 0.1, where E[x²] − E[x]² in
  /// single precision has none left, three remain.
  @Test(arguments: [(10, 1e-5), (0.1, 1e-3)] as [(Float, Double)], [1, 2, 3])
  func largeMean(kind: (deviation: Float, tolerance: Double), threads: Int) throws {
    let deviation = kind.deviation
    let layer = BatchNormalization(name: "n", channels: 4, relu: false)
    let count = 20
    let harness = try LayerHarness(layer, input: Self.shape, maximumCount: count, threads: threads)
    let features = Tensor.random(Self.shape, count: count, seed: 3, mean: 1000, deviation: deviation)
    let x = Reference.Features(features)
    layer.runningMean.value.update(repeating: 0)
    layer.runningVariance.value.update(repeating: 0)
    let output = harness.forward(features)
    let batch = (0..<4).map { Reference.moments(x.channel($0)) }
    expectClose(layer.runningMean.value, batch.map { 0.1 * $0.mean }, tolerance: 1e-6, "mean")
    expectClose(
      layer.runningVariance.value, batch.map { 0.1 * $0.unbiased }, tolerance: kind.tolerance, floor: 0,
      "variance")
    // The input itself has only 24 bits: 1000 is known to 6e-5, in units of the deviation.
    let expected = Reference.batchNormalization(
      x, gamma: layer.gamma.value.map(Double.init), beta: layer.beta.value.map(Double.init))
    expectClose(output.buffer, expected.values, tolerance: 4e-4 / Double(deviation), "output")
  }

  @Test func byHand() throws {
    // 1 and 3: mean 2, variance 1, unbiased 2.
    let layer = BatchNormalization(name: "n", channels: 1, relu: false)
    let harness = try LayerHarness(layer, input: FeatureShape(channels: 1), maximumCount: 2, threads: 1)
    layer.gamma.value[0] = 2
    layer.beta.value[0] = 1
    let features = Tensor(FeatureShape(channels: 1), [1, 3])
    expectClose(harness.forward(features).buffer, [-1, 3], tolerance: 2e-5)  // epsilon is 1e-5
    expectClose(layer.runningMean.value, [0.2])
    expectClose(layer.runningVariance.value, [1.1])
    // Both values can only move against each other, which the normalization undoes: no gradient comes back.
    expectClose(
      try #require(harness.backward(Tensor(FeatureShape(channels: 1), [5, 7]))), [0, 0], tolerance: 1e-4)
    expectClose(layer.gamma.gradient, [2], tolerance: 2e-5)
    expectClose(layer.beta.gradient, [12])
    let deviation = 1.1.squareRoot()
    let evaluated = harness.forward(features, training: false)
    expectClose(evaluated.buffer, [2 * 0.8 / deviation + 1, 2 * 2.8 / deviation + 1])
  }

  @Test func reluByHand() throws {
    let layer = BatchNormalization(name: "n", channels: 1, relu: true)
    let harness = try LayerHarness(layer, input: FeatureShape(channels: 1), maximumCount: 2, threads: 1)
    layer.gamma.value[0] = 2
    layer.beta.value[0] = 1
    expectClose(harness.forward(Tensor(FeatureShape(channels: 1), [1, 3])).buffer, [0, 3], tolerance: 2e-5)
    _ = harness.backward(Tensor(FeatureShape(channels: 1), [5, 7]))
    expectClose(layer.gamma.gradient, [7], tolerance: 2e-5)
    expectClose(layer.beta.gradient, [7])
  }

  /// One image of one pixel: the variance is 0, and the output beta.
  @Test func aSingleRow() throws {
    let layer = BatchNormalization(name: "n", channels: 3, relu: false)
    let harness = try LayerHarness(layer, input: FeatureShape(channels: 3), maximumCount: 1, threads: 2)
    let output = harness.forward(Tensor(FeatureShape(channels: 3), [1, 2, 3]))
    expectClose(output.buffer, layer.beta.value.map(Double.init), tolerance: 1e-3)
    expectClose(layer.runningMean.value, [0.1, 0.2, 0.3])
    expectClose(layer.runningVariance.value, [0.9, 0.9, 0.9])
  }

  @Test func refusesOtherChannels() {
    let layer = BatchNormalization(name: "n", channels: 3, relu: true)
    #expect(throws: ShapeError("batch normalization 3 + relu cannot take features of shape 5x7x4")) {
      try layer.outputShape(for: Self.shape)
    }
  }
}
