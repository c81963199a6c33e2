import Compute
import TestSupport
import Testing

@testable import NeuralNetwork

/// The convolution that leaves out the padding, against explicit loops.
@Suite struct PositionwiseConvolutionTests {
  static let cases = [
    ConvolutionCase(count: 33, height: 2, width: 2, inputs: 32, outputs: 40, kernelSize: 3, padding: 1),
    ConvolutionCase(count: 70, height: 4, width: 3, inputs: 33, outputs: 66, kernelSize: 3, padding: 1, bias: true),
    ConvolutionCase(count: 32, height: 6, width: 5, inputs: 32, outputs: 8, kernelSize: 3, stride: 2, padding: 1),
    ConvolutionCase(count: 37, height: 6, width: 5, inputs: 32, outputs: 8, kernelSize: 1, stride: 2),
    ConvolutionCase(count: 32, height: 4, width: 5, inputs: 32, outputs: 16, kernelSize: 5, padding: 2),
    // Most cells of the kernel are never inside; the last inputs are under none.
    ConvolutionCase(count: 32, height: 1, width: 1, inputs: 32, outputs: 16, kernelSize: 3, padding: 1),
    ConvolutionCase(count: 32, height: 4, width: 4, inputs: 32, outputs: 16, kernelSize: 2, stride: 3),
    // Outputs over padding alone.
    ConvolutionCase(count: 32, height: 2, width: 3, inputs: 32, outputs: 16, kernelSize: 1, padding: 1),
    // More images than blocks of two workers hold, and several panels of outputs.
    ConvolutionCase(count: 130, height: 2, width: 1, inputs: 32, outputs: 72, kernelSize: 3, padding: 1),
  ]

  @Test(arguments: cases, [1, 2, 3]) func equalsExplicitLoops(_ row: ConvolutionCase, threads: Int) throws {
    let geometry = try #require(
      ConvolutionGeometry(input: row.shape, kernelSize: row.kernelSize, stride: row.stride, padding: row.padding))
    #expect(PositionwiseConvolution.applies(to: geometry, maximumCount: row.count))
    try ConvolutionTests().equalsExplicitLoops(row, threads: threads)
  }

  /// Fewer images than workers, these sharing images or channels: as without this way of computing.
  @Test(arguments: [1, 2, 5], [1, 4]) func fewImages(count: Int, threads: Int) throws {
    let shape = FeatureShape(height: 2, width: 2, channels: 64)
    func run(maximumCount: Int, threads: Int) throws -> [Float] {
      let layer = Convolution(name: "c", inputChannels: 64, outputChannels: 128, kernelSize: 3, padding: 1)
      let harness = try LayerHarness(layer, input: shape, maximumCount: maximumCount, threads: threads)
      let output = Array(harness.forward(Tensor.random(shape, count: count, seed: 1)).buffer)
      let gradient = Tensor.random(harness.outputShape, count: count, seed: 2)
      return output + (try #require(harness.backward(gradient))) + layer.weight.gradient
    }
    let usual = try run(maximumCount: count, threads: 1)
    let positionwise = try run(maximumCount: 130, threads: threads)
    expectClose(positionwise, usual.map(Double.init), tolerance: 1e-5, floor: 10, "\(count) images")
    expectSame(try run(maximumCount: 130, threads: threads), positionwise, "again")
  }

  /// Inside layers, which look at parts of the outputs, change parts of the gradients, and add to input gradients: as
  /// with Winograd's filtering, which shares nothing with it.
  @Test(arguments: [1, 4]) func insideLayers(threads: Int) throws {
    let shape = FeatureShape(height: 4, width: 4, channels: 32)
    let layers: [() -> any Layer] = [
      {
        NormalizedConvolution(
          Convolution(name: "0", inputChannels: 32, outputChannels: 96, kernelSize: 3, padding: 1),
          BatchNormalization(name: "1", channels: 96, relu: false))
      }, { ResidualBlock(name: "block", inputChannels: 32, outputChannels: 32, stride: 1) },
    ]
    for make in layers {
      func run(_ method: ConvolutionMethod) throws -> [Float] {
        let harness = try LayerHarness(
          make(), input: shape, maximumCount: 70, threads: threads, convolution: method)
        harness.moveFarFromKinks()
        let output = Array(harness.forward(Tensor.random(shape, count: 70, seed: 1)).buffer)
        let gradient = Tensor.random(harness.outputShape, count: 70, seed: 2)
        return output + (try #require(harness.backward(gradient))) + harness.parameterGradients
      }
      let winograd = try run(.winograd)
      let floor = Double(winograd.reduce(0) { max($0, abs($1)) }) / 10
      expectClose(try run(.im2col), winograd.map(Double.init), tolerance: 1e-4, floor: floor, "\(make().description)")
    }
  }
}
