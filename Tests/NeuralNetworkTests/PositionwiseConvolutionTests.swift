import Compute
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
  ]

  @Test(arguments: cases, [1, 2, 3]) func equalsExplicitLoops(_ row: ConvolutionCase, threads: Int) throws {
    let geometry = try #require(
      ConvolutionGeometry(input: row.shape, kernelSize: row.kernelSize, stride: row.stride, padding: row.padding))
    #expect(PositionwiseConvolution.applies(to: geometry, maximumCount: row.count))
    try ConvolutionTests().equalsExplicitLoops(row, threads: threads)
  }

  /// More images than a block, fewer than workers, the workers sharing images or channels: the same as image by image.
  @Test(arguments: [1, 2, 5, 130], [1, 4]) func anyNumberOfImages(count: Int, threads: Int) throws {
    let shape = FeatureShape(height: 2, width: 2, channels: 64)
    func run(count: Int, maximumCount: Int, threads: Int) throws -> [Float] {
      let layer = Convolution(name: "c", inputChannels: 64, outputChannels: 128, kernelSize: 3, padding: 1)
      let harness = try LayerHarness(layer, input: shape, maximumCount: maximumCount, threads: threads)
      let output = Array(harness.forward(Tensor.random(shape, count: count, seed: 1)).buffer)
      let gradient = Tensor.random(harness.outputShape, count: count, seed: 2)
      return output + (try #require(harness.backward(gradient))) + layer.weight.gradient
    }
    // With few images at most it is computed as usual.
    let usual = try run(count: count, maximumCount: count < 32 ? count : 31 * 5, threads: 1)
    let positionwise = try run(count: count, maximumCount: 130, threads: threads)
    expectClose(positionwise, usual.map(Double.init), tolerance: 1e-5, floor: 10, "\(count) images")
    expectSame(try run(count: count, maximumCount: 130, threads: threads), positionwise, "again")
  }
}
