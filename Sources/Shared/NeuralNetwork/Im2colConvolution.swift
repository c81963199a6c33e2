import Compute

/// Convolution by tiled im2col and sgemm.
///
/// A tile of the im2col matrix times the weights is NHWC output in place. The im2col matrix of a batch never exists:
/// each worker fills a tile of about `ConvolutionGeometry.tileRows` output positions in its own scratch memory and
/// multiplies it at once.
struct Im2colConvolution: ConvolutionAlgorithm {
  private let context: ComputeContext
  private let geometry: ConvolutionGeometry
  private let outputChannels: Int
  /// The convolution that turns the output's gradient into the input's: stride 1 only.
  private let transposed: ConvolutionGeometry?

  /// Scratch areas of a worker.
  private enum Slot {
    static let tile = 0
    /// A worker's sum of the weights' gradient, which the first worker does not need; the last worker's holds the
    /// weights in the order of the products otherwise.
    static let weights = 1
  }

  init(_ geometry: ConvolutionGeometry, outputChannels: Int, context: ComputeContext) {
    self.context = context
    self.geometry = geometry
    self.outputChannels = outputChannels
    transposed = geometry.transposed(outputChannels: outputChannels)
    context.reserveScratch(Self.scratch(geometry, outputChannels: outputChannels))
  }

  /// The values of each scratch area of a worker.
  static func scratch(_ geometry: ConvolutionGeometry, outputChannels: Int) -> [Int] {
    let transposed = geometry.transposed(outputChannels: outputChannels)
    return [max(geometry.tileValues, transposed?.tileValues ?? 0), geometry.patchValues * outputChannels]
  }

  private var inputChannels: Int { geometry.input.channels }
  private var weightCount: Int { geometry.patchValues * outputChannels }

  func forward(
    _ input: Tensor, weights: UnsafePointer<Float>, into output: Tensor,
    finish: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    let weights = WeightPanels(
      weights, inner: geometry.patchValues, columns: outputChannels, copy: panels, context.pool)
    forEachTile(geometry, input, rows: output.rows) { tile, _, worker in
      multiply(tile, weights, into: output.data + tile.rows.lowerBound * outputChannels, accumulate: false)
      finish(tile.rows, 0..<outputChannels, worker)
    }
  }

  /// Where the weights lie in the order of the products.
  private var panels: UnsafeMutablePointer<Float> { context.scratch(worker: context.threads - 1, slot: Slot.weights) }

  /// A tile times the weights.
  private func multiply(
    _ tile: PatchTile, _ weights: WeightPanels, into rows: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for slice in 0..<tile.slices {
      weights.multiply(
        rows: tile.rows.count, tile.slice(slice), range: slice * tile.sliceValues..<(slice + 1) * tile.sliceValues,
        into: rows, accumulate: accumulate || slice > 0)
    }
  }

  /// Splits the rows of the im2col matrix among the workers, and calls `body` with each tile, whether it is the
  /// worker's first, and the worker.
  private func forEachTile(
    _ geometry: ConvolutionGeometry, _ input: Tensor, rows: Int,
    _ body: (_ tile: PatchTile, _ isFirst: Bool, _ worker: Int) -> Void
  ) {
    context.pool.split(rows, grain: geometry.rowGrain) { worker, rows in
      let scratch = context.scratch(worker: worker, slot: Slot.tile)
      geometry.forEachTile(of: input.data, rows: rows, scratch: scratch) { tile in
        body(tile, tile.rows.lowerBound == rows.lowerBound, worker)
      }
    }
  }

  /// `weightGradient = Σ im2col(input)ᵀ · outputGradient` over the tiles: each worker sums its own, then the workers'
  /// sums are added in their order.
  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?
  ) {
    forEachTile(geometry, input, rows: outputGradient.rows) { tile, isFirst, worker in
      prepare?(tile.rows, 0..<outputChannels)
      let sum = worker == 0 ? gradient : context.scratch(worker: worker, slot: Slot.weights)
      for slice in 0..<tile.slices {
        GEMM.multiply(
          rows: tile.sliceValues, columns: outputChannels, inner: tile.rows.count, tile.slice(slice), transposeA: true,
          outputGradient.data + tile.rows.lowerBound * outputChannels,
          into: sum + slice * tile.sliceValues * outputChannels, accumulate: !isFirst)
      }
    }
    func hasRows(_ worker: Int) -> Bool {
      !context.pool.range(of: worker, count: outputGradient.rows, grain: geometry.rowGrain).isEmpty
    }
    if !hasRows(0) { gradient.update(repeating: 0, count: weightCount) }
    for worker in 1..<max(context.threads, 1) where hasRows(worker) {
      let sum = context.scratch(worker: worker, slot: Slot.weights)
      context.pool.split(weightCount, grain: 16) { _, range in for index in range { gradient[index] += sum[index] } }
    }
  }

  func computeInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool
  ) {
    guard let transposed else {
      return scatterInputGradient(outputGradient, weights: weights, into: inputGradient, accumulate: accumulate)
    }
    let rotated = WeightPanels(
      transposing: weights, cells: geometry.kernelSize * geometry.kernelSize, inputs: inputChannels,
      outputs: outputChannels, rotated: true, copy: panels, context.pool)
    forEachTile(transposed, outputGradient, rows: inputGradient.rows) { tile, _, _ in
      multiply(
        tile, rotated, into: inputGradient.data + tile.rows.lowerBound * inputChannels, accumulate: accumulate)
    }
  }

  /// `inputGradient = col2im(outputGradient · weightsᵀ)`, each worker its own images.
  private func scatterInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool
  ) {
    let positions = geometry.outputPositions
    let transposed = WeightPanels(
      transposing: weights, cells: geometry.kernelSize * geometry.kernelSize, inputs: inputChannels,
      outputs: outputChannels, rotated: false, copy: panels, context.pool)
    context.pool.split(outputGradient.count) { worker, images in
      let tile = context.scratch(worker: worker, slot: Slot.tile)
      if !accumulate {
        (inputGradient.data + images.lowerBound * geometry.input.values).update(
          repeating: 0, count: images.count * geometry.input.values)
      }
      let rows = images.lowerBound * positions..<images.upperBound * positions
      for part in rows.parts(of: ConvolutionGeometry.tileRows) {
        transposed.multiply(
          rows: part.count, outputGradient.data + part.lowerBound * outputChannels, range: 0..<outputChannels,
          into: tile,
          accumulate: false)
        geometry.col2im(tile, rows: part, addingTo: inputGradient.data)
      }
    }
  }
}
