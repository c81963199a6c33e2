import Compute
import Platform

/// One direction of a Winograd convolution: its tiles, who takes which, in which blocks, and the transforms of a block.
struct WinogradPass {
  let transforms: WinogradTransforms
  let tiling: WinogradTiling
  let partition: WinogradPartition
  /// Channels that are summed over.
  let inner: Int
  /// Channels that come out.
  private let columns: Int
  /// Lines of tiles that pass through the steps together.
  private let blockLines: Int
  /// The most lines and columns of a worker.
  private let largest: (lines: Int, columns: Int)

  init(_ geometry: ConvolutionGeometry, columns: Int, tileSide: Int, workers: Int, maximumCount: Int) {
    transforms = WinogradTransforms(tileSide: tileSide)
    tiling = WinogradTiling(geometry, tileSide: tileSide)
    inner = geometry.input.channels
    self.columns = columns
    let lines = maximumCount * tiling.tileRows
    partition = WinogradPartition(
      lines: lines, lineTiles: tiling.tileColumns, inner: inner, columns: columns, workers: workers)
    largest = partition.largestShare(lines: lines)
    let e = getenv("WB").flatMap { Int(String(cString: $0)) } ?? 4096
    let m = getenv("WM").flatMap { Int(String(cString: $0)) } ?? 32
    let keep = getenv("WK").flatMap { Int(String(cString: $0)) } ?? 3_000_000
    let all = largest.lines * tiling.tileColumns
    var tiles = max(m, e / max(inner, min(columns, ProductShape.panelColumns(columns))))
    if transforms.points * all * inner <= keep && transforms.points * inner * largest.columns > 600_000 { tiles = all }
    blockLines = max(1, min(largest.lines, tiles / tiling.tileColumns))
  }

  // MARK: Who does what

  /// What a worker does.
  struct Share {
    let lines: Range<Int>
    let columns: Range<Int>
    fileprivate let blockLines: Int
    fileprivate let panelColumns: Int

    /// Its lines, as they pass through the steps together; none if it has no columns.
    var blocks: some Sequence<Range<Int>> { Share.parts(columns.isEmpty ? 0..<0 : lines, blockLines) }
    /// Its columns, as they are multiplied together.
    var panels: some Sequence<Range<Int>> { Share.parts(columns, panelColumns) }

    private static func parts(_ range: Range<Int>, _ size: Int) -> some Sequence<Range<Int>> {
      stride(from: range.lowerBound, to: range.upperBound, by: size).lazy.map { $0..<min($0 + size, range.upperBound) }
    }
  }

  func share(of worker: Int, images: Int) -> Share {
    Share(
      lines: partition.lines(of: worker, of: images * tiling.tileRows), columns: partition.columns(of: worker),
      blockLines: blockLines, panelColumns: ProductShape.panelColumns(largest.columns))
  }

  /// Whether the kernels of all panels of a worker stay at the points, since there are more blocks than one.
  var keepsKernels: Bool { largest.lines > blockLines }

  // MARK: Scratch memory

  private var panelColumns: Int { min(ProductShape.panelColumns(largest.columns), largest.columns) }

  /// Values that the kernels of a panel take at the points.
  var panelRoom: Int { PointMatrices.room(points: transforms.points, values: inner * panelColumns) }

  /// The values of each scratch area of a worker.
  ///
  /// - Parameter summing: for the gradient of the weights, too.
  func scratch(summing: Bool) -> [Int] {
    let tiles = blockLines * tiling.tileColumns
    let panels = keepsKernels ? (largest.columns + panelColumns - 1) / panelColumns : 1
    return [
      PointMatrices.room(points: transforms.points, values: tiles * inner),
      PointMatrices.room(points: transforms.points, values: tiles * panelColumns),
      panels * panelRoom,
      max(tiling.bandValues, transforms.tileSide * transforms.tileSide * panelColumns, WinogradKernels.squareValues),
      summing && partition.tileGroups > 1 ? 9 * inner * largest.columns : 0,
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
        transforms.transformPatch(
          tiling.patch(column, of: band), to: patches.grid(tile(line, column, of: block) * inner, transforms),
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
        let points = products.grid(tile(line, column, of: block) * panel.count, transforms).readOnly
        tiling.write(
          column, of: line, to: output + panel.lowerBound, channels: panel.count, stride: columns, edge: edge,
          accumulate: accumulate
        ) { transforms.transformProducts(points, to: $0, channels: panel.count) }
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
        transforms.transformTileGradient(
          outputs, to: points.grid(tile(line, column, of: block) * panel.count, transforms), channels: panel.count)
      }
    }
  }

  /// The number of a tile in its block.
  private func tile(_ line: Int, _ column: Int, of block: Range<Int>) -> Int {
    (line - block.lowerBound) * tiling.tileColumns + column
  }
}
