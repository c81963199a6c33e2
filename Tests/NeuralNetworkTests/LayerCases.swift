import Compute
import NeuralNetwork
import Testing

/// A layer with features that it takes. All sides differ, so that an exchanged axis cannot pass.
struct LayerCase: Sendable, CustomTestStringConvertible {
  var name: String
  var shape: FeatureShape
  var count: Int
  /// It has corners: a ReLU or a maximum.
  var hasKinks = false
  /// It has corners inside, where one value moves many: central differences are taken where batch normalization keeps
  /// everything far away from them, every other channel above and below.
  var farFromKinks = false
  /// The output is linear in each value alone, so that a large step is exact.
  var isLinear = false
  /// So large that central differences are taken of a few values only.
  var isLarge = false
  var convolution = ConvolutionMethod.im2col
  var make: @Sendable () -> any Layer

  var testDescription: String { "\(name) on \(count)x\(shape)" }

  func harness(threads: Int, maximumCount: Int? = nil) throws -> LayerHarness {
    try LayerHarness(
      make(), input: shape, maximumCount: maximumCount ?? count, threads: threads,
      convolution: convolution)
  }
}

struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var count = 3
  var height = 5
  var width = 7
  var inputs = 4
  var outputs = 6
  var kernelSize: Int
  var stride = 1
  var padding = 0
  var bias = false
  var method = ConvolutionMethod.im2col

  var shape: FeatureShape { FeatureShape(height: height, width: width, channels: inputs) }

  var testDescription: String {
    "convolution \(kernelSize)x\(kernelSize), \(inputs) -> \(outputs), stride \(stride), padding \(padding)"
      + (bias ? ", bias" : "") + (method == .im2col ? "" : ", \(method)") + " on \(count)x\(shape)"
  }

  func layer() -> Convolution {
    Convolution(
      name: "convolution", inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize,
      stride: stride,
      padding: padding, bias: bias)
  }

  static let small: [ConvolutionCase] = [
    ConvolutionCase(kernelSize: 1),
    ConvolutionCase(kernelSize: 1, bias: true),
    ConvolutionCase(kernelSize: 1, stride: 2),
    ConvolutionCase(kernelSize: 1, padding: 1),
    ConvolutionCase(kernelSize: 3),
    ConvolutionCase(kernelSize: 3, padding: 1),
    ConvolutionCase(kernelSize: 3, padding: 1, bias: true),
    ConvolutionCase(kernelSize: 3, padding: 2),
    ConvolutionCase(kernelSize: 3, padding: 3),
    ConvolutionCase(kernelSize: 3, stride: 2, padding: 1),
    ConvolutionCase(height: 6, width: 8, kernelSize: 3, stride: 2, padding: 1, bias: true),
    ConvolutionCase(height: 4, width: 9, kernelSize: 2, stride: 3),
    ConvolutionCase(count: 2, height: 8, width: 9, inputs: 2, outputs: 3, kernelSize: 7),
    ConvolutionCase(
      count: 2, height: 4, width: 5, inputs: 2, outputs: 3, kernelSize: 7, padding: 3, bias: true),
    ConvolutionCase(
      count: 2, height: 9, width: 10, inputs: 3, outputs: 5, kernelSize: 7, stride: 2, padding: 3),
    // Fewer images than workers, and fewer positions.
    ConvolutionCase(count: 1, kernelSize: 3, stride: 2, padding: 1),
    ConvolutionCase(count: 1, height: 1, width: 2, kernelSize: 3, padding: 1, bias: true),
  ]

  /// More than `ConvolutionGeometry.tileRows` (256) positions for each of three workers, in no multiple of it.
  static let tiled: [ConvolutionCase] = [
    ConvolutionCase(
      count: 7, height: 11, width: 13, inputs: 2, outputs: 3, kernelSize: 3, padding: 1, bias: true),
    ConvolutionCase(count: 7, height: 11, width: 13, inputs: 3, outputs: 2, kernelSize: 1),
    ConvolutionCase(
      count: 7, height: 23, width: 25, inputs: 1, outputs: 3, kernelSize: 3, stride: 2, padding: 1),
  ]
}

