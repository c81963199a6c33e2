import Compute

/// 3×3 convolution with stride 1 by Winograd's minimal filtering over sgemm (Lavin and Gray, 2015, algorithm 1).
///
/// Each worker has tiles and output channels of its own, as `WinogradPartition` divides them, and takes them through
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
      transforms: forwards.transforms, inputChannels: geometry.input.channels, outputChannels: outputChannels)
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
    let side = max(geometry.outputHeight, geometry.outputWidth) > 2 ? 4 : 2
    func pass(_ geometry: ConvolutionGeometry, _ columns: Int) -> WinogradPass {
      WinogradPass(geometry, columns: columns, tileSide: side, workers: threads, maximumCount: maximumCount)
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
        let patches = PointMatrices(context.scratch(worker: worker, slot: Slot.patches), values: tiles * pass.inner)
        pass.transformPatches(block, of: input.data, to: patches, band: band)
        for (index, panel) in share.panels.enumerated() {
          let points = kernelMatrices(pass, worker, index, panel)
          if block.lowerBound == share.lines.lowerBound || !pass.keepsKernels { transformKernels(panel, points, band) }
          let products = PointMatrices(
            context.scratch(worker: worker, slot: Slot.products), values: tiles * panel.count)
          let shape = ProductShape(rows: tiles, columns: panel.count, inner: pass.inner)
          for point in 0..<pass.transforms.points {
            GEMM.multiply(
              shape, .init(patches[point], stride: pass.inner), .init(points[point], stride: panel.count),
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
      let sum = weightSum(of: worker, share, gradient)
      for block in share.blocks {
        let tiles = block.count * pass.tiling.tileColumns
        let patches = PointMatrices(context.scratch(worker: worker, slot: Slot.patches), values: tiles * pass.inner)
        pass.transformPatches(block, of: input.data, to: patches, band: band)
        for (index, panel) in share.panels.enumerated() {
          prepare?(pass.tiling.rows(of: block), panel)
          let gradients = PointMatrices(
            context.scratch(worker: worker, slot: Slot.products), values: tiles * panel.count)
          pass.transformTileGradients(block, panel, of: outputGradient.data, to: gradients, edge: band)
          let sums = kernelMatrices(pass, worker, index, panel)
          let shape = ProductShape(rows: pass.inner, columns: panel.count, inner: tiles, transposeA: true)
          for point in 0..<pass.transforms.points {
            GEMM.multiply(
              shape, .init(patches[point], stride: pass.inner), .init(gradients[point], stride: panel.count),
              into: sums[point], stride: panel.count, accumulate: block.lowerBound > share.lines.lowerBound)
          }
          if block.upperBound == share.lines.upperBound {
            kernels.transformGradient(
              sums, outputs: panel, into: sum.base + panel.lowerBound - sum.columns.lowerBound,
              rowStride: sum.columns.count)
          }
        }
      }
    }
    addWeightSums(images: input.count, into: gradient)
  }

  /// The kernels of a worker's panel at the points, or the sums of their gradient.
  private func kernelMatrices(_ pass: WinogradPass, _ worker: Int, _ index: Int, _ panel: Range<Int>) -> PointMatrices {
    let place = pass.keepsKernels ? index * pass.panelRoom : 0
    return PointMatrices(
      context.scratch(worker: worker, slot: Slot.kernels) + place, values: pass.inner * panel.count)
  }

  // MARK: Sums of the workers

  /// Where a worker sums the gradient of its output channels, `[3, 3, inputChannels, columns]`: the first group of
  /// tiles in place.
  private func weightSum(of worker: Int, _ share: WinogradPass.Share, _ gradient: UnsafeMutablePointer<Float>)
    -> (base: UnsafeMutablePointer<Float>, columns: Range<Int>)
  {
    forwards.partition.tileGroup(of: worker) == 0
      ? (gradient, 0..<kernels.outputChannels)
      : (context.scratch(worker: worker, slot: Slot.gradient), share.columns)
  }

  /// Adds the sums of all groups of tiles to those of the first, in their order.
  private func addWeightSums(images: Int, into gradient: UnsafeMutablePointer<Float>) {
    let partition = forwards.partition
    guard partition.tileGroups > 1 else { return }
    context.pool.split(9 * kernels.inputChannels) { _, rows in
      for worker in 0..<context.threads where partition.tileGroup(of: worker) > 0 {
        let share = forwards.share(of: worker, images: images)
        if share.lines.isEmpty { continue }
        let sum = context.scratch(worker: worker, slot: Slot.gradient)
        for row in rows {
          let source = sum + row * share.columns.count
          let target = gradient + row * kernels.outputChannels + share.columns.lowerBound
          for column in 0..<share.columns.count { target[column] += source[column] }
        }
      }
    }
  }
}
