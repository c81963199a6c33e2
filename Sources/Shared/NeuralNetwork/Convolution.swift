import Compute

/// 2-D convolution with a square kernel.
///
/// Weights are `[kernelSize · kernelSize · inputChannels, outputChannels]`, so that a row of the im2col matrix times
/// the weights is a row of NHWC output.
package final class Convolution: Layer {
  package let inputChannels: Int
  package let outputChannels: Int
  package let kernelSize: Int
  package let stride: Int
  package let padding: Int
  package let weight: Parameter
  package let bias: Parameter?

  private var state: State?
  private struct State {
    let context: ComputeContext
    let inputShape: FeatureShape
    let output: Tensor
    let algorithm: any ConvolutionAlgorithm
    var input: Tensor?
  }

  /// - Parameters:
  ///   - name: of the weights in the whole network; ".weight" and ".bias" are added.
  ///   - bias: whether a number is added to each output channel. Before batch normalization it has no effect.
  package init(
    name: String, inputChannels: Int, outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    bias: Bool = false
  ) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    // PyTorch's default: He et al., Delving Deep into Rectifiers (2015), with its a = sqrt(5) and fan-in. Under batch
    // normalization the scale does not change the output but the relative size of a step: with the wider normal
    // initialization of torchvision's networks the first epochs at a high rate learn more slowly.
    let bound = 1 / Float(kernelSize * kernelSize * inputChannels).squareRoot()
    weight = Parameter(
      name + ".weight", .convolution(kernelSize: kernelSize, inputs: inputChannels, outputs: outputChannels),
      .uniform(bound))
    self.bias = bias ? Parameter(name + ".bias", .vector(outputChannels), .uniform(bound)) : nil
  }

  package var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  package var description: String {
    "convolution \(kernelSize)x\(kernelSize), \(inputChannels) -> \(outputChannels)"
      + (stride == 1 ? "" : ", stride \(stride)") + (padding == 0 ? "" : ", padding \(padding)")
      + (bias == nil ? "" : ", bias")
  }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    let geometry = try geometry(for: input)
    return FeatureShape(height: geometry.outputHeight, width: geometry.outputWidth, channels: outputChannels)
  }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    let geometry = try geometry(for: input)
    return geometry.outputPositions * geometry.patchValues * outputChannels
  }

  package func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)] {
    [(self, input)]
  }

  private func geometry(for input: FeatureShape) throws -> ConvolutionGeometry {
    guard input.channels == inputChannels else {
      throw ShapeError("\(description) cannot take features of shape \(input)")
    }
    guard let geometry = ConvolutionGeometry(input: input, kernelSize: kernelSize, stride: stride, padding: padding)
    else { throw ShapeError("\(description): features of shape \(input) are smaller than the kernel") }
    return geometry
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    let geometry = try geometry(for: input)
    let algorithm: any ConvolutionAlgorithm =
      switch method(geometry, context.convolution) {
      case .im2col where PositionwiseConvolution.applies(to: geometry, maximumCount: maximumCount):
        PositionwiseConvolution(geometry, outputChannels: outputChannels, context: context, maximumCount: maximumCount)
      case .im2col: Im2colConvolution(geometry, outputChannels: outputChannels, context: context)
      case .winograd:
        WinogradConvolution(geometry, outputChannels: outputChannels, context: context, maximumCount: maximumCount)
      }
    state = State(
      context: context, inputShape: input, output: Tensor(try outputShape(for: input), count: maximumCount),
      algorithm: algorithm)
  }

  /// How this layer convolves features of a shape, if `preferred` is asked for.
  ///
  /// - Throws: `ShapeError` if the layer cannot take them.
  package func method(for input: FeatureShape, preferred: ConvolutionMethod) throws -> ConvolutionMethod {
    method(try geometry(for: input), preferred)
  }

  private func method(_ geometry: ConvolutionGeometry, _ preferred: ConvolutionMethod) -> ConvolutionMethod {
    preferred == .winograd && WinogradConvolution.applies(to: geometry, outputChannels: outputChannels)
      ? .winograd : .im2col
  }

  /// Notes the scratch areas that `prepare` would reserve.
  func addScratch(to need: inout MemoryNeed, for input: FeatureShape, images: Int, _ compute: ComputeSettings) throws {
    let geometry = try geometry(for: input)
    switch method(geometry, compute.convolution) {
    case .im2col where PositionwiseConvolution.applies(to: geometry, maximumCount: images):
      need.scratch = PositionwiseConvolution.scratch(
        geometry, outputChannels: outputChannels, threads: compute.threads, maximumCount: images)
    case .im2col: need.scratch = Im2colConvolution.scratch(geometry, outputChannels: outputChannels)
    case .winograd:
      need.scratch = WinogradConvolution.scratch(
        geometry, outputChannels: outputChannels, threads: compute.threads, maximumCount: images)
    }
  }

  // MARK: Forward

  package func forward(_ input: Tensor, training: Bool) -> Tensor { forward(input, training: training, observe: nil) }

  /// - Parameter observe: is called by each worker with the output and the rows and columns that it has just written,
  ///   which are in its cache.
  func forward(
    _ input: Tensor, training: Bool,
    observe: ((_ output: Tensor, _ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void)?
  ) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let output = state.output
    output.resize(count: input.count)
    if training { self.state?.input = input }
    state.algorithm.forward(input, weights: weight.value.base, into: output) { rows, columns, worker in
      if let bias { add(bias.value.base, to: output, rows, columns) }
      observe?(output, rows, columns, worker)
    }
    return output
  }

  private func add(_ bias: UnsafePointer<Float>, to output: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) {
    for row in rows {
      let values = output.data + row * outputChannels
      for channel in columns { values[channel] += bias[channel] }
    }
  }

  // MARK: Backward

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    computeWeightGradient(outputGradient)
    let inputGradient = needsInputGradient ? computeInputGradient(outputGradient) : nil
    outputGradient.release()
    return inputGradient
  }

  /// The first half of `backward`: the gradients of the parameters.
  ///
  /// - Parameter prepare: is called once for all rows and columns of `outputGradient`, part by part, each part by the
  ///   worker that is about to read it; may write them.
  package func computeWeightGradient(
    _ outputGradient: Tensor, prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)? = nil
  ) {
    guard let state, let input = state.input else { preconditionFailure("\(description): backward before forward") }
    self.state?.input = nil
    state.algorithm.computeWeightGradient(
      input: input, outputGradient: outputGradient, into: weight.gradient.base, prepare: prepare)
    if let bias { sumRows(outputGradient, into: bias.gradient.base) }
  }

  /// The second half of `backward`: the gradient of the input.
  ///
  /// - Parameters:
  ///   - sum: it is added to this tensor, which is returned.
  ///   - target: otherwise it is written over this one, or over one from the pool.
  package func computeInputGradient(_ outputGradient: Tensor, addingTo sum: Tensor? = nil, over target: Tensor? = nil)
    -> Tensor
  {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let inputGradient = sum ?? target ?? state.context.gradients.take(state.inputShape, count: outputGradient.count)
    state.algorithm.computeInputGradient(
      outputGradient, weights: weight.value.base, into: inputGradient, accumulate: sum != nil)
    return inputGradient
  }
}
