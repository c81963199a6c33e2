import Compute
import TestSupport
import Testing

@testable import NeuralNetwork

/// Winograd's convolution against the others, which `ConvolutionTests` and `PositionwiseConvolutionTests` hold against
/// explicit loops.
@Suite struct WinogradConvolutionTests {
  struct Shape: Hashable, Sendable, CustomStringConvertible {
    var input: FeatureShape
    var outputs: Int
    var stride = 1

    var description: String { "\(input) -> \(outputs), stride \(stride)" }

    func layer() -> Convolution {
      Convolution(
        name: "c", inputChannels: input.channels, outputChannels: outputs, kernelSize: 3, stride: stride, padding: 1)
    }
  }

  /// Those of the convolutions of all architectures that are computed like this, and some with odd sides.
  static let shapes: [Shape] = {
    var shapes: Set<Shape> = []
    for architecture in Architecture.allCases {
      let network = Sequential(Array(architecture.blocks(channels: 3).joined()))
      for (layer, input) in (try? network.convolutions(for: Architecture.imageShape)) ?? []
      where (try? layer.method(for: input, preferred: .winograd)) == .winograd {
        shapes.insert(Shape(input: input, outputs: layer.outputChannels, stride: layer.stride))
      }
    }
    for side in [5, 7, 13] {
      shapes.insert(Shape(input: FeatureShape(height: side, width: side, channels: 16), outputs: 48))
    }
    for (height, width) in [(5, 5), (6, 17), (13, 10), (9, 24)] {
      shapes.insert(Shape(input: FeatureShape(height: height, width: width, channels: 16), outputs: 48, stride: 2))
    }
    return shapes.sorted { ($0.input.values, $0.outputs, $0.stride) < ($1.input.values, $1.outputs, $1.stride) }
  }()

  @Test func theNetworksHaveSuchLayers() {
    let side = Set(Self.shapes.map(\.input.height))
    #expect(side.isSuperset(of: [32, 16, 8, 4]), "\(Self.shapes)")
    #expect(Self.shapes.contains { $0.input.channels == 512 && $0.outputs == 512 })
    #expect(Set(Self.shapes.filter { $0.stride == 2 }.map(\.input.height)).isSuperset(of: [32, 16, 8]))
  }

  /// Output and all gradients within 1e-4 of the largest value of im2col's.
  @Test(arguments: shapes) func equalsIm2col(_ shape: Shape) throws {
    let count = shape.input.positions >= 256 ? 1 : 2
    func run(_ method: ConvolutionMethod) throws -> [(name: String, values: [Float])] {
      let harness = try LayerHarness(
        shape.layer(), input: shape.input, maximumCount: count, threads: 2, convolution: method)
      let output = harness.forward(Tensor.random(shape.input, count: count, seed: 1))
      let forward = Array(output.buffer)
      let gradient = Tensor.random(harness.outputShape, count: count, seed: 2)
      let input = try #require(harness.backward(gradient))
      return [
        ("output", forward), ("input gradient", input), ("weight gradient", harness.parameterGradients),
      ]
    }
    for (winograd, im2col) in zip(try run(.winograd), try run(.im2col)) {
      let largest = im2col.values.reduce(0) { max($0, abs($1)) }
      expectClose(
        winograd.values, im2col.values.map(Double.init), tolerance: 1e-4, floor: Double(largest),
        winograd.name)
    }
  }

  /// Fewer lines of tiles than workers, so that some have nothing to do, the first among them.
  @Test(arguments: [1, 2]) func fewerLinesThanWorkers(stride: Int) throws {
    let side = 4 * stride
    let shape = Shape(input: FeatureShape(height: side, width: side, channels: 16), outputs: 16, stride: stride)
    try expectEqual(shape, count: 1, threads: 5, floor: 10)
  }

