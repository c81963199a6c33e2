import Compute

/// The basic block of ResNet (He et al., *Deep Residual Learning*, 2015, figure 2 and section 3.3, option B):
/// `relu(main(x) + shortcut(x))`, where `main` is two 3×3 convolutions with batch normalization, and the
/// shortcut is the identity or, where the shape changes, a 1×1 convolution with batch normalization.
package final class ResidualBlock: Layer {
  package let main: Sequential
  package let shortcut: Sequential?
  private let relu = ReLU()
  private var context: ComputeContext?

  /// - Parameters:
  ///   - name: of the block in the whole network, such as "layer1.0"; parameters are named as torchvision's.
  ///   - stride: of the first convolution and of the shortcut.
  package init(name: String, inputChannels: Int, outputChannels: Int, stride: Int) {
    main = Sequential([
      Convolution(
        name: name + ".conv1", inputChannels: inputChannels, outputChannels: outputChannels,
        kernelSize: 3, stride: stride, padding: 1),
      BatchNormalization(name: name + ".bn1", channels: outputChannels, relu: true),
      Convolution(
        name: name + ".conv2", inputChannels: outputChannels, outputChannels: outputChannels,
        kernelSize: 3, padding: 1),
      BatchNormalization(name: name + ".bn2", channels: outputChannels, relu: false),
    ])
    guard stride != 1 || inputChannels != outputChannels else {
      shortcut = nil
      return
    }
    shortcut = Sequential([
      Convolution(
        name: name + ".downsample.0", inputChannels: inputChannels, outputChannels: outputChannels,
        kernelSize: 1, stride: stride),
      BatchNormalization(name: name + ".downsample.1", channels: outputChannels, relu: false),
    ])
  }

  package var parameters: [Parameter] { main.parameters + (shortcut?.parameters ?? []) }
  package var statistics: [Parameter] { main.statistics + (shortcut?.statistics ?? []) }
  package var description: String {
    "residual block (\(main.description); shortcut: \(shortcut?.description ?? "identity"); relu)"
  }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    _ = try shortcut?.outputShape(for: input)
    return try main.outputShape(for: input)
  }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    try main.multiplyAccumulates(for: input) + (shortcut?.multiplyAccumulates(for: input) ?? 0)
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    self.context = context
    try main.prepare(for: input, maximumCount: maximumCount, context: context)
    try shortcut?.prepare(for: input, maximumCount: maximumCount, context: context)
    relu.prepare(for: try outputShape(for: input), maximumCount: maximumCount, context: context)
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    let sum = main.forward(input, training: training)
    add(shortcut?.forward(input, training: training) ?? input, to: sum)
    return relu.forward(sum, training: training)
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let context, let gradient = relu.backward(outputGradient, needsInputGradient: true) else {
      preconditionFailure("residual block: not prepared")
    }
    guard shortcut != nil || needsInputGradient else {
      return main.backward(gradient, needsInputGradient: false)
    }
    let branch = context.gradients.take(gradient.shape, count: gradient.count)
    branch.copy(from: gradient)
    let mainGradient = main.backward(gradient, needsInputGradient: needsInputGradient)
    let branchGradient =
      shortcut.map { $0.backward(branch, needsInputGradient: needsInputGradient) } ?? branch
    guard let mainGradient, let branchGradient else { return nil }
    add(branchGradient, to: mainGradient)
    context.gradients.give(branchGradient)
    return mainGradient
  }

  private func add(_ other: Tensor, to sum: Tensor) {
    context?.pool.split(sum.values, grain: 16) { _, range in
      let target = sum.data
      let source = other.data
      for index in range { target[index] += source[index] }
    }
  }
}
