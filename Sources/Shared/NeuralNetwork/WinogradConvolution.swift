import Compute

/// 3×3 convolution with stride 1 or 2 by Winograd's minimal filtering over sgemm (Lavin and Gray, 2015, algorithm 1).
///
/// Each worker has tiles and output channels of its own, as `WorkPartition` divides them, and takes them through
/// three steps, block by block, without waiting for anyone:
///
/// 1. what is under each tile is transformed to the points: `[points, tiles, inner]`;
/// 2. at each point, a matrix product with the transformed kernels: `[tiles, inner] · [inner, columns]`;
/// 3. the products are transformed to tiles of outputs.
///
/// The gradient of the weights is summed at the points over all blocks, and transformed once.
struct WinogradConvolution: ConvolutionAlgorithm {
  private let context: ComputeContext
  private let kernels: WinogradKernels
  private let forwards: WinogradPass
  /// From the output's gradient to the input's.
  private let backwards: WinogradPass
  private let sums: WeightSums

  /// Scratch areas of a worker.
  private enum Slot {
    /// What is multiplied, at the points.
    static let patches = 0
    /// What comes out, or the output's gradient, at the points.
    static let products = 1
    /// The kernels, or the sums of their gradient, at the points.
    static let kernels = 2
    /// Inputs under a line of tiles; a tile at the edge of an image; squares of kernels.
    static let band = 3
    /// A worker's sum of the weights' gradient, which the first group of tiles does not need.
    static let gradient = 4
  }

  /// Whether a convolution can be computed like this.
  static func applies(to geometry: ConvolutionGeometry, outputChannels: Int) -> Bool {
    WinogradTiling.applies(to: geometry)
      && max(geometry.outputHeight, geometry.outputWidth) > 2
      && geometry.input.channels.isMultiple(of: WinogradTransforms.lanes)
      && outputChannels.isMultiple(of: WinogradTransforms.lanes)
  }

  /// - Parameter geometry: one that `applies`.
  init(_ geometry: ConvolutionGeometry, outputChannels: Int, context: ComputeContext, maximumCount: Int) {
    precondition(
      Self.applies(to: geometry, outputChannels: outputChannels), "not a convolution for Winograd's filtering")
    self.context = context
    (forwards, backwards) = Self.passes(
      geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount)
    kernels = WinogradKernels(
      transforms: forwards.tiling.transforms, inputChannels: geometry.input.channels, outputChannels: outputChannels)
    sums = WeightSums(
      context, forwards.partition, rows: geometry.patchValues, columns: outputChannels, slot: Slot.gradient)
    context.reserveScratch(
      Self.scratch(geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount))
  }

  /// The values of each scratch area of a worker, for at most so many images.
  static func scratch(_ geometry: ConvolutionGeometry, outputChannels: Int, threads: Int, maximumCount: Int) -> [Int] {
    let (forwards, backwards) = passes(
      geometry, outputChannels: outputChannels, threads: threads, maximumCount: maximumCount)
    return zip(forwards.scratch(summing: true), backwards.scratch(summing: false)).map(max)
  }

  private static func passes(
    _ geometry: ConvolutionGeometry, outputChannels: Int, threads: Int, maximumCount: Int
  ) -> (forwards: WinogradPass, backwards: WinogradPass) {
    func pass(_ tiling: WinogradTiling, _ columns: Int) -> WinogradPass {
      WinogradPass(tiling, columns: columns, workers: threads, maximumCount: maximumCount)
    }
    return (
      pass(WinogradTiling(geometry, outputChannels: outputChannels), outputChannels),
      pass(WinogradTiling(transposed: geometry, outputChannels: outputChannels), geometry.input.channels)
    )
  }

  // MARK: The products

  func forward(
    _ input: Tensor, weights: UnsafePointer<Float>, into output: Tensor,
    finish: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    convolve(
      forwards, input, into: output, accumulate: false,
      transformKernels: { panel, points, _ in kernels.transform(weights, outputs: panel, to: points) }, finish: finish)
  }

