import Compute

/// The mean of each channel over all positions of an image.
package final class GlobalAveragePooling: Layer {
  private var state: State?
  private struct State {
    let context: ComputeContext
    let input: FeatureShape
    let output: Tensor
  }

  package init() {}

  package var description: String { "global average pooling" }

  package func outputShape(for input: FeatureShape) -> FeatureShape { FeatureShape(channels: input.channels) }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) {
    state = State(context: context, input: input, output: Tensor(outputShape(for: input), count: maximumCount))
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let output = state.output
    let positions = input.shape.positions
    let channels = input.shape.channels
    output.resize(count: input.count)
    state.context.pool.split(input.count) { _, images in
      for image in images {
        let y = output.data + image * channels
        y.update(repeating: 0, count: channels)
        for position in 0..<positions {
          let x = input.data + (image * positions + position) * channels
          for c in 0..<channels { y[c] += x[c] }
        }
        for c in 0..<channels { y[c] /= Float(positions) }
      }
    }
    return output
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state else { preconditionFailure("\(description): not prepared") }
    defer { outputGradient.release() }
    guard needsInputGradient else { return nil }
    let positions = state.input.positions
    let channels = state.input.channels
    let inputGradient = state.context.gradients.take(state.input, count: outputGradient.count)
    state.context.pool.split(outputGradient.count) { _, images in
      for image in images {
        let dy = outputGradient.data + image * channels
        for position in 0..<positions {
          let dx = inputGradient.data + (image * positions + position) * channels
          for c in 0..<channels { dx[c] = dy[c] / Float(positions) }
        }
      }
    }
    return inputGradient
  }
}
