import Compute

/// 2-D convolution with a square kernel, by tiled im2col and sgemm.
///
/// Weights are `[kernelSize · kernelSize · inputChannels, outputChannels]`, so that a tile of the im2col
/// matrix times the weights is NHWC output in place. The im2col matrix of a batch never exists: each worker
/// fills a tile of about `tileRows` output positions in its own scratch memory and multiplies it at once.
package final class Convolution: Layer {
  package let inputChannels: Int
  package let outputChannels: Int
  package let kernelSize: Int
  package let stride: Int
  package let padding: Int
  package let weight: Parameter
  package let bias: Parameter?

  /// Output positions that a worker handles at a time.
  static let tileRows = 256
  /// Scratch areas of a worker.
  private enum Slot {
    static let tile = 0
    /// A worker's sum of the weights' gradient, which the first worker does not need; the last worker's holds the
    /// rotated weights afterwards.
    static let weights = 1
  }

  private var state: State?
  private struct State {
    let context: ComputeContext
    let geometry: ConvolutionGeometry
    let output: Tensor
    /// The convolution that turns the output's gradient into the input's: stride 1 only.
    let transposed: ConvolutionGeometry?
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
    // PyTorch's default: He et al., Delving Deep into Rectifiers (2015), with its a = sqrt(5) and fan-in. Under
    // batch normalization the scale does not change the output but the relative size of a step: with the
    // wider normal initialization of torchvision's networks the first epochs at a high rate learn more slowly.
    let bound = 1 / Float(kernelSize * kernelSize * inputChannels).squareRoot()
    weight = Parameter(
      name + ".weight",
      .convolution(kernelSize: kernelSize, inputs: inputChannels, outputs: outputChannels),
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
    return FeatureShape(
      height: geometry.outputHeight, width: geometry.outputWidth, channels: outputChannels)
  }

  package func multiplyAccumulates(for input: FeatureShape) throws -> Int {
    let geometry = try geometry(for: input)
    return geometry.outputPositions * geometry.patchValues * outputChannels
  }

  private func geometry(for input: FeatureShape) throws -> ConvolutionGeometry {
    guard input.channels == inputChannels else {
      throw ShapeError("\(description) cannot take features of shape \(input)")
    }
    guard
      let geometry = ConvolutionGeometry(
        input: input, kernelSize: kernelSize, stride: stride, padding: padding)
    else { throw ShapeError("\(description): features of shape \(input) are smaller than the kernel") }
    return geometry
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    let geometry = try geometry(for: input)
    let outputShape = try outputShape(for: input)
    var transposed: ConvolutionGeometry?
    if stride == 1 && padding < kernelSize {
      transposed = ConvolutionGeometry(
        input: outputShape, kernelSize: kernelSize, stride: 1, padding: kernelSize - 1 - padding)
    }
    let columns = max(geometry.patchValues, transposed?.patchValues ?? 0)
    context.reserveScratch([
      geometry.isPointwise ? 0 : Self.tileRows * columns,
      weight.count,
    ])
    state = State(
      context: context, geometry: geometry, output: Tensor(outputShape, count: maximumCount),
      transposed: transposed)
  }

  // MARK: Forward

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    forward(input, training: training, observe: nil)
  }

  /// - Parameter observe: is called by each worker with the output and the rows that it has just written, which are
  ///   in its cache.
  func forward(
    _ input: Tensor, training: Bool, observe: ((_ output: Tensor, _ rows: Range<Int>, _ worker: Int) -> Void)?
  ) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let output = state.output
    output.resize(count: input.count)
    if training { self.state?.input = input }
    state.context.pool.split(output.rows) { worker, rows in
      forEachTile(state.geometry, input, rows, worker, state.context) { tile, rows in
        GEMM.multiply(
          rows: rows.count, columns: outputChannels, inner: state.geometry.patchValues,
          tile, weight.value.base, into: output.data + rows.lowerBound * outputChannels)
        if let bias { add(bias.value.base, to: output, rows) }
        observe?(output, rows, worker)
      }
    }
    return output
  }

  private func add(_ bias: UnsafePointer<Float>, to output: Tensor, _ rows: Range<Int>) {
    for row in rows {
      let values = output.data + row * outputChannels
      for channel in 0..<outputChannels { values[channel] += bias[channel] }
    }
  }

  /// Calls `body` with each tile of the im2col matrix and the rows it holds.
  private func forEachTile(
    _ geometry: ConvolutionGeometry, _ input: Tensor, _ rows: Range<Int>, _ worker: Int,
    _ context: ComputeContext, _ body: (_ tile: UnsafePointer<Float>, _ rows: Range<Int>) -> Void
  ) {
    for lower in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: Self.tileRows) {
      let part = lower..<min(lower + Self.tileRows, rows.upperBound)
      if geometry.isPointwise {
        body(input.data + lower * geometry.patchValues, part)
      } else {
        let tile = context.scratch(worker: worker, slot: Slot.tile)
        geometry.im2col(input.data, rows: part, into: tile)
        body(tile, part)
      }
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
  /// `weightGradient = Σ im2col(input)ᵀ · outputGradient` over the tiles: each worker sums its own, then the
  /// workers' sums are added in their order.
  ///
  /// - Parameter prepare: is called once for all rows of `outputGradient`, part by part, each part by the worker that
  ///   is about to read it; may write them.
  package func computeWeightGradient(_ outputGradient: Tensor, prepare: ((_ rows: Range<Int>) -> Void)? = nil)
  {
    guard let state, let input = state.input else {
      preconditionFailure("\(description): backward before forward")
    }
    self.state?.input = nil
    let context = state.context
    let geometry = state.geometry
    let gradient = weight.gradient.base
    context.pool.split(outputGradient.rows) { worker, rows in
      let sum = worker == 0 ? gradient : context.scratch(worker: worker, slot: Slot.weights)
      forEachTile(geometry, input, rows, worker, context) { tile, part in
        prepare?(part)
        GEMM.multiply(
          rows: geometry.patchValues, columns: outputChannels, inner: part.count,
          tile, transposeA: true, outputGradient.data + part.lowerBound * outputChannels,
          into: sum, accumulate: part.lowerBound > rows.lowerBound)
      }
    }
    if context.pool.range(of: 0, count: outputGradient.rows).isEmpty {
      gradient.update(repeating: 0, count: weight.count)
    }
    for worker in 1..<max(context.threads, 1)
    where !context.pool.range(of: worker, count: outputGradient.rows).isEmpty {
      let sum = context.scratch(worker: worker, slot: Slot.weights)
      context.pool.split(weight.count, grain: 16) { _, range in
        for index in range { gradient[index] += sum[index] }
      }
    }
    if let bias { sumRows(outputGradient, into: bias.gradient.base) }
  }

  /// The second half of `backward`: the gradient of the input.
  ///
  /// - Parameters:
  ///   - sum: it is added to this tensor, which is returned.
  ///   - target: otherwise it is written over this one, or over one from the pool.
  package func computeInputGradient(
    _ outputGradient: Tensor, addingTo sum: Tensor? = nil, over target: Tensor? = nil
  ) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let context = state.context
    let inputGradient =
      sum ?? target ?? context.gradients.take(state.geometry.input, count: outputGradient.count)
    guard let transposed = state.transposed else {
      scatterInputGradient(state, outputGradient, into: inputGradient, accumulate: sum != nil)
      return inputGradient
    }
    let rotated = context.scratch(worker: context.threads - 1, slot: Slot.weights)
    rotateWeights(into: rotated, context)
    context.pool.split(inputGradient.rows) { worker, rows in
      forEachTile(transposed, outputGradient, rows, worker, context) { tile, rows in
        GEMM.multiply(
          rows: rows.count, columns: inputChannels, inner: transposed.patchValues,
          tile, rotated, transposeB: true, into: inputGradient.data + rows.lowerBound * inputChannels,
          accumulate: sum != nil)
      }
    }
    return inputGradient
  }

  /// The weights of the convolution that gives the input's gradient, as `[inputChannels, kernelSize · kernelSize ·
  /// outputChannels]`: kernel rotated by 180°, input and output channels exchanged.
  private func rotateWeights(into rotated: UnsafeMutablePointer<Float>, _ context: ComputeContext) {
    let cells = kernelSize * kernelSize
    let weights = weight.value.base
    context.pool.split(inputChannels) { _, inputs in
      for input in inputs {
        for cell in 0..<cells {
          (rotated + (input * cells + cell) * outputChannels).update(
            from: weights + ((cells - 1 - cell) * inputChannels + input) * outputChannels,
            count: outputChannels)
        }
      }
    }
  }

  /// `inputGradient = col2im(outputGradient · weightsᵀ)`, each worker its own images.
  private func scatterInputGradient(
    _ state: State, _ outputGradient: Tensor, into inputGradient: Tensor, accumulate: Bool
  ) {
    let geometry = state.geometry
    let positions = geometry.outputPositions
    let weights = weight.value.base
    state.context.pool.split(outputGradient.count) { worker, images in
      let tile = state.context.scratch(worker: worker, slot: Slot.tile)
      if !accumulate {
        (inputGradient.data + images.lowerBound * geometry.input.values)
          .update(repeating: 0, count: images.count * geometry.input.values)
      }
      let rows = images.lowerBound * positions..<images.upperBound * positions
      for lower in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: Self.tileRows) {
        let part = lower..<min(lower + Self.tileRows, rows.upperBound)
        GEMM.multiply(
          rows: part.count, columns: geometry.patchValues, inner: outputChannels,
          outputGradient.data + lower * outputChannels, weights, transposeB: true, into: tile)
        geometry.col2im(tile, rows: part, addingTo: inputGradient.data)
      }
    }
  }
}