extension ConvolutionCase {
  /// Input rows are expanded: 64 values or more under a kernel row, and images of more than a tile.
  static let expanded: [ConvolutionCase] = [
    ConvolutionCase(
      count: 1, height: 17, width: 19, inputs: 22, outputs: 3, kernelSize: 3, padding: 1, bias: true),
    ConvolutionCase(count: 2, height: 21, width: 20, inputs: 32, outputs: 2, kernelSize: 2),
    ConvolutionCase(count: 1, height: 16, width: 17, inputs: 33, outputs: 2, kernelSize: 2, padding: 1),
  ]

  /// Tiles whole and cut off; as many lines of them as workers, and fewer.
  static let winograd: [ConvolutionCase] = [
    winograd(count: 2, 5, 7, padding: 1),
    winograd(count: 2, 7, 13, padding: 1, bias: true),
    winograd(count: 1, 13, 5, padding: 0),
    winograd(count: 2, 4, 6, padding: 2),
    winograd(count: 2, 8, 8, inputs: 32, outputs: 16, padding: 1),
    winograd(count: 3, 4, 4, padding: 1),
    winograd(count: 1, 5, 5, padding: 0),
    winograd(count: 1, 3, 2, padding: 1),
    winograd(count: 2, 5, 7, stride: 2, padding: 1, bias: true),
    winograd(count: 3, 8, 8, inputs: 32, outputs: 16, stride: 2, padding: 1),
    winograd(count: 1, 14, 9, outputs: 32, stride: 2, padding: 1),
  ]

  private static func winograd(
    count: Int, _ height: Int, _ width: Int, inputs: Int = 16, outputs: Int = 16, stride: Int = 1,
    padding: Int, bias: Bool = false
  ) -> ConvolutionCase {
    ConvolutionCase(
      count: count, height: height, width: width, inputs: inputs, outputs: outputs, kernelSize: 3,
      stride: stride, padding: padding, bias: bias, method: .winograd)
  }

  static let all = small + tiled + expanded + winograd
}

extension LayerCase {
  static let shape = FeatureShape(height: 5, width: 7, channels: 4)

  static let convolutions = ConvolutionCase.all.map { row in
    LayerCase(
      name: row.testDescription, shape: row.shape, count: row.count, isLinear: true,
      isLarge: row.count * row.shape.positions > 1000, convolution: row.method
    ) { row.layer() }
  }