  /// Workers that share the lines and the channels, two by two.
  @Test(arguments: [1, 2]) func groupsOfLinesAndOfChannels(stride: Int) throws {
    let side = 8 * stride
    let shape = Shape(input: FeatureShape(height: side, width: side, channels: 64), outputs: 64, stride: stride)
    let geometry = try #require(ConvolutionGeometry(input: shape.input, kernelSize: 3, stride: stride, padding: 1))
    let pass = WinogradPass(
      WinogradTiling(geometry, outputChannels: 64), columns: 64, workers: 4, maximumCount: 8)
    #expect(pass.partition.tileGroups == 2 && pass.partition.columns(of: 1) == 32..<64)
    try expectEqual(shape, count: 8, threads: 4, floor: 30)
  }

  /// Output and gradients of some of at most eight images, by so many threads, against one thread without Winograd.
  private func expectEqual(_ shape: Shape, count: Int, threads: Int, floor: Double) throws {
    func run(_ method: ConvolutionMethod, threads: Int) throws -> [Float] {
      let layer = shape.layer()
      let harness = try LayerHarness(
        layer, input: shape.input, maximumCount: 8, threads: threads, convolution: method)
      let output = Array(harness.forward(Tensor.random(shape.input, count: count, seed: 1)).buffer)
      let input = try #require(harness.backward(Tensor.random(harness.outputShape, count: count, seed: 2)))
      return output + input + layer.weight.gradient
    }
    expectClose(
      try run(.winograd, threads: threads), try run(.im2col, threads: 1).map(Double.init), tolerance: 1e-4,
      floor: floor, "\(count) images, \(threads) threads")
  }

  @Test func appliesToSomeConvolutionsOnly() throws {
    func method(
      inputs: Int = 16, outputs: Int = 16, kernelSize: Int = 3, stride: Int = 1, padding: Int = 1,
      preferred: ConvolutionMethod = .winograd
    ) throws -> ConvolutionMethod {
      try Convolution(
        name: "c", inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, stride: stride,
        padding: padding
      ).method(for: FeatureShape(height: 8, width: 8, channels: inputs), preferred: preferred)
    }
    #expect(try method() == .winograd)
    #expect(try method(preferred: .im2col) == .im2col)
    #expect(try method(inputs: 3) == .im2col)
    #expect(try method(outputs: 24) == .im2col)
    #expect(try method(kernelSize: 1, padding: 0) == .im2col)
    #expect(try method(kernelSize: 5, padding: 2) == .im2col)
    #expect(try method(stride: 2) == .winograd)
    #expect(try method(stride: 2, padding: 0) == .im2col)
    #expect(try method(stride: 3) == .im2col)
    #expect(try method(padding: 3) == .im2col)
  }

  /// Blocks: as many images as fill one, then the rest.
  @Test(arguments: [1, 2]) func severalBlocks(stride: Int) throws {
    let side = 8 * stride
    let shape = Shape(input: FeatureShape(height: side, width: side, channels: 128), outputs: 80, stride: stride)
    let count = 101
    func run(_ method: ConvolutionMethod, threads: Int) throws -> (output: [Float], gradients: [Float]) {
      let harness = try LayerHarness(
        shape.layer(), input: shape.input, maximumCount: count, threads: threads, convolution: method)
      let output = Array(harness.forward(Tensor.random(shape.input, count: count, seed: 1)).buffer)
      let gradient = Tensor.random(harness.outputShape, count: count, seed: 2)
      let input = try #require(harness.backward(gradient))
      return (output, input + harness.parameterGradients)
    }
    let im2col = try run(.im2col, threads: 1)
    let winograd = try run(.winograd, threads: 3)
    expectClose(winograd.output, im2col.output.map(Double.init), tolerance: 1e-4, floor: 30, "output")
    expectClose(
      winograd.gradients, im2col.gradients.map(Double.init), tolerance: 1e-4, floor: 30, "gradients")
    let again = try run(.winograd, threads: 3)
    expectSame(again.output, winograd.output, "output, again")
    expectSame(again.gradients, winograd.gradients, "gradients, again")
  }
}
