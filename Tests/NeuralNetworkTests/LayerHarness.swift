import NeuralNetwork
import TestSupport

@testable import Compute

/// A layer that runs as in a network, except that all memory whose contents it must not rely on holds not-a-number: the
/// parameters' gradients, the gradients that the pool lends, the workers' scratch memory, and the output of an earlier
/// pass.
final class LayerHarness {
  let layer: any Layer
  let context: ComputeContext
  let inputShape: FeatureShape
  let outputShape: FeatureShape
  /// What the layer read last; some layers work in place.
  private let input: Tensor
  private let lent: [Tensor]

  /// Parameters get random values, statistics their initial ones.
  init(
    _ layer: any Layer, input shape: FeatureShape, maximumCount: Int, threads: Int,
    convolution: ConvolutionMethod = .im2col
  ) throws {
    self.layer = layer
    context = try ComputeContext(ComputeSettings(threads: threads, convolution: convolution))
    inputShape = shape
    input = Tensor(shape, count: maximumCount)
    outputShape = try layer.outputShape(for: shape)
    try layer.prepare(for: shape, maximumCount: maximumCount, context: context)
    for (index, parameter) in layer.parameters.enumerated() {
      parameter.value.fillRandomly(seed: UInt64(100 + index), deviation: 0.7)
    }
    for statistic in layer.statistics { statistic.initialize(seed: 0) }
    let size = FeatureShape(channels: 4 * max(shape.values, outputShape.values))
    lent = (0..<4).map { _ in Tensor(size, count: maximumCount) }
    lent.forEach(context.gradients.give)
  }

  /// Batch normalization then gives about 5 or -5, and a ReLU after it nothing near its corner.
  func moveFarFromKinks() {
    for parameter in layer.parameters {
      guard case .constant(let initial) = parameter.initialization else { continue }
      for channel in parameter.value.indices {
        let sign: Float = channel % 2 == 0 ? 1 : -1
        parameter.value[channel] =
          initial == 1 ? -0.3 - 0.1 * Float(channel % 3) : sign * (5 + 0.1 * Float(channel))
      }
    }
  }

  func forward(_ features: Tensor, training: Bool = true) -> Tensor {
    input.copy(from: features)
    context.scratch.joined().forEach(spoil)
    return layer.forward(input, training: training)
  }

  /// - Returns: a copy of the input's gradient; nil if the layer gave none.
  func backward(_ outputGradient: Tensor, needsInputGradient: Bool = true) -> [Float]? {
    for parameter in layer.parameters { parameter.gradient.update(repeating: .nan) }
    lent.forEach(spoil)
    context.scratch.joined().forEach(spoil)
    let gradient = context.gradients.take(outputGradient.shape, count: outputGradient.count)
    gradient.copy(from: outputGradient)
    let inputGradient = layer.backward(gradient, needsInputGradient: needsInputGradient)
    defer { inputGradient?.release() }
    return inputGradient.map { Array($0.buffer) }
  }

  private func spoil(_ tensor: Tensor) { tensor.data.update(repeating: .nan, count: tensor.capacity) }

  /// The gradients of all parameters, one after the other.
  var parameterGradients: [Float] { layer.parameters.flatMap { Array($0.gradient) } }
}
