import Compute

/// The early exit: what the edge trains the front through.
package enum ExitHead: String, Codable, CaseIterable, Sendable {
  /// Global average pooling and a linear layer.
  case pool
  /// A 3×3 convolution c -> c with batch normalization and ReLU, then as `pool`.
  case conv
  /// A 3×3 convolution c -> 2c with batch normalization and ReLU, 2×2 max pooling, a convolution 2c -> 2c likewise,
  /// then as `pool`.
  case deep
  /// 3×3 convolutions with batch normalization and ReLU, 2×2 max pooling between them until the features are 4×4 or
  /// smaller, then as `pool`. The last convolution has twice the channels that the cut has without a bottleneck, each
  /// earlier one half as many as the next: a bottleneck narrows what travels, not what trains the front.
  case pyramid
  /// Residual blocks of stride 2, at least one, until the features are 4×4 or smaller, then as `pool`. The first has
  /// twice the channels that the cut has without a bottleneck, each later one twice as many as the one before: the
  /// first block of each stage of ResNet-18 that is still to come.
  case residual

  /// The layers for features of a shape.
  ///
  /// - Parameters:
  ///   - cutChannels: the channels at the cut in front of the bottleneck, if there is one.
  ///   - classes: how many are told apart.
  /// - Throws: `ShapeError` if the features are too small for the head.
  func layers(for features: FeatureShape, cutChannels: Int, classes: Int) throws -> [any Layer] {
    let widths = try widths(for: features, cutChannels: cutChannels)
    var layers: [any Layer] = []
    var inputs = features.channels
    for (index, width) in widths.enumerated() {
      if self == .residual {
        layers.append(
          ResidualBlock(name: "exit.blocks.\(index)", inputChannels: inputs, outputChannels: width, stride: 2))
      } else {
        if index > 0 { layers.append(MaxPooling(kernelSize: 2, stride: 2)) }
        layers.append(convolution(4 * index, inputs, width, pooled: index < widths.count - 1))
      }
      inputs = width
    }
    return layers + [GlobalAveragePooling(), Linear(name: "exit.classifier", inputs: inputs, outputs: classes)]
  }

  /// The channels of each convolution, with a pooling between one and the next, or of each residual block.
  private func widths(for features: FeatureShape, cutChannels: Int) throws -> [Int] {
    switch self {
    case .pool: return []
    case .conv: return [features.channels]
    case .deep:
      guard features.height >= 2 && features.width >= 2 else {
        throw ShapeError(
          "the exit head deep pools 2x2, but the features at this cut are \(features): take an earlier cut or --exit-head conv"
        )
      }
      return [2 * features.channels, 2 * features.channels]
    case .pyramid:
      var widths = [2 * cutChannels]
      var side = max(features.height, features.width)
      while side > 4 {
        widths.insert(widths[0] / 2, at: 0)
        side /= 2
      }
      return widths
    case .residual:
      var widths = [2 * cutChannels]
      var side = max(features.height, features.width) / 2
      while side > 4 {
        widths.append(2 * widths[widths.count - 1])
        side /= 2
      }
      return widths
    }
  }

  /// Numbered as a PyTorch `Sequential` of convolution, batch normalization, ReLU and pooling.
  private func convolution(_ number: Int, _ inputs: Int, _ outputs: Int, pooled: Bool = false) -> any Layer {
    NormalizedConvolution(
      Convolution(
        name: "exit.features.\(number)", inputChannels: inputs, outputChannels: outputs, kernelSize: 3, padding: 1),
      BatchNormalization(name: "exit.features.\(number + 1)", channels: outputs, relu: true, isOutputTransient: pooled))
  }
}
