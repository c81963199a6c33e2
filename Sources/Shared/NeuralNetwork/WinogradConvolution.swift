import Compute

/// 3×3 convolution with stride 1 by Winograd's minimal filtering over sgemm (Lavin and Gray, 2015, algorithm 1).
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
    geometry.kernelSize == 3 && geometry.stride == 1 && geometry.padding <= 2
      && max(geometry.outputHeight, geometry.outputWidth) > 2
      && geometry.input.channels.isMultiple(of: WinogradTransforms.lanes)
      && outputChannels.isMultiple(of: WinogradTransforms.lanes)
  }

  /// - Parameter geometry: one that `applies`.
  init(_ geometry: ConvolutionGeometry, outputChannels: Int, context: ComputeContext, maximumCount: Int) {
    precondition(Self.applies(to: geometry, outputChannels: outputChannels), "no 3x3 kernel with stride 1")
    self.context = context
    (forwards, backwards) = Self.passes(
      geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount)
    kernels = WinogradKernels(
      inputChannels: geometry.input.channels, outputChannels: outputChannels)
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
    guard let transposed = geometry.transposed(outputChannels: outputChannels) else {
      preconditionFailure("a convolution with stride 1 has a transposed one")
    }
    func pass(_ geometry: ConvolutionGeometry, _ columns: Int) -> WinogradPass {
      WinogradPass(geometry, columns: columns, workers: threads, maximumCount: maximumCount)
    }
    return (pass(geometry, outputChannels), pass(transposed, geometry.input.channels))
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
    context.pool.run { worker in
      let share = pass.share(of: worker, images: input.count)
      let band = context.scratch(worker: worker, slot: Slot.band)
      for block in share.blocks {
        let tiles = block.count * pass.tiling.tileColumns
        let patches = PointMatrices(
          context.scratch(worker: worker, slot: Slot.patches), values: tiles * pass.patchStride)
        pass.transformPatches(block, of: input.data, to: patches, band: band)
        for (index, panel) in share.panels.enumerated() {
          let points = kernelMatrices(pass, worker, index, rows: pass.inner, panel)
          if block.lowerBound == share.lines.lowerBound || !pass.keepsKernels { transformKernels(panel, points, band) }
          let products = PointMatrices(
            context.scratch(worker: worker, slot: Slot.products), values: tiles * panel.count)
          let shape = ProductShape(rows: tiles, columns: panel.count, inner: pass.inner)
          for point in 0..<WinogradTransforms.points {
            GEMM.multiply(
              shape, .init(patches[point], stride: pass.patchStride), .init(points[point], stride: panel.count),
              into: products[point], stride: panel.count, accumulate: false)
          }
          pass.write(products, block, panel, to: output.data, edge: band, accumulate: accumulate)
          finish(pass.tiling.rows(of: block), panel, worker)
        }
      }
    }
  }

  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?
  ) {
    let pass = forwards
    context.pool.run { worker in
      let share = pass.share(of: worker, images: input.count)
      let band = context.scratch(worker: worker, slot: Slot.band)
      let (sum, stride) = sums.place(of: worker, in: gradient)
      for block in share.blocks {
        let tiles = block.count * pass.tiling.tileColumns
        let patches = PointMatrices(
          context.scratch(worker: worker, slot: Slot.patches), values: tiles * pass.patchStride)
        pass.transformPatches(block, of: input.data, to: patches, band: band)
        for (index, panel) in share.panels.enumerated() {
          prepare?(pass.tiling.rows(of: block), panel)
          let gradients = PointMatrices(
            context.scratch(worker: worker, slot: Slot.products), values: tiles * panel.count)
          pass.transformTileGradients(block, panel, of: outputGradient.data, to: gradients, edge: band)
          for inputs in pass.inputParts {
            let pointSums = kernelMatrices(pass, worker, index, rows: inputs.count, panel)
            let shape = ProductShape(rows: inputs.count, columns: panel.count, inner: tiles, transposeA: true)
            for point in 0..<WinogradTransforms.points {
              GEMM.multiply(
                shape, .init(patches[point] + inputs.lowerBound, stride: pass.patchStride),
                .init(gradients[point], stride: panel.count), into: pointSums[point], stride: panel.count,
                accumulate: block.lowerBound > share.lines.lowerBound)
            }
            if block.upperBound == share.lines.upperBound {
              kernels.transformGradient(
                pointSums, inputs: inputs, outputs: panel, into: sum + panel.lowerBound - share.columns.lowerBound,
                rowStride: stride)
            }
          }
        }
      }
    }
    sums.add(lines: pass.lines(of: input.count), into: gradient)
  }

  /// The kernels of a worker's panel at the points, or the sums of their gradient: `[points, rows, panel]`.
  private func kernelMatrices(_ pass: WinogradPass, _ worker: Int, _ index: Int, rows: Int, _ panel: Range<Int>)
    -> PointMatrices
  {
    let place = pass.keepsKernels ? index * pass.panelRoom : 0
    return PointMatrices(context.scratch(worker: worker, slot: Slot.kernels) + place, values: rows * panel.count)
  }
}
