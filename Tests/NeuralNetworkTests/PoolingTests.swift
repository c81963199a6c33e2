import Compute
import NeuralNetwork
import TestSupport
import Testing

@Suite struct MaxPoolingTests {
  static let windows = [(2, 2, 0), (3, 2, 1), (3, 1, 1), (3, 3, 0)]

  @Test(arguments: windows, [1, 2, 3]) func equalsExplicitLoops(window: (Int, Int, Int), threads: Int) throws {
    let layer = MaxPooling(kernelSize: window.0, stride: window.1, padding: window.2)
    for shape in [
      FeatureShape(height: 5, width: 7, channels: 4), FeatureShape(height: 6, width: 8, channels: 3),
    ] {
      let harness = try LayerHarness(layer, input: shape, maximumCount: 4, threads: threads)
      // Mostly negative: padding must not win.
      let features = Tensor.random(shape, count: 4, seed: 1, mean: -3)
      let gradient = Tensor.random(harness.outputShape, count: 4, seed: 2)
      let expected = Reference.maxPooling(
        Reference.Features(features), layer, outputShape: harness.outputShape, Reference.Features(gradient))
      expectClose(harness.forward(features).buffer, expected.output.values, tolerance: 0, "output")
      expectClose(
        try #require(harness.backward(gradient)), expected.input.values, tolerance: 1e-6, "input gradient")
    }
  }

  @Test func byHand() throws {
    let shape = FeatureShape(height: 2, width: 5, channels: 1)  // the fifth column is left over
    let harness = try LayerHarness(
      MaxPooling(kernelSize: 2, stride: 2), input: shape, maximumCount: 1, threads: 1)
    expectSame(harness.forward(Tensor(shape, [1, 2, -7, -6, 9, 4, 3, -5, -8, 9])).buffer, [4, -5])
    let gradient = Tensor(FeatureShape(height: 1, width: 2, channels: 1), [10, 20])
    expectSame(try #require(harness.backward(gradient)), [0, 0, 0, 0, 0, 10, 0, 20, 0, 0])
  }

  /// 3x3 windows that overlap: the 9 wins all four.
  @Test func overlappingWindowsByHand() throws {
    let shape = FeatureShape(height: 3, width: 3, channels: 1)
    let harness = try LayerHarness(
      MaxPooling(kernelSize: 3, stride: 2, padding: 1), input: shape, maximumCount: 1, threads: 1)
    expectSame(harness.forward(Tensor(shape, [1, 2, 3, 4, 9, 5, 6, 7, 8])).buffer, [9, 9, 9, 9])
    let gradient = Tensor(FeatureShape(height: 2, width: 2, channels: 1), [1, 2, 3, 4])
    expectSame(try #require(harness.backward(gradient)), [0, 0, 0, 0, 10, 0, 0, 0, 0])
  }

  @Test func ofEqualValuesTheFirstWins() throws {
    let shape = FeatureShape(height: 2, width: 2, channels: 1)
    let harness = try LayerHarness(
      MaxPooling(kernelSize: 2, stride: 2), input: shape, maximumCount: 1, threads: 1)
    _ = harness.forward(Tensor(shape, [0, 5, 5, 5]))
    expectSame(try #require(harness.backward(Tensor(FeatureShape(channels: 1), [1]))), [0, 1, 0, 0])
  }

  @Test(arguments: 0..<4) func notANumberWins(position: Int) throws {
    let shape = FeatureShape(height: 2, width: 2, channels: 1)
    let harness = try LayerHarness(
      MaxPooling(kernelSize: 2, stride: 2), input: shape, maximumCount: 1, threads: 1)
    var values: [Float] = [1, 2, 3, 4]
    values[position] = .nan
    #expect(harness.forward(Tensor(shape, values)).data[0].isNaN)
  }

  @Test func refusesSmallFeatures() {
    #expect(
      throws: ShapeError("max pooling 2x2, stride 2: features of shape 1x7x4 are smaller than the window")
    ) {
      try MaxPooling(kernelSize: 2, stride: 2).outputShape(
        for: FeatureShape(height: 1, width: 7, channels: 4))
    }
  }
}

@Suite struct GlobalAveragePoolingTests {
  @Test(arguments: [1, 2, 3]) func equalsExplicitLoops(threads: Int) throws {
    let shape = FeatureShape(height: 5, width: 7, channels: 4)
    let harness = try LayerHarness(GlobalAveragePooling(), input: shape, maximumCount: 3, threads: threads)
    let features = Tensor.random(shape, count: 3)
    let x = Reference.Features(features)
    var expected: [Double] = []
    for image in 0..<3 {
      for channel in 0..<4 {
        expected.append(x.channel(channel)[image * 35..<(image + 1) * 35].reduce(0, +) / 35)
      }
    }
    expectClose(harness.forward(features).buffer, expected)
    let gradient = Tensor.random(FeatureShape(channels: 4), count: 3, seed: 2)
    let spread = (0..<3 * 35 * 4).map { Double(gradient.data[$0 / 140 * 4 + $0 % 4]) / 35 }
    expectClose(try #require(harness.backward(gradient)), spread, tolerance: 1e-6)
  }

  @Test func byHand() throws {
    let shape = FeatureShape(height: 1, width: 2, channels: 2)
    let harness = try LayerHarness(GlobalAveragePooling(), input: shape, maximumCount: 2, threads: 1)
    expectSame(harness.forward(Tensor(shape, [1, 10, 3, 20, -1, 0, 0, 8])).buffer, [2, 15, -0.5, 4])
    let gradient = Tensor(FeatureShape(channels: 2), [2, 4, 6, 8])
    expectSame(try #require(harness.backward(gradient)), [1, 2, 1, 2, 3, 4, 3, 4])
  }
}
