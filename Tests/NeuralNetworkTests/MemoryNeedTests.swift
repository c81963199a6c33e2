import Compute
import Testing

@testable import NeuralNetwork

/// What layers say that they take, by hand.
@Suite struct MemoryNeedTests {
  private let shape = FeatureShape(height: 8, width: 8, channels: 4)

  private func need(_ layer: any Layer, images: Int = 2) throws -> MemoryNeed {
    try layer.memoryNeed(for: shape, images: images, ComputeSettings(threads: 1))
  }

  @Test func singleLayers() throws {
    let values = 8 * 8 * 4
    let pooling = try need(MaxPooling(kernelSize: 2, stride: 2))
    // A quarter of the values, and a byte for each.
    #expect(pooling.features == 2 * (values / 4 + values / 16))
    #expect(pooling.lent == [2 * values, 2 * values / 4])
    let convolution = try need(
      Convolution(name: "c", inputChannels: 4, outputChannels: 6, kernelSize: 3, padding: 1, bias: true))
    #expect(convolution.features == 2 * 8 * 8 * 6)
    #expect(convolution.parameters == 9 * 4 * 6 + 6)
    #expect(convolution.scratch == [ConvolutionGeometry.tileRows * 9 * 6, 9 * 4 * 6])
    let linear = try need(Linear(name: "l", inputs: values, outputs: 3))
    #expect(linear.parameters == 3 * values + 3)
    #expect(linear.features == 2 * 3)
  }

  @Test func layersShareWhatTheyDoNotKeep() throws {
    let first = MaxPooling(kernelSize: 2, stride: 2)
    let second = GlobalAveragePooling()
    let both = try need(Sequential([first, second]))
    #expect(try both.features == need(first).features + 2 * 4)
    #expect(try both.lent == need(first).lent)
    #expect(both.bytes(threads: 3) == 4 * (both.features + both.lent[0] + both.lent[1]))
  }

  @Test func featuresGrowWithTheBatchAndParametersDoNot() throws {
    for architecture in Architecture.allCases {
      let network = try SplitNetwork(
        SplitNetwork.Configuration(
          architecture: architecture, cut: 1, exitHead: .pool, input: FeatureShape(height: 32, width: 32, channels: 3),
          classes: 10))
      func need(_ images: Int) throws -> MemoryNeed {
        try network.rest.memoryNeed(for: network.cutShape, images: images, ComputeSettings(threads: 2))
      }
      let (small, large) = (try need(64), try need(640))
      #expect(large.parameters == network.rest.parameters.reduce(0) { $0 + $1.count })
      #expect(large.parameters == small.parameters)
      // Who shares what depends on the batch; blocks have the size that the caches like.
      #expect(large.scratch.reduce(0, +) <= 4 * small.scratch.reduce(0, +))
      #expect(large.features == 10 * small.features && large.lent == small.lent.map { 10 * $0 })
    }
  }
}