  static let others: [LayerCase] = [
    LayerCase(name: "batch normalization", shape: shape, count: 3) {
      BatchNormalization(name: "normalization", channels: 4, relu: false)
    },
    LayerCase(name: "batch normalization + relu", shape: shape, count: 3, hasKinks: true) {
      BatchNormalization(name: "normalization", channels: 4, relu: true)
    },
    LayerCase(name: "batch normalization, batch of one", shape: shape, count: 1) {
      BatchNormalization(name: "normalization", channels: 4, relu: false)
    },
    LayerCase(name: "batch normalization of vectors", shape: FeatureShape(channels: 3), count: 7) {
      BatchNormalization(name: "normalization", channels: 3, relu: false)
    },
    LayerCase(name: "relu", shape: shape, count: 3, hasKinks: true) { ReLU() },
    LayerCase(name: "max pooling 2x2", shape: shape, count: 3, hasKinks: true) {
      MaxPooling(kernelSize: 2, stride: 2)
    },
    LayerCase(name: "max pooling 3x3/2", shape: shape, count: 3, hasKinks: true) {
      MaxPooling(kernelSize: 3, stride: 2, padding: 1)
    },
    LayerCase(
      name: "max pooling 3x3/2, even sides", shape: FeatureShape(height: 6, width: 8, channels: 3), count: 2,
      hasKinks: true
    ) { MaxPooling(kernelSize: 3, stride: 2, padding: 1) },
    LayerCase(name: "global average pooling", shape: shape, count: 3, isLinear: true) {
      GlobalAveragePooling()
    },
    LayerCase(name: "linear", shape: FeatureShape(height: 2, width: 3, channels: 4), count: 5, isLinear: true) {
      Linear(name: "linear", inputs: 24, outputs: 7)
    },
    LayerCase(
      name: "max pooling 2x2, even sides", shape: FeatureShape(height: 6, width: 8, channels: 19), count: 2,
      hasKinks: true
    ) {
      MaxPooling(kernelSize: 2, stride: 2)
    },
    LayerCase(name: "normalized convolution", shape: shape, count: 3) {
      NormalizedConvolution(
        Convolution(name: "0", inputChannels: 4, outputChannels: 6, kernelSize: 3, padding: 1),
        BatchNormalization(name: "1", channels: 6, relu: false))
    },
    LayerCase(
      name: "normalized convolutions that overwrite their inputs", shape: shape, count: 3, farFromKinks: true
    ) {
      Sequential([
        NormalizedConvolution(
          Convolution(name: "0", inputChannels: 4, outputChannels: 6, kernelSize: 3, padding: 1),
          BatchNormalization(name: "1", channels: 6, relu: true), overwritesInput: true),
        NormalizedConvolution(
          Convolution(name: "2", inputChannels: 6, outputChannels: 5, kernelSize: 3, stride: 2, padding: 1),
          BatchNormalization(name: "3", channels: 5, relu: true), overwritesInput: true),
      ])
    },
    LayerCase(name: "normalized convolution, stride 2, relu", shape: shape, count: 3, farFromKinks: true) {
      NormalizedConvolution(
        Convolution(name: "0", inputChannels: 4, outputChannels: 6, kernelSize: 3, stride: 2, padding: 1),
        BatchNormalization(name: "1", channels: 6, relu: true))
    },
    LayerCase(name: "residual block, identity", shape: shape, count: 3, farFromKinks: true) {
      ResidualBlock(name: "block", inputChannels: 4, outputChannels: 4, stride: 1)
    },
    LayerCase(name: "residual block, other channels", shape: shape, count: 3, farFromKinks: true) {
      ResidualBlock(name: "block", inputChannels: 4, outputChannels: 6, stride: 1)
    },
    LayerCase(name: "residual block, stride 2", shape: shape, count: 3, farFromKinks: true) {
      ResidualBlock(name: "block", inputChannels: 4, outputChannels: 4, stride: 2)
    },
    LayerCase(name: "residual block, stride 2, other channels", shape: shape, count: 3, farFromKinks: true) {
      ResidualBlock(name: "block", inputChannels: 4, outputChannels: 6, stride: 2)
    },
    LayerCase(name: "sequential", shape: shape, count: 3, farFromKinks: true) {
      Sequential([
        Convolution(name: "0", inputChannels: 4, outputChannels: 6, kernelSize: 3, padding: 1),
        BatchNormalization(name: "1", channels: 6, relu: false),
        ReLU(),
        Convolution(
          name: "2", inputChannels: 6, outputChannels: 5, kernelSize: 3, stride: 2, padding: 1, bias: true),
        BatchNormalization(name: "3", channels: 5, relu: true),
        GlobalAveragePooling(),
        Linear(name: "4", inputs: 5, outputs: 8),
      ])
    },
  ]

  /// Layers whose convolutions are Winograd's.
  static let winograd: [LayerCase] = [
    LayerCase(
      name: "normalized convolutions that overwrite their inputs, winograd", shape: winogradShape, count: 3,
      farFromKinks: true, convolution: .winograd
    ) {
      Sequential([
        NormalizedConvolution(
          Convolution(name: "0", inputChannels: 16, outputChannels: 32, kernelSize: 3, padding: 1),
          BatchNormalization(name: "1", channels: 32, relu: true), overwritesInput: true),
        NormalizedConvolution(
          Convolution(name: "2", inputChannels: 32, outputChannels: 16, kernelSize: 3, padding: 1),
          BatchNormalization(name: "3", channels: 16, relu: true), overwritesInput: true),
      ])
    },
    LayerCase(
      name: "residual block, identity, winograd", shape: winogradShape, count: 3, farFromKinks: true,
      convolution: .winograd
    ) { ResidualBlock(name: "block", inputChannels: 16, outputChannels: 16, stride: 1) },
    LayerCase(
      name: "residual block, stride 2, winograd", shape: winogradShape, count: 3,
      farFromKinks: true, convolution: .winograd
    ) { ResidualBlock(name: "block", inputChannels: 16, outputChannels: 16, stride: 2) },
  ]

  private static let winogradShape = FeatureShape(height: 5, width: 7, channels: 16)

  static let all = convolutions + others + winograd
}
