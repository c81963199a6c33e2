import Compute

/// The basic block of ResNet (He et al., *Deep Residual Learning*, 2015, figure 2 and section 3.3, option B):
/// `relu(main(x) + shortcut(x))`, where `main` is two 3×3 convolutions with batch normalization, and the shortcut is
/// the identity or, where the shape changes, a 1×1 convolution with batch normalization.
package final class ResidualBlock: Layer {
  package let first: NormalizedConvolution
  package let second: NormalizedConvolution
  package let shortcut: NormalizedConvolution?

  /// - Parameters:
  ///   - name: of the block in the whole network, such as "layer1.0"; parameters are named as torchvision's.
  ///   - stride: of the first convolution and of the shortcut.
  package init(name: String, inputChannels: Int, outputChannels: Int, stride: Int) {
    first = NormalizedConvolution(
      Convolution(
        name: name + ".conv1", inputChannels: inputChannels, outputChannels: outputChannels, kernelSize: 3,
        stride: stride, padding: 1), BatchNormalization(name: name + ".bn1", channels: outputChannels, relu: true))
    second = NormalizedConvolution(
      Convolution(
        name: name + ".conv2", inputChannels: outputChannels, outputChannels: outputChannels, kernelSize: 3, padding: 1),
      BatchNormalization(name: name + ".bn2", channels: outputChannels, relu: true))
    guard stride != 1 || inputChannels != outputChannels else {
      shortcut = nil
      return
    }
    shortcut = NormalizedConvolution(
      Convolution(
        name: name + ".downsample.0", inputChannels: inputChannels, outputChannels: outputChannels, kernelSize: 1,
        stride: stride),
      BatchNormalization(name: name + ".downsample.1", channels: outputChannels, relu: false, isOutputTransient: true))
  }

  private var parts: [NormalizedConvolution] { [first, second] + (shortcut.map { [$0] } ?? []) }
  package var parameters: [Parameter] { parts.flatMap(\.parameters) }
  package var statistics: [Parameter] { parts.flatMap(\.statistics) }
  package var description: String {
    "residual block (\(first.description); \(second.description), after the shortcut: "
      + "\(shortcut?.description ?? "identity"))"
  }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    _ = try shortcut?.outputShape(for: input)
    return try second.outputShape(for: first.outputShape(for: input))
  }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    try first.multiplyAccumulates(for: input) + second.multiplyAccumulates(for: first.outputShape(for: input))
      + (shortcut?.multiplyAccumulates(for: input) ?? 0)
  }

  package func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)] {
    try first.convolutions(for: input) + second.convolutions(for: first.outputShape(for: input))
      + (shortcut?.convolutions(for: input) ?? [])
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    try first.prepare(for: input, maximumCount: maximumCount, context: context)
    try second.prepare(for: first.outputShape(for: input), maximumCount: maximumCount, context: context)
    try shortcut?.prepare(for: input, maximumCount: maximumCount, context: context)
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    let middle = first.forward(input, training: training)
    let branch = shortcut?.forward(input, training: training)
    let output = second.forward(middle, adding: branch ?? input, training: training)
    branch?.release()
    return output
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    // Masks `outputGradient` by the last ReLU: then it is the gradient of the shortcut's output too.
    let middle = second.backward(outputGradient, needsInputGradient: true, addingTo: nil, keepsOutputGradient: true)
    guard let middle else { preconditionFailure("\(description): no gradient arrives") }
    if let shortcut {
      let main = first.backward(middle, needsInputGradient: needsInputGradient)
      return shortcut.backward(outputGradient, needsInputGradient: needsInputGradient, addingTo: main)
    }
    guard needsInputGradient else {
      outputGradient.release()
      return first.backward(middle, needsInputGradient: false)
    }
    return first.backward(middle, needsInputGradient: true, addingTo: outputGradient)
  }
}
