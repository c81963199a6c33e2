import Compute
import NeuralNetwork
import TestSupport
import Testing

@Suite struct LinearTests {
  static let shape = FeatureShape(height: 2, width: 3, channels: 4)

  @Test(arguments: [1, 2, 3]) func equalsExplicitLoops(threads: Int) throws {
    let layer = Linear(name: "l", inputs: 24, outputs: 7)
    let harness = try LayerHarness(layer, input: Self.shape, maximumCount: 5, threads: threads)
    let features = Tensor.random(Self.shape, count: 5, seed: 1)
    let gradient = Tensor.random(FeatureShape(channels: 7), count: 5, seed: 2)
    let x = features.buffer.map(Double.init)
    let dy = gradient.buffer.map(Double.init)
    let weight = layer.weight.value.map(Double.init)
    var y = (0..<35).map { Double(layer.bias.value[$0 % 7]) }
    var dx = [Double](repeating: 0, count: 120)
    var weightGradient = [Double](repeating: 0, count: 168)
    var biasGradient = [Double](repeating: 0, count: 7)
    for image in 0..<5 {
      for output in 0..<7 {
        biasGradient[output] += dy[image * 7 + output]
        for input in 0..<24 {
          y[image * 7 + output] += x[image * 24 + input] * weight[input * 7 + output]
          dx[image * 24 + input] += dy[image * 7 + output] * weight[input * 7 + output]
          weightGradient[input * 7 + output] += x[image * 24 + input] * dy[image * 7 + output]
        }
      }
    }
    expectClose(harness.forward(features).buffer, y, "output")
    expectClose(try #require(harness.backward(gradient)), dx, "input gradient")
    expectClose(layer.weight.gradient, weightGradient, "weight gradient")
    expectClose(layer.bias.gradient, biasGradient, "bias gradient")
  }

  @Test func byHand() throws {
    let layer = Linear(name: "l", inputs: 2, outputs: 3)
    let harness = try LayerHarness(layer, input: FeatureShape(channels: 2), maximumCount: 1, threads: 1)
    for index in 0..<6 { layer.weight.value[index] = Float(index + 1) }  // 1 2 3 / 4 5 6
    for index in 0..<3 { layer.bias.value[index] = Float(100 * index) }
    expectSame(harness.forward(Tensor(FeatureShape(channels: 2), [10, 1])).buffer, [14, 125, 236])
    expectSame(try #require(harness.backward(Tensor(FeatureShape(channels: 3), [1, 0, 2]))), [7, 16])
    expectSame(layer.weight.gradient, [10, 0, 20, 1, 0, 2])
    expectSame(layer.bias.gradient, [1, 0, 2])
  }

  @Test func refusesOtherSizes() {
    #expect(throws: ShapeError("linear 25 -> 7 cannot take features of shape 2x3x4")) {
      try Linear(name: "l", inputs: 25, outputs: 7).outputShape(for: Self.shape)
    }
  }
}

@Suite struct ReLUTests {
  @Test(arguments: [1, 2, 3]) func byHand(threads: Int) throws {
    let shape = FeatureShape(height: 1, width: 3, channels: 2)
    let harness = try LayerHarness(ReLU(), input: shape, maximumCount: 1, threads: threads)
    expectSame(harness.forward(Tensor(shape, [-2, 3, 0, -0.5, 7, -0.0])).buffer, [0, 3, 0, 0, 7, 0])
    expectSame(try #require(harness.backward(Tensor(shape, [1, 2, 3, 4, 5, 6]))), [0, 2, 0, 0, 5, 0])
  }

  @Test(arguments: [1, 2, 3]) func equalsExplicitLoops(threads: Int) throws {
    let shape = FeatureShape(height: 5, width: 7, channels: 4)
    let harness = try LayerHarness(ReLU(), input: shape, maximumCount: 3, threads: threads)
    let features = Tensor.random(shape, count: 3, seed: 1)
    let gradient = Tensor.random(shape, count: 3, seed: 2)
    let y = Reference.relu(Reference.Features(features))
    expectClose(harness.forward(features).buffer, y.values, tolerance: 0)
    let dx = Reference.reluBackward(y, Reference.Features(gradient))
    expectClose(try #require(harness.backward(gradient)), dx.values, tolerance: 0)
  }
}
