import Compute

/// Layers one after the other.
package final class Sequential: Layer {
  package let layers: [any Layer]

  package init(_ layers: [any Layer]) { self.layers = layers }

  package var parameters: [Parameter] { layers.flatMap(\.parameters) }
  package var statistics: [Parameter] { layers.flatMap(\.statistics) }
  package var description: String { layers.map(\.description).joined(separator: "; ") }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    try layers.reduce(input) { shape, layer in try layer.outputShape(for: shape) }
  }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    var shape = input
    var total = 0
    for layer in layers {
      total += try layer.multiplyAccumulates(for: shape)
      shape = try layer.outputShape(for: shape)
    }
    return total
  }

  package func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)] {
    var shape = input
    return try layers.flatMap { layer in
      defer { if let output = try? layer.outputShape(for: shape) { shape = output } }
      return try layer.convolutions(for: shape)
    }
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    var shape = input
    for layer in layers {
      try layer.prepare(for: shape, maximumCount: maximumCount, context: context)
      shape = try layer.outputShape(for: shape)
    }
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    layers.reduce(input) { features, layer in layer.forward(features, training: training) }
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    var gradient: Tensor? = outputGradient
    for (index, layer) in layers.enumerated().reversed() {
      guard let current = gradient else { preconditionFailure("\(layer.description): no gradient arrives") }
      gradient = layer.backward(current, needsInputGradient: index > 0 || needsInputGradient)
    }
    return gradient
  }
}
