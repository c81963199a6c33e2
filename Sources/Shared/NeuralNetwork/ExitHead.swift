import Compute

/// The early exit: what the edge trains the front through.
package enum ExitHead: String, Codable, CaseIterable, Sendable {
  /// Global average pooling and a linear layer.
  case pool
  /// A 3×3 convolution c -> c with batch normalization and ReLU, then as `pool`.
  case conv
  /// A 3×3 convolution c -> 2c with batch normalization and ReLU, 2×2 max pooling, a convolution 2c -> 2c
  /// likewise, then as `pool`.
  case deep

  /// The layers for features of a shape.
  ///
  /// - Throws: `ShapeError` if the features are too small for the head.
  func layers(for features: FeatureShape) throws -> [any Layer] {
    let channels = features.channels
    switch self {
    case .pool:
      return classifier(inputs: channels)
    case .conv:
      return [convolution(0, channels, channels)] + classifier(inputs: channels)
    case .deep:
      guard features.height >= 2 && features.width >= 2 else {
        throw ShapeError(
          "the exit head deep pools 2x2, but the features at this cut are \(features): take an earlier cut or --exit-head conv"
        )
      }
      return [
        convolution(0, channels, 2 * channels, pooled: true), MaxPooling(kernelSize: 2, stride: 2),
        convolution(4, 2 * channels, 2 * channels),
      ] + classifier(inputs: 2 * channels)
    }
  }

  /// Numbered as a PyTorch `Sequential` of convolution, batch normalization, ReLU and pooling.
  private func convolution(_ number: Int, _ inputs: Int, _ outputs: Int, pooled: Bool = false) -> any Layer {
    NormalizedConvolution(
      Convolution(
        name: "exit.features.\(number)", inputChannels: inputs, outputChannels: outputs, kernelSize: 3,
        padding: 1),
      BatchNormalization(
        name: "exit.features.\(number + 1)", channels: outputs, relu: true, isOutputTransient: pooled))
  }

  private func classifier(inputs: Int) -> [any Layer] {
    [GlobalAveragePooling(), Linear(name: "exit.classifier", inputs: inputs, outputs: Architecture.classes)]
  }
}
