import Compute

/// 3×3 convolution with stride 1 by Winograd's minimal filtering over sgemm (Lavin and Gray, 2015, algorithm 1).
///
/// Blocks of images pass through three phases, each split among all workers:
///
/// 1. what is under each tile is transformed to the points: `[points, tiles, channels]`;
/// 2. at each point, a matrix product: `[tiles, inputs] · [inputs, outputs]`;
/// 3. the products are transformed to tiles of outputs.
///
/// The weights are transformed once for each pass. Their gradient is summed at the points over all blocks, and
/// transformed once.
struct WinogradConvolution: ConvolutionAlgorithm {
  private let context: ComputeContext
  private let transforms: WinogradTransforms
  private let forwards: WinogradTiling
  /// From the output's gradient to the input's.
  private let backwards: WinogradTiling
  private let inputChannels: Int
  private let outputChannels: Int

  /// Tiles that pass through the phases together: enough for sgemm to be fast and, if there are several workers, for
  /// them not to wait for each other too often; few enough for the caches.
  private let blockTiles: Int
  /// Between the points in memory, so that they do not all fall into the same places of a cache.
  private static let gap = 16

  /// Scratch areas, shared by the workers.
  private enum Slot {
    /// The weights, or the sums of their gradient, at the points.
    static let weights = 0
    /// What is multiplied, at the points.
    static let patches = 1
    /// What comes out, or the output's gradient, at the points.
    static let products = 2
  }
  /// Scratch area of a worker: a tile at the edge of an image.
  private static let tileSlot = 0

  /// Whether a convolution can be computed like this.
  static func applies(to geometry: ConvolutionGeometry, outputChannels: Int) -> Bool {
    geometry.kernelSize == 3 && geometry.stride == 1 && geometry.padding <= 2
      && geometry.input.channels.isMultiple(of: WinogradTransforms.lanes)
      && outputChannels.isMultiple(of: WinogradTransforms.lanes)
  }

  /// - Parameter geometry: one that `applies`.
  init(_ geometry: ConvolutionGeometry, outputChannels: Int, context: ComputeContext, maximumCount: Int) {
    precondition(Self.applies(to: geometry, outputChannels: outputChannels), "no 3x3 kernel with stride 1")
    guard let transposed = geometry.transposed(outputChannels: outputChannels) else {
      preconditionFailure("a convolution with stride 1 has a transposed one")
    }
    self.context = context
    self.outputChannels = outputChannels
    inputChannels = geometry.input.channels
    transforms = Self.transforms(geometry)
    forwards = WinogradTiling(geometry, tileSide: transforms.tileSide)
    backwards = WinogradTiling(transposed, tileSide: transforms.tileSide)
    blockTiles = Self.blockTiles(channels: max(inputChannels, outputChannels), threads: context.threads)
    let scratch = Self.scratch(
      geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount)
    context.reserveScratch(scratch.worker)
    context.reserveSharedScratch(scratch.shared)
  }

  /// The values of each scratch area of a worker, and of each that they share, for at most so many images.
  static func scratch(_ geometry: ConvolutionGeometry, outputChannels: Int, threads: Int, maximumCount: Int)
    -> (worker: [Int], shared: [Int])
  {
    let (transforms, inputChannels) = (transforms(geometry), geometry.input.channels)
    let (points, channels) = (transforms.points, max(inputChannels, outputChannels))
    let blockTiles = blockTiles(channels: channels, threads: threads)
    let tiles = [geometry, geometry.transposed(outputChannels: outputChannels)].compactMap(\.self).map { geometry in
      let tiling = WinogradTiling(geometry, tileSide: transforms.tileSide)
      return tiling.tilesPerImage * blockImages(tiling, maximumCount, blockTiles)
    }
    let block = points * ((tiles.max() ?? 0) * channels + gap)
    return ([points * channels], [points * (inputChannels * outputChannels + gap), block, block])
  }

  private static func transforms(_ geometry: ConvolutionGeometry) -> WinogradTransforms {
    WinogradTransforms(tileSide: max(geometry.outputHeight, geometry.outputWidth) > 2 ? 4 : 2)
  }

