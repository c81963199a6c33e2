import Compute
import NeuralNetwork
import TestSupport
import Testing

@Suite struct ResidualBlockTests {
  static let shape = FeatureShape(height: 5, width: 7, channels: 4)

  /// Convolution and batch normalization, with and without ReLU, forward and backward, by the reference loops.
  struct Stage {
    var convolution: Reference.Convolution
    var normalization: BatchNormalization
    var relu: Bool
    var middle: Reference.Features
    var output: Reference.Features

    /// - Parameter relu: false where something is added before it.
    init(_ layer: NormalizedConvolution, _ x: Reference.Features, relu: Bool) throws {
      convolution = try Reference.Convolution(layer.convolution, x)
      normalization = layer.normalization
      self.relu = relu
      middle = convolution.forward()
      output = Reference.batchNormalization(
        middle, gamma: normalization.gamma.value.map(Double.init),
        beta: normalization.beta.value.map(Double.init))
      if relu { output = Reference.relu(output) }
    }

    /// The input's gradient, then those of weight, gamma and beta.
    func backward(_ dy: Reference.Features) -> (input: Reference.Features, parameters: [Double]) {
      let masked = relu ? Reference.reluBackward(output, dy) : dy
      let inner = Reference.batchNormalizationBackward(
        middle, gamma: normalization.gamma.value.map(Double.init), masked)
      let outer = convolution.backward(inner.input)
      return (outer.input, outer.weight + inner.gamma + inner.beta)
    }
  }

  @Test(arguments: [(4, 1), (6, 1), (4, 2), (6, 2)], [1, 2, 3])
  func equalsExplicitLoops(kind: (outputs: Int, stride: Int), threads: Int) throws {
    let block = ResidualBlock(name: "b", inputChannels: 4, outputChannels: kind.outputs, stride: kind.stride)
    #expect((block.shortcut == nil) == (kind == (4, 1)))
    let harness = try LayerHarness(block, input: Self.shape, maximumCount: 3, threads: threads)
    let features = Tensor.random(Self.shape, count: 3, seed: 1)
    let x = Reference.Features(features)
    let first = try Stage(block.first, x, relu: true)
    let second = try Stage(block.second, first.output, relu: false)
    let shortcut = try block.shortcut.map { try Stage($0, x, relu: false) }
    let y = Reference.relu(second.output + (shortcut?.output ?? x))
    expectClose(harness.forward(features).buffer, y.values, "output")

    let gradient = Tensor.random(harness.outputShape, count: 3, seed: 2)
    let masked = Reference.reluBackward(y, Reference.Features(gradient))
    let dSecond = second.backward(masked)
    let dFirst = first.backward(dSecond.input)
    let dShortcut = shortcut?.backward(masked)
    expectClose(
      try #require(harness.backward(gradient)), (dFirst.input + (dShortcut?.input ?? masked)).values,
      tolerance: 2e-5, "input gradient")
    expectClose(
      harness.parameterGradients, dFirst.parameters + dSecond.parameters + (dShortcut?.parameters ?? []),
      tolerance: 2e-5, floor: 10, "parameter gradients")
  }

