import Compute
import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.all, [1, 2, 3])
  func equalsExplicitLoops(_ row: ConvolutionCase, threads: Int) throws {
    let layer = row.layer()
    let harness = try LayerHarness(
      layer, input: row.shape, maximumCount: row.count, threads: threads, convolution: row.method)
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let reference = try Reference.Convolution(layer, Reference.Features(features))
    let output = harness.forward(features)
    #expect(output.shape == reference.outputShape && output.count == row.count)
    let tolerance = row.method == .im2col ? 1e-5 : 1e-4
    // Relative to the size of sums of so many products.
    func floor(_ channels: Int) -> Double {
      max(1, Double(row.kernelSize * row.kernelSize * channels).squareRoot() / 4)
    }
    expectClose(
      output.buffer, reference.forward().values, tolerance: tolerance, floor: floor(row.inputs), "output")

    let gradient = Tensor.random(output.shape, count: row.count, seed: 2)
    let expected = reference.backward(Reference.Features(gradient))
    expectClose(
      try #require(harness.backward(gradient)), expected.input.values, tolerance: tolerance, floor: floor(row.outputs),
      "input gradient")
    let sums = Double(row.count * row.shape.positions).squareRoot()
    expectClose(layer.weight.gradient, expected.weight, tolerance: tolerance, floor: sums, "weight gradient")
    if let bias = layer.bias { expectClose(bias.gradient, expected.bias, floor: sums, "bias gradient") }
  }

  /// As the cases below: each is computed as it says.
  @Test(arguments: ConvolutionCase.winograd) func theWinogradCasesAreWinograds(_ row: ConvolutionCase) throws {
    #expect(try row.layer().method(for: row.shape, preferred: .winograd) == .winograd)
  }

  /// The cases are what their name says: more than two tiles, the last one not full, for every number of workers.
  @Test(arguments: ConvolutionCase.tiled) func theTiledCasesNeedSeveralTiles(_ row: ConvolutionCase) throws {
    let rows = row.count * (try row.layer().outputShape(for: row.shape)).positions
    #expect(rows > 512 && rows % ConvolutionGeometry.tileRows != 0)
    #expect(rows / 3 > ConvolutionGeometry.tileRows)
  }

  @Test(arguments: ConvolutionCase.expanded) func theExpandedCasesAreExpanded(_ row: ConvolutionCase) throws {
    let geometry = try #require(
      ConvolutionGeometry(
        input: row.shape, kernelSize: row.kernelSize, stride: row.stride, padding: row.padding))
    #expect(geometry.expandsRows && geometry.slices == row.kernelSize)
    #expect(geometry.outputPositions > ConvolutionGeometry.tileRows)
  }

  static func byHand(bias: Bool) throws -> (Convolution, LayerHarness, Tensor) {
    let layer = Convolution(name: "c", inputChannels: 1, outputChannels: 1, kernelSize: 2, bias: bias)
    let shape = FeatureShape(height: 3, width: 3, channels: 1)
    let harness = try LayerHarness(layer, input: shape, maximumCount: 1, threads: 1)
    for index in 0..<4 { layer.weight.value[index] = Float(index + 1) }
    layer.bias?.value[0] = 10
    return (layer, harness, Tensor(shape, [1, 2, 3, 4, 5, 6, 7, 8, 9]))
  }

  @Test func byHand() throws {
    // 1 2 3
    // 4 5 6   under   1 2
    // 7 8 9           3 4
    let (layer, harness, features) = try Self.byHand(bias: true)
    expectSame(harness.forward(features).buffer, [47, 57, 77, 87])  // 1·1 + 2·2 + 4·3 + 5·4 + 10, …
    let gradient = Tensor(FeatureShape(height: 2, width: 2, channels: 1), [1, 0, 0, 2])
    let inputGradient = try #require(harness.backward(gradient))
    expectSame(inputGradient, [1, 2, 0, 3, 6, 4, 0, 6, 8])  // the 6 is under both
    expectSame(layer.weight.gradient, [11, 14, 20, 23])  // 1 · (1 2 4 5) + 2 · (5 6 8 9)
    expectSame(try #require(layer.bias).gradient, [3])
  }

  @Test func byHandWithoutBias() throws {
    let (_, harness, features) = try Self.byHand(bias: false)
    expectSame(harness.forward(features).buffer, [37, 47, 67, 77])
  }

  /// One pixel of two channels to three: weights are [input, output].
  @Test func pointwiseByHand() throws {
    let layer = Convolution(name: "c", inputChannels: 2, outputChannels: 3, kernelSize: 1)
    let harness = try LayerHarness(layer, input: FeatureShape(channels: 2), maximumCount: 1, threads: 2)
    for index in 0..<6 { layer.weight.value[index] = Float(index + 1) }  // 1 2 3 / 4 5 6
    expectSame(harness.forward(Tensor(FeatureShape(channels: 2), [10, 1])).buffer, [14, 25, 36])
    expectSame(try #require(harness.backward(Tensor(FeatureShape(channels: 3), [1, 0, 2]))), [7, 16])
    expectSame(layer.weight.gradient, [10, 0, 20, 1, 0, 2])
  }

  /// A kernel of zeros around a one leaves the image as it is.
  @Test(arguments: [1, 3, 7]) func identityKernel(kernelSize: Int) throws {
    let layer = Convolution(
      name: "c", inputChannels: 1, outputChannels: 1, kernelSize: kernelSize, padding: kernelSize / 2)
    let shape = FeatureShape(height: 5, width: 8, channels: 1)
    let harness = try LayerHarness(layer, input: shape, maximumCount: 2, threads: 2)
    layer.weight.value.update(repeating: 0)
    layer.weight.value[kernelSize * kernelSize / 2] = 1
    let features = Tensor.random(shape, count: 2)
    expectSame(harness.forward(features).buffer, features.buffer)
    expectSame(try #require(harness.backward(features)), features.buffer)
  }

  /// Sobel's kernel on a ramp to the right: slope 1 times 8.
  @Test func sobelKernel() throws {
    let layer = Convolution(name: "c", inputChannels: 1, outputChannels: 1, kernelSize: 3)
    let shape = FeatureShape(height: 4, width: 6, channels: 1)
    let harness = try LayerHarness(layer, input: shape, maximumCount: 1, threads: 1)
    for (index, weight) in [-1, 0, 1, -2, 0, 2, -1, 0, 1].enumerated() {
      layer.weight.value[index] = Float(weight)
    }
    let ramp = Tensor(shape, (0..<24).map { Float($0 % 6) })
    expectSame(harness.forward(ramp).buffer, Array(repeating: 8, count: 8))
  }

  @Test func refusesWhatItCannotTake() throws {
    let layer = Convolution(name: "c", inputChannels: 4, outputChannels: 6, kernelSize: 7, padding: 1)
    #expect(
      throws: ShapeError("convolution 7x7, 4 -> 6, padding 1 cannot take features of shape 9x9x3")
    ) { try layer.outputShape(for: FeatureShape(height: 9, width: 9, channels: 3)) }
    #expect(
      throws: ShapeError(
        "convolution 7x7, 4 -> 6, padding 1: features of shape 4x9x4 are smaller than the kernel")
    ) { try layer.outputShape(for: FeatureShape(height: 4, width: 9, channels: 4)) }
  }

  @Test func countsMultiplyAccumulates() throws {
    let layer = Convolution(
      name: "c", inputChannels: 4, outputChannels: 6, kernelSize: 3, stride: 2, padding: 1)
    #expect(
      try layer.multiplyAccumulates(for: FeatureShape(height: 5, width: 7, channels: 4)) == 3 * 4 * 9 * 4 * 6)
  }
}
