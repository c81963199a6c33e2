import Compute

/// One direction of a Winograd convolution: its tiles, who takes which, in which blocks, and the transforms of a block.
struct WinogradPass {
  let tiling: WinogradTiling
  let partition: WorkPartition
  /// Channels that are summed over.
  let inner: Int
  /// Channels that come out.
  private let columns: Int
  /// Lines of tiles that pass through the steps together.
  private let blockLines: Int
  /// The most lines and columns of a worker.
  private let largest: (lines: Int, columns: Int)

  /// Tiles of a block, and at most twice as many if these are all: with 64 channels their points take 0.6 MB. From 16
  /// to 128 whole networks were equally fast; with stride 2, 32 are faster than 16 and 64.
  private static func blockTiles(_ transforms: WinogradTransforms) -> Int { transforms == .unitStride ? 64 : 32 }

  init(_ tiling: WinogradTiling, columns: Int, workers: Int, maximumCount: Int) {
    self.tiling = tiling
    inner = tiling.input.channels
    self.columns = columns
    let lines = maximumCount * tiling.tileRows
    partition = WorkPartition(
      lines: lines, lineTiles: tiling.tileColumns, inner: inner, columns: columns, workers: workers)
    largest = partition.largestShare(lines: lines)
    let all = largest.lines * tiling.tileColumns
    let blockTiles = Self.blockTiles(tiling.transforms)
    let tiles = all <= 2 * blockTiles ? all : blockTiles
    blockLines = max(1, tiles / tiling.tileColumns)
  }

  // MARK: Who does what

  /// What a worker does.
  struct Share {
    let lines: Range<Int>
    let columns: Range<Int>
    fileprivate let blockLines: Int
    fileprivate let panelColumns: Int

    /// Its lines, as they pass through the steps together; none if it has no columns.
    var blocks: some Sequence<Range<Int>> { (columns.isEmpty ? 0..<0 : lines).parts(of: blockLines) }
    /// Its columns, as they are multiplied together.
    var panels: some Sequence<Range<Int>> { columns.parts(of: panelColumns) }
  }

  /// Lines of tiles of so many images.
  func lines(of images: Int) -> Int { images * tiling.tileRows }

  func share(of worker: Int, images: Int) -> Share {
    Share(
      lines: partition.lines(of: worker, of: lines(of: images)), columns: partition.columns(of: worker),
      blockLines: blockLines, panelColumns: panelColumns)
  }

  /// Whether the kernels of all panels of a worker stay at the points, since there are more blocks than one.
  var keepsKernels: Bool { largest.lines > blockLines }

  /// The input channels, as the gradient of their weights is summed: part by part, each of which stays in a cache until
  /// it is transformed; all at once if it has to stay from block to block.
  var inputParts: some Sequence<Range<Int>> { (0..<inner).parts(of: keepsKernels ? inner : 64) }

  // MARK: Scratch memory

  /// Values from one tile to the next at a point of the patches: not a power of two, or the rows that a product reads
  /// together would fall into the same places of a cache.
  var patchStride: Int { inner + 16 }

  private var panelColumns: Int { ProductShape.panelColumns(largest.columns) }

  /// Values that the kernels of a panel take at the points.
  var panelRoom: Int { PointMatrices.room(side: WinogradTransforms.kernelPointsSide, values: inner * panelColumns) }

  /// The values of each scratch area of a worker.
  ///
  /// - Parameter summing: for the gradient of the weights, too.
  func scratch(summing: Bool) -> [Int] {
    let tiles = blockLines * tiling.tileColumns
    let (pointsSide, tileSide) = (tiling.transforms.pointsSide, tiling.transforms.tileSide)
    let panels = keepsKernels ? (largest.columns + panelColumns - 1) / panelColumns : 1
    return [
      PointMatrices.room(side: pointsSide, values: tiles * patchStride),
      PointMatrices.room(side: pointsSide, values: tiles * panelColumns),
      panels * panelRoom,
      max(
        tiling.bandValues, tileSide * tileSide * panelColumns,
        WinogradKernels.squareValues),
      summing ? WeightSums.room(partition, rows: 9 * inner, columns: largest.columns) : 0,
    ]
  }

  // MARK: The transforms of a block

  /// What is under each tile, to the points: `[points, tiles, inner]`.
  func transformPatches(
    _ block: Range<Int>, of input: UnsafePointer<Float>, to patches: PointMatrices, band: UnsafeMutablePointer<Float>
  ) {
    for line in block {
      tiling.copyBand(of: line, input, into: band)
      for column in 0..<tiling.tileColumns {
        tiling.transforms.transformPatch(
          tiling.patch(column, of: band), to: patches.grid(tile(line, column, of: block) * patchStride),
          channels: inner)
      }
    }
  }

  /// The products of a panel, `[points, tiles, panel]`, to outputs.
  func write(
    _ products: PointMatrices, _ block: Range<Int>, _ panel: Range<Int>, to output: UnsafeMutablePointer<Float>,
    edge: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for line in block {
      for column in 0..<tiling.tileColumns {
        let points = products.grid(tile(line, column, of: block) * panel.count).readOnly
        tiling.write(
          column, of: line, to: output + panel.lowerBound, channels: panel.count, stride: columns, edge: edge,
          accumulate: accumulate
        ) { tiling.transforms.transformProducts(points, to: $0, channels: panel.count) }
      }
    }
  }

  /// Gradients of the outputs of a panel, to those of the points: `[points, tiles, panel]`.
  func transformTileGradients(
    _ block: Range<Int>, _ panel: Range<Int>, of gradient: UnsafePointer<Float>, to points: PointMatrices,
    edge: UnsafeMutablePointer<Float>
  ) {
    for line in block {
      for column in 0..<tiling.tileColumns {
        let outputs = tiling.outputs(
          column, of: line, gradient + panel.lowerBound, channels: panel.count, stride: columns, edge: edge)
        tiling.transforms.transformTileGradient(
          outputs, to: points.grid(tile(line, column, of: block) * panel.count), channels: panel.count)
      }
    }
  }

  /// The number of a tile in its block.
  private func tile(_ line: Int, _ column: Int, of block: Range<Int>) -> Int {
    (line - block.lowerBound) * tiling.tileColumns + column
  }
}
