import Compute

/// The tiles that the outputs of a 3×3 convolution, or of a transposed one, are divided into, and what lies under each.
struct WinogradTiling {
  let transforms: WinogradTransforms
  /// Of one image; tiles at the right and at the bottom may reach beyond it.
  let tileRows: Int
  let tileColumns: Int
  let input: FeatureShape
  private let output: FeatureShape
  /// Rows and columns of zeros before the input that the first tile sees.
  private let padding: Int

  private init(_ transforms: WinogradTransforms, input: FeatureShape, output: FeatureShape, padding: Int) {
    self.transforms = transforms
    self.input = input
    self.output = output
    self.padding = padding
    tileRows = (output.height + transforms.tileSide - 1) / transforms.tileSide
    tileColumns = (output.width + transforms.tileSide - 1) / transforms.tileSide
  }

  /// Whether there are tiles for a convolution and for its transposed one.
  static func applies(to geometry: ConvolutionGeometry) -> Bool {
    geometry.kernelSize == 3
      && (geometry.stride == 1 && geometry.padding <= 2 || geometry.stride == 2 && geometry.padding == 1)
  }

  /// Of a convolution with so many output channels.
  init(_ geometry: ConvolutionGeometry, outputChannels: Int) {
    self.init(
      geometry.stride == 1 ? .unitStride : .strideTwo, input: geometry.input,
      output: geometry.outputShape(channels: outputChannels), padding: geometry.padding)
  }

  /// Of the convolution that turns the gradient of its outputs into that of its inputs.
  init(transposed geometry: ConvolutionGeometry, outputChannels: Int) {
    self.init(
      geometry.stride == 1 ? .unitStride : .transposedStrideTwo, input: geometry.outputShape(channels: outputChannels),
      output: geometry.input, padding: geometry.stride == 1 ? 2 - geometry.padding : 0)
  }

  /// A line of tiles, all images one below the other: its image, and the output row that it begins at.
  private func place(of line: Int) -> (image: Int, y: Int) {
    let (image, row) = line.quotientAndRemainder(dividingBy: tileRows)
    return (image, row * transforms.tileSide)
  }

  /// The rows of the matrix `[count · outputHeight · outputWidth, channels]` that lines of tiles cover.
  func rows(of lines: Range<Int>) -> Range<Int> {
    func row(_ line: Int) -> Int {
      let (image, y) = place(of: line)
      return image * output.positions + y * output.width
    }
    return row(lines.lowerBound)..<row(lines.upperBound)
  }

  // MARK: Inputs

  /// Columns of inputs under a line of tiles.
  private var bandWidth: Int { (tileColumns - 1) * transforms.patchStep + transforms.patchSide }

  /// Values that `copyBand` writes.
  var bandValues: Int { transforms.patchSide * bandWidth * input.channels }

  /// Copies all inputs under a line of tiles, 0 outside the image: `[patchSide, bandWidth, channels]`. So no tile is a
  /// special case.
  func copyBand(of line: Int, _ images: UnsafePointer<Float>, into band: UnsafeMutablePointer<Float>) {
    let (channels, width) = (input.channels, input.width)
    let (image, row) = line.quotientAndRemainder(dividingBy: tileRows)
    let pixels = images + image * input.values
    let firstRow = row * transforms.patchStep - padding
    let before = min(padding, bandWidth)
    let inside = min(width, bandWidth - before)
    let after = bandWidth - before - inside
    for row in 0..<transforms.patchSide {
      let target = band + row * bandWidth * channels
      let inputRow = firstRow + row
      guard inputRow >= 0 && inputRow < input.height else {
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
    .init(
      band + column * transforms.patchStep * input.channels, rowStride: bandWidth * input.channels,
      columnStride: input.channels)
  }

  // MARK: Outputs

  /// Where the outputs of a tile are, and how many of its rows and columns lie inside the image.
  private func tile(_ column: Int, of line: Int) -> (row: Int, height: Int, width: Int) {
    let (image, y) = place(of: line)
    let (x, tileSide) = (column * transforms.tileSide, transforms.tileSide)
    return (
      image * output.positions + y * output.width + x, min(tileSide, output.height - y), min(tileSide, output.width - x)
    )
  }

  private func isWhole(_ tile: (row: Int, height: Int, width: Int)) -> Bool {
    tile.height == transforms.tileSide && tile.width == transforms.tileSide
  }

  /// Some channels of the outputs of a tile, 0 outside the image.
  ///
  /// - Parameters:
  ///   - values: the first of these channels of the batch.
  ///   - stride: channels that it has in all.
  ///   - edge: room for a tile, used if not all of it is inside.
  func outputs(
    _ column: Int, of line: Int, _ values: UnsafePointer<Float>, channels: Int, stride: Int,
    edge: UnsafeMutablePointer<Float>
  ) -> WinogradTransforms.Grid {
    let tile = tile(column, of: line)
    let origin = values + tile.row * stride
    if isWhole(tile) { return .init(origin, rowStride: output.width * stride, columnStride: stride) }
    let tileSide = transforms.tileSide
    edge.update(repeating: 0, count: tileSide * tileSide * channels)
    for row in 0..<tile.height {
      for column in 0..<tile.width {
        (edge + (row * tileSide + column) * channels).update(
          from: origin + (row * output.width + column) * stride, count: channels)
      }
    }
    return .init(edge, rowStride: tileSide * channels, columnStride: channels)
  }

  /// Writes some channels of the outputs of a tile that lie inside the image.
  ///
  /// - Parameters:
  ///   - values, channels, stride: as for `outputs`.
  ///   - edge: room for a tile, used if not all are inside or if they are added.
  ///   - accumulate: add them to what is there.
  ///   - compute: writes the tile.
  func write(
    _ column: Int, of line: Int, to values: UnsafeMutablePointer<Float>, channels: Int, stride: Int,
    edge: UnsafeMutablePointer<Float>, accumulate: Bool, _ compute: (WinogradTransforms.MutableGrid) -> Void
  ) {
    let tile = tile(column, of: line)
    let origin = values + tile.row * stride
    if isWhole(tile) && !accumulate {
      return compute(.init(origin, rowStride: output.width * stride, columnStride: stride))
    }
    let tileSide = transforms.tileSide
    compute(.init(edge, rowStride: tileSide * channels, columnStride: channels))
    for row in 0..<tile.height {
      for column in 0..<tile.width {
        let source = edge + (row * tileSide + column) * channels
        let target = origin + (row * output.width + column) * stride
        if accumulate {
          for channel in 0..<channels { target[channel] += source[channel] }
        } else {
          target.update(from: source, count: channels)
        }
      }
    }
  }
}
