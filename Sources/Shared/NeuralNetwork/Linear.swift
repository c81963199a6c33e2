import Compute

/// `y = x · weight + bias` for the values of an image as one vector; weight is `[inputs, outputs]`.
package final class Linear: Layer {
  package let inputs: Int
  package let outputs: Int
  package let weight: Parameter
  package let bias: Parameter

  private var state: State?
  private struct State {
    let context: ComputeContext
    let output: Tensor
    var input: Tensor?
  }

  /// - Parameter name: of the parameters in the whole network; ".weight" and ".bias" are added.
  package init(name: String, inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
    let bound = 1 / Float(inputs).squareRoot()
    weight = Parameter(name + ".weight", .linear(inputs: inputs, outputs: outputs), .uniform(bound))
    bias = Parameter(name + ".bias", .vector(outputs), .uniform(bound))
  }

  package var parameters: [Parameter] { [weight, bias] }
  package var description: String { "linear \(inputs) -> \(outputs)" }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    guard input.values == inputs else { throw ShapeError("\(description) cannot take features of shape \(input)") }
    return FeatureShape(channels: outputs)
  }

  package func multiplyAccumulates(for input: FeatureShape) -> Int { inputs * outputs }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    state = State(context: context, output: Tensor(try outputShape(for: input), count: maximumCount))
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    if training { self.state?.input = input }
    let output = state.output
    output.resize(count: input.count)
    for row in 0..<input.count { (output.data + row * outputs).update(from: bias.value.base, count: outputs) }
    GEMM.multiply(
      rows: input.count, columns: outputs, inner: inputs, input.data, weight.value.base, into: output.data,
      accumulate: true)
    return output
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state, let input = state.input else { preconditionFailure("\(description): backward before forward") }
    self.state?.input = nil
    defer { outputGradient.release() }
    GEMM.multiply(
      rows: inputs, columns: outputs, inner: input.count, input.data, transposeA: true, outputGradient.data,
      into: weight.gradient.base)
    sumRows(outputGradient, into: bias.gradient.base)
    guard needsInputGradient else { return nil }
    let inputGradient = state.context.gradients.take(input.shape, count: input.count)
    GEMM.multiply(
      rows: input.count, columns: inputs, inner: outputs, outputGradient.data, weight.value.base, transposeB: true,
      into: inputGradient.data)
    return inputGradient
  }
}