  /// With gamma 0, the second batch normalization gives beta: relu(x + beta).
  @Test func identityByHand() throws {
    let block = ResidualBlock(name: "b", inputChannels: 2, outputChannels: 2, stride: 1)
    let shape = FeatureShape(height: 1, width: 2, channels: 2)
    let harness = try LayerHarness(block, input: shape, maximumCount: 1, threads: 1)
    let last = block.second.normalization
    last.gamma.value.update(repeating: 0)
    last.beta.value[0] = 1
    last.beta.value[1] = -1
    expectSame(harness.forward(Tensor(shape, [0.5, 0.5, -3, 4])).buffer, [1.5, 0, 0, 3])
    expectSame(try #require(harness.backward(Tensor(shape, [1, 2, 3, 4]))), [1, 0, 0, 4])
    expectSame(last.beta.gradient, [1, 4])
  }

  /// Likewise with the shortcut's: relu(beta + beta), whatever comes in.
  @Test func projectionByHand() throws {
    let block = ResidualBlock(name: "b", inputChannels: 2, outputChannels: 3, stride: 2)
    let shape = FeatureShape(height: 3, width: 3, channels: 2)
    let harness = try LayerHarness(block, input: shape, maximumCount: 1, threads: 1)
    for (index, layer) in zip(
      [1, 2], [block.second.normalization, try #require(block.shortcut).normalization])
    {
      layer.gamma.value.update(repeating: 0)
      for channel in 0..<3 { layer.beta.value[channel] = Float(index * (channel - 1)) }
    }
    #expect(harness.outputShape == FeatureShape(height: 2, width: 2, channels: 3))
    let output = harness.forward(Tensor.random(shape, count: 1))
    expectSame(output.buffer, Array(repeating: [0, 0, 3], count: 4).joined())
  }

  @Test func namesAreTorchvisions() {
    let block = ResidualBlock(name: "layer2.0", inputChannels: 4, outputChannels: 6, stride: 2)
    #expect(
      block.parameters.map(\.name) == [
        "layer2.0.conv1.weight", "layer2.0.bn1.weight", "layer2.0.bn1.bias", "layer2.0.conv2.weight",
        "layer2.0.bn2.weight", "layer2.0.bn2.bias", "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.weight",
        "layer2.0.downsample.1.bias",
      ])
    #expect(
      block.statistics.prefix(3).map(\.name) == [
        "layer2.0.bn1.running_mean", "layer2.0.bn1.running_var", "layer2.0.bn1.num_batches_tracked",
      ])
  }
}

@Suite struct SequentialTests {
  /// (x · 2) averaged, then · 3 + 1.
  @Test func byHand() throws {
    let convolution = Convolution(name: "0", inputChannels: 1, outputChannels: 1, kernelSize: 1)
    let linear = Linear(name: "1", inputs: 1, outputs: 1)
    let shape = FeatureShape(height: 1, width: 2, channels: 1)
    let harness = try LayerHarness(
      Sequential([convolution, GlobalAveragePooling(), linear]), input: shape, maximumCount: 1, threads: 1)
    convolution.weight.value[0] = 2
    linear.weight.value[0] = 3
    linear.bias.value[0] = 1
    expectSame(harness.forward(Tensor(shape, [4, 6])).buffer, [31])
    expectSame(try #require(harness.backward(Tensor(FeatureShape(channels: 1), [1]))), [3, 3])
    expectSame(convolution.weight.gradient, [15])
    expectSame(linear.weight.gradient, [10])
  }

  @Test func joinsItsLayers() throws {
    let sequence = Sequential([
      Convolution(name: "0", inputChannels: 4, outputChannels: 6, kernelSize: 3, padding: 1),
      BatchNormalization(name: "1", channels: 6, relu: true), MaxPooling(kernelSize: 2, stride: 2),
      GlobalAveragePooling(), Linear(name: "2", inputs: 6, outputs: 10),
    ])
    let shape = FeatureShape(height: 5, width: 7, channels: 4)
    #expect(try sequence.outputShape(for: shape) == FeatureShape(channels: 10))
    #expect(try sequence.multiplyAccumulates(for: shape) == 35 * 36 * 6 + 60)
    #expect(sequence.parameters.map(\.name) == ["0.weight", "1.weight", "1.bias", "2.weight", "2.bias"])
    #expect(sequence.statistics.map(\.name) == ["1.running_mean", "1.running_var", "1.num_batches_tracked"])
    #expect(throws: ShapeError.self) {
      try sequence.outputShape(for: FeatureShape(height: 1, width: 1, channels: 4))
    }
  }

  @Test func withoutLayersItIsTheIdentity() throws {
    let shape = FeatureShape(height: 5, width: 7, channels: 4)
    let harness = try LayerHarness(Sequential([]), input: shape, maximumCount: 2, threads: 1)
    let features = Tensor.random(shape, count: 2)
    expectSame(harness.forward(features).buffer, features.buffer)
    expectSame(try #require(harness.backward(features)), features.buffer)
  }
}