  private static func blockTiles(channels: Int, threads: Int) -> Int {
    max(128, 1024 * (threads == 1 ? 8 : 16 * threads) / channels)
  }

  private static func blockImages(_ tiling: WinogradTiling, _ count: Int, _ blockTiles: Int) -> Int {
    max(1, min(count, blockTiles / tiling.tilesPerImage))
  }

  // MARK: The passes

  func forward(
    _ input: Tensor, weights: UnsafePointer<Float>, into output: Tensor,
    finish: (_ rows: Range<Int>, _ worker: Int) -> Void
  ) {
    let kernel = WinogradTransforms.Grid(
      weights, rowStride: 3 * inputChannels * outputChannels, columnStride: inputChannels * outputChannels)
    convolve(
      forwards, input.data, count: input.count, kernel: kernel, transposeKernel: false, into: output.data,
      accumulate: false, finish: finish)
  }

  func computeInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool
  ) {
    // The kernel rotated by 180°: read backwards.
    let matrix = inputChannels * outputChannels
    let kernel = WinogradTransforms.Grid(weights + 8 * matrix, rowStride: -3 * matrix, columnStride: -matrix)
    convolve(
      backwards, outputGradient.data, count: outputGradient.count, kernel: kernel, transposeKernel: true,
      into: inputGradient.data, accumulate: accumulate
    ) { _, _ in }
  }

  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>) -> Void)?
  ) {
    let tiling = forwards
    let matrix = inputChannels * outputChannels
    let sums = PointMatrices(context.sharedScratch(slot: Slot.weights), matrix)
    forEachBlock(tiling, count: input.count) { images in
      let tiles = images.count * tiling.tilesPerImage
      let patches = PointMatrices(context.sharedScratch(slot: Slot.patches), tiles * inputChannels)
      let gradients = PointMatrices(context.sharedScratch(slot: Slot.products), tiles * outputChannels)
      forEachLine(tiling, images) { lines, worker in
        prepare?(tiling.rows(of: lines))
        let edge = context.scratch(worker: worker, slot: Self.tileSlot)
        for tile in tiling.tiles(of: lines, from: images.lowerBound) {
          transforms.transformPatch(
            tiling.patch(tile.place, of: input.data, edge: edge),
            to: patches.grid(tile.index * inputChannels, transforms), channels: inputChannels)
          transforms.transformTileGradient(
            tiling.tile(tile.place, of: outputGradient.data, channels: outputChannels, edge: edge),
            to: gradients.grid(tile.index * outputChannels, transforms), channels: outputChannels)
        }
      }
      forEachPoint(rows: inputChannels) { point, rows in
        GEMM.multiply(
          rows: rows.count, columns: outputChannels, inner: tiles, patches[point] + rows.lowerBound, transposeA: true,
          strideA: inputChannels, gradients[point], into: sums[point] + rows.lowerBound * outputChannels,
          accumulate: images.lowerBound > 0)
      }
    }
    context.pool.split(matrix / WinogradTransforms.lanes) { _, range in
      let first = range.lowerBound * WinogradTransforms.lanes
      transforms.transformKernelGradient(
        sums.grid(first, transforms).readOnly, to: .init(gradient + first, rowStride: 3 * matrix, columnStride: matrix),
        channels: range.count * WinogradTransforms.lanes)
    }
  }

  /// - Parameters:
  ///   - kernel: where the nine matrices `[inputChannels, outputChannels]` of the layer are.
  ///   - transposeKernel: multiply by their transposes.
  private func convolve(
    _ tiling: WinogradTiling, _ input: UnsafePointer<Float>, count: Int, kernel: WinogradTransforms.Grid,
    transposeKernel: Bool, into output: UnsafeMutablePointer<Float>, accumulate: Bool,
    finish: (_ rows: Range<Int>, _ worker: Int) -> Void
  ) {
    let (inner, columns) = transposeKernel ? (outputChannels, inputChannels) : (inputChannels, outputChannels)
    let weights = PointMatrices(context.sharedScratch(slot: Slot.weights), inputChannels * outputChannels)
    transformKernel(kernel, to: weights)
    forEachBlock(tiling, count: count) { images in
      let tiles = images.count * tiling.tilesPerImage
      let patches = PointMatrices(context.sharedScratch(slot: Slot.patches), tiles * inner)
      let products = PointMatrices(context.sharedScratch(slot: Slot.products), tiles * columns)
      forEachLine(tiling, images) { lines, worker in
        let edge = context.scratch(worker: worker, slot: Self.tileSlot)
        for tile in tiling.tiles(of: lines, from: images.lowerBound) {
          transforms.transformPatch(
            tiling.patch(tile.place, of: input, edge: edge), to: patches.grid(tile.index * inner, transforms),
            channels: inner)
        }
      }
      forEachPoint(rows: tiles) { point, rows in
        GEMM.multiply(
          rows: rows.count, columns: columns, inner: inner, patches[point] + rows.lowerBound * inner, weights[point],
          transposeB: transposeKernel, into: products[point] + rows.lowerBound * columns)
      }
      forEachLine(tiling, images) { lines, worker in
        let edge = context.scratch(worker: worker, slot: Self.tileSlot)
        for tile in tiling.tiles(of: lines, from: images.lowerBound) {
          tiling.write(tile.place, to: output, channels: columns, edge: edge, accumulate: accumulate) { target in
            transforms.transformProducts(
              products.grid(tile.index * columns, transforms).readOnly, to: target, channels: columns)
          }
        }
        finish(tiling.rows(of: lines), worker)
      }
    }
  }

  private func transformKernel(_ kernel: WinogradTransforms.Grid, to weights: PointMatrices) {
    context.pool.split(inputChannels * outputChannels / WinogradTransforms.lanes) { _, range in
      let first = range.lowerBound * WinogradTransforms.lanes
      var part = kernel
      part.base += first
      transforms.transformKernel(
        part, to: weights.grid(first, transforms), channels: range.count * WinogradTransforms.lanes)
    }
  }

  // MARK: Who does what

  private func forEachBlock(_ tiling: WinogradTiling, count: Int, _ body: (_ images: Range<Int>) -> Void) {
    let size = Self.blockImages(tiling, count, blockTiles)
    for lower in stride(from: 0, to: count, by: size) { body(lower..<min(lower + size, count)) }
  }

  /// Splits the lines of tiles of some images among the workers.
  private func forEachLine(
    _ tiling: WinogradTiling, _ images: Range<Int>, _ body: (_ lines: Range<Int>, _ worker: Int) -> Void
  ) {
    let first = images.lowerBound * tiling.tileRows
    context.pool.split(images.count * tiling.tileRows) { worker, range in
      body(first + range.lowerBound..<first + range.upperBound, worker)
    }
  }

  /// Splits matrices with so many rows, one for each point, among the workers.
  private func forEachPoint(rows: Int, _ body: (_ point: Int, _ rows: Range<Int>) -> Void) {
    context.pool.split(transforms.points * rows, grain: 16) { _, range in
      var lower = range.lowerBound
      while lower < range.upperBound {
        let point = lower / rows
        let upper = min((point + 1) * rows, range.upperBound)
        body(point, lower - point * rows..<upper - point * rows)
        lower = upper
      }
    }
  }

  /// A matrix for each point.
  private struct PointMatrices {
    private let base: UnsafeMutablePointer<Float>
    private let stride: Int

    init(_ base: UnsafeMutablePointer<Float>, _ values: Int) {
      self.base = base
      stride = values + WinogradConvolution.gap
    }

    subscript(_ point: Int) -> UnsafeMutablePointer<Float> { base + point * stride }

    /// The same place of all matrices.
    func grid(_ offset: Int, _ transforms: WinogradTransforms) -> WinogradTransforms.MutableGrid {
      .init(base + offset, rowStride: transforms.patchSide * stride, columnStride: stride)
    }
  }
}