  func computeInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool
  ) {
    convolve(
      backwards, outputGradient, into: inputGradient, accumulate: accumulate,
      transformKernels: { panel, points, squares in
        kernels.transformRotated(weights, inputs: panel, to: points, squares: squares)
      }, finish: { _, _, _ in })
  }

  private func convolve(
    _ pass: WinogradPass, _ input: Tensor, into output: Tensor, accumulate: Bool,
    transformKernels: (_ panel: Range<Int>, _ points: PointMatrices, _ squares: UnsafeMutablePointer<Float>) -> Void,
    finish: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    forEachPanel(pass, of: input) { part, patches, products in
      let (worker, block, panel) = (part.worker, part.block, part.panel)
      let band = context.scratch(worker: worker, slot: Slot.band)
      let points = kernelMatrices(pass, part, rows: pass.inner)
      if part.isFirst || !pass.keepsKernels { transformKernels(panel, points, band) }
      let shape = ProductShape(rows: part.tiles, columns: panel.count, inner: pass.inner)
      for point in 0..<pass.tiling.transforms.points {
        GEMM.multiply(
          shape, .init(patches[point], stride: pass.patchStride),
          .init(points[pass.tiling.transforms.kernelPoint(of: point)], stride: panel.count), into: products[point],
          stride: panel.count, accumulate: false)
      }
      pass.write(products, block, panel, to: output.data, edge: band, accumulate: accumulate)
      finish(pass.tiling.rows(of: block), panel, worker)
    }
  }

  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?
  ) {
    let pass = forwards
    forEachPanel(pass, of: input) { part, patches, gradients in
      let (worker, block, panel) = (part.worker, part.block, part.panel)
      let (sum, stride) = sums.place(of: worker, in: gradient)
      prepare?(pass.tiling.rows(of: block), panel)
      pass.transformTileGradients(
        block, panel, of: outputGradient.data, to: gradients, edge: context.scratch(worker: worker, slot: Slot.band))
      for inputs in pass.inputParts {
        let pointSums = kernelMatrices(pass, part, rows: inputs.count)
        let shape = ProductShape(rows: inputs.count, columns: panel.count, inner: part.tiles, transposeA: true)
        var summed = -1
        for point in 0..<pass.tiling.transforms.points {
          let kernelPoint = pass.tiling.transforms.kernelPoint(of: point)
          GEMM.multiply(
            shape, .init(patches[point] + inputs.lowerBound, stride: pass.patchStride),
            .init(gradients[point], stride: panel.count), into: pointSums[kernelPoint], stride: panel.count,
            accumulate: !part.isFirst || kernelPoint <= summed)
          summed = max(summed, kernelPoint)
        }
        if part.isLast {
          kernels.transformGradient(
            pointSums, inputs: inputs, outputs: panel,
            into: sum + panel.lowerBound - pass.partition.columns(of: worker).lowerBound, rowStride: stride)
        }
      }
    }
    sums.add(lines: pass.lines(of: input.count), into: gradient)
  }

  /// A panel of a worker's columns, for a block of its lines.
  private struct Part {
    var worker: Int
    var block: Range<Int>
    var tiles: Int
    var panel: Range<Int>
    /// Of the worker's panels.
    var panelIndex: Int
    /// The worker's first, and last, block.
    var isFirst: Bool
    var isLast: Bool
  }

  /// Calls `body` in each worker for each of its blocks and panels, with the patches of the block at the points, and
  /// with room for the products of the panel.
  private func forEachPanel(
    _ pass: WinogradPass, of input: Tensor,
    _ body: (_ part: Part, _ patches: PointMatrices, _ products: PointMatrices) -> Void
  ) {
    context.pool.run { worker in
      let share = pass.share(of: worker, images: input.count)
      for block in share.blocks {
        let tiles = block.count * pass.tiling.tileColumns
        let patches = PointMatrices(
          context.scratch(worker: worker, slot: Slot.patches), side: pass.tiling.transforms.pointsSide,
          values: tiles * pass.patchStride)
        pass.transformPatches(
          block, of: input.data, to: patches, band: context.scratch(worker: worker, slot: Slot.band))
        for (index, panel) in share.panels.enumerated() {
          body(
            Part(
              worker: worker, block: block, tiles: tiles, panel: panel, panelIndex: index,
              isFirst: block.lowerBound == share.lines.lowerBound, isLast: block.upperBound == share.lines.upperBound),
            patches,
            PointMatrices(
              context.scratch(worker: worker, slot: Slot.products), side: pass.tiling.transforms.pointsSide,
              values: tiles * panel.count))
        }
      }
    }
  }

  /// The kernels of a panel at the points, or the sums of their gradient: `[points, rows, panel]`.
  private func kernelMatrices(_ pass: WinogradPass, _ part: Part, rows: Int) -> PointMatrices {
    let place = pass.keepsKernels ? part.panelIndex * pass.panelRoom : 0
    return PointMatrices(
      context.scratch(worker: part.worker, slot: Slot.kernels) + place, side: WinogradTransforms.kernelPointsSide,
      values: rows * part.panel.count)
  }
}
