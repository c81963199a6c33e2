import Compute

/// The tiles that the outputs of a 3×3 convolution are divided into, and what lies under each.
struct WinogradTiling {
  /// Of one image; tiles at the right and at the bottom may reach beyond it.
  let tileRows: Int
  let tileColumns: Int
  private let geometry: ConvolutionGeometry
  private var tileSide: Int { WinogradTransforms.tileSide }

  init(_ geometry: ConvolutionGeometry) {
    self.geometry = geometry
    let tileSide = WinogradTransforms.tileSide
    tileRows = (geometry.outputHeight + tileSide - 1) / tileSide
    tileColumns = (geometry.outputWidth + tileSide - 1) / tileSide
  }

  /// A line of tiles, all images one below the other: its image, and the output row that it begins at.
  private func place(of line: Int) -> (image: Int, y: Int) {
    let (image, row) = line.quotientAndRemainder(dividingBy: tileRows)
    return (image, row * tileSide)
  }

  /// The rows of the matrix `[count · outputHeight · outputWidth, channels]` that lines of tiles cover.
  func rows(of lines: Range<Int>) -> Range<Int> {
    func row(_ line: Int) -> Int {
      let (image, y) = place(of: line)
      return image * geometry.outputPositions + y * geometry.outputWidth
    }
    return row(lines.lowerBound)..<row(lines.upperBound)
  }

  // MARK: Inputs

  /// Columns of inputs under a line of tiles.
  private var bandWidth: Int { tileColumns * tileSide + 2 }

  /// Values that `copyBand` writes.
  var bandValues: Int { (tileSide + 2) * bandWidth * geometry.input.channels }

  /// Copies all inputs under a line of tiles, 0 outside the image: `[tileSide + 2, bandWidth, channels]`. So no tile is
  /// a special case.
  func copyBand(of line: Int, _ input: UnsafePointer<Float>, into band: UnsafeMutablePointer<Float>) {
    let (channels, width) = (geometry.input.channels, geometry.input.width)
    let (image, y) = place(of: line)
    let pixels = input + image * geometry.input.values
    let before = min(geometry.padding, bandWidth)
    let inside = min(width, bandWidth - before)
    let after = bandWidth - before - inside
    for row in 0..<tileSide + 2 {
      let target = band + row * bandWidth * channels
      let inputRow = y - geometry.padding + row
      guard inputRow >= 0 && inputRow < geometry.input.height else {
        target.update(repeating: 0, count: bandWidth * channels)
        continue
      }
      target.update(repeating: 0, count: before * channels)
      (target + before * channels).update(from: pixels + inputRow * width * channels, count: inside * channels)
      (target + (before + inside) * channels).update(repeating: 0, count: after * channels)
    }
  }

  /// The inputs under the tile in a column of a band.
  func patch(_ column: Int, of band: UnsafePointer<Float>) -> WinogradTransforms.Grid {
    let channels = geometry.input.channels
    return .init(band + column * tileSide * channels, rowStride: bandWidth * channels, columnStride: channels)
  }

  // MARK: Outputs

  /// Where the outputs of a tile are, and how many of its rows and columns lie inside the image.
  private func tile(_ column: Int, of line: Int) -> (row: Int, height: Int, width: Int) {
    let (image, y) = place(of: line)
    let x = column * tileSide
    return (
      image * geometry.outputPositions + y * geometry.outputWidth + x, min(tileSide, geometry.outputHeight - y),
      min(tileSide, geometry.outputWidth - x)
    )
  }

  private func isWhole(_ tile: (row: Int, height: Int, width: Int)) -> Bool {
    tile.height == tileSide && tile.width == tileSide
  }

  /// Some channels of the outputs of a tile, 0 outside the image.
  ///
  /// - Parameters:
  ///   - output: the first of these channels of the batch.
  ///   - stride: channels that it has in all.
  ///   - edge: room for a tile, used if not all of it is inside.
  func outputs(
    _ column: Int, of line: Int, _ output: UnsafePointer<Float>, channels: Int, stride: Int,
    edge: UnsafeMutablePointer<Float>
  ) -> WinogradTransforms.Grid {
    let tile = tile(column, of: line)
    let origin = output + tile.row * stride
    if isWhole(tile) { return .init(origin, rowStride: geometry.outputWidth * stride, columnStride: stride) }
    edge.update(repeating: 0, count: tileSide * tileSide * channels)
    for row in 0..<tile.height {
      for column in 0..<tile.width {
        (edge + (row * tileSide + column) * channels).update(
          from: origin + (row * geometry.outputWidth + column) * stride, count: channels)
      }
    }
    return .init(edge, rowStride: tileSide * channels, columnStride: channels)
  }

  /// Writes some channels of the outputs of a tile that lie inside the image.
  ///
  /// - Parameters:
  ///   - output, channels, stride: as for `outputs`.
  ///   - edge: room for a tile, used if not all are inside or if they are added.
  ///   - accumulate: add them to what is there.
  ///   - compute: writes the tile.
  func write(
    _ column: Int, of line: Int, to output: UnsafeMutablePointer<Float>, channels: Int, stride: Int,
    edge: UnsafeMutablePointer<Float>, accumulate: Bool, _ compute: (WinogradTransforms.MutableGrid) -> Void
  ) {
    let tile = tile(column, of: line)
    let origin = output + tile.row * stride
    if isWhole(tile) && !accumulate {
      return compute(.init(origin, rowStride: geometry.outputWidth * stride, columnStride: stride))
    }
    compute(.init(edge, rowStride: tileSide * channels, columnStride: channels))
    for row in 0..<tile.height {
      for column in 0..<tile.width {
        let source = edge + (row * tileSide + column) * channels
        let target = origin + (row * geometry.outputWidth + column) * stride
        if accumulate {
          for channel in 0..<channels { target[channel] += source[channel] }
        } else {
          target.update(from: source, count: channels)
        }
      }
    }
  }
}
