/// A part of the im2col matrix in a worker's scratch memory, as one or more slices of its columns.
package struct PatchTile {
  /// Rows of the im2col matrix.
  package let rows: Range<Int>
  /// How many slices of columns there are; the columns of slice s are `s · sliceValues ..< (s + 1) · sliceValues`.
  package let slices: Int
  package let sliceValues: Int
  private let data: UnsafePointer<Float>
  private let sliceStride: Int

  init(_ data: UnsafePointer<Float>, rows: Range<Int>, slices: Int, sliceValues: Int, sliceStride: Int) {
    self.data = data
    self.rows = rows
    self.slices = slices
    self.sliceValues = sliceValues
    self.sliceStride = sliceStride
  }

  /// `[rows.count, sliceValues]`.
  package func slice(_ index: Int) -> UnsafePointer<Float> { data + index * sliceStride }
}

extension ConvolutionGeometry {
  /// Rows of the im2col matrix that a worker handles at a time.
  package static let tileRows = 256

  /// Whether a tile is made by expanding input rows rather than whole patches.
  ///
  /// With stride 1, what lies under one kernel row at output row y lies under the next kernel row at output row y − 1.
  /// So each input row is expanded once, to `[outputWidth, kernelSize · channels]`, and serves as one slice of columns
  /// of `kernelSize` output rows: a third of the im2col work for a 3×3 kernel, and a tile that fits the cache. It needs
  /// a product per kernel row, which pays where these are long enough and an image fills a tile.
  package var expandsRows: Bool {
    stride == 1 && kernelSize > 1 && kernelSize * input.channels >= 64 && outputWidth <= Self.tileRows
      && outputPositions >= Self.tileRows
  }

  /// Slices of columns that each tile has.
  package var slices: Int { expandsRows ? kernelSize : 1 }

  /// Ranges of rows for `forEachTile` begin at multiples of it.
  package var rowGrain: Int { expandsRows ? outputWidth : 1 }

  /// Floats of scratch memory that `forEachTile` needs.
  package var tileValues: Int { isPointwise ? 0 : Self.tileRows * patchValues }

  /// Calls `body` with tiles that together are the rows `rows` of the im2col matrix, in order.
  ///
  /// - Parameters:
  ///   - images: `[count, height, width, channels]`.
  ///   - rows: begins and ends at multiples of `rowGrain`.
  ///   - scratch: room for `tileValues`; each tile is valid until the next.
  package func forEachTile(
    of images: UnsafePointer<Float>, rows: Range<Int>, scratch: UnsafeMutablePointer<Float>, _ body: (PatchTile) -> Void
  ) {
    if expandsRows { return forEachExpandedTile(of: images, rows: rows, scratch: scratch, body) }
    for part in rows.parts(of: Self.tileRows) {
      var data = images + part.lowerBound * patchValues
      if !isPointwise {
        im2col(images, rows: part, into: scratch)
        data = UnsafePointer(scratch)
      }
      body(PatchTile(data, rows: part, slices: 1, sliceValues: patchValues, sliceStride: 0))
    }
  }

  private func forEachExpandedTile(
    of images: UnsafePointer<Float>, rows: Range<Int>, scratch: UnsafeMutablePointer<Float>, _ body: (PatchTile) -> Void
  ) {
    let band = kernelSize * input.channels
    // In rows of output images, all images one below the other.
    var line = rows.lowerBound / outputWidth
    let end = rows.upperBound / outputWidth
    while line < end {
      let (image, y) = line.quotientAndRemainder(dividingBy: outputHeight)
      let count = min(Self.tileRows / outputWidth, end - line, outputHeight - y)
      let pixels = images + image * input.values
      for index in 0..<count + kernelSize - 1 {
        expand(pixels, row: y - padding + index, into: scratch + index * outputWidth * band)
      }
      body(
        PatchTile(
          scratch, rows: line * outputWidth..<(line + count) * outputWidth, slices: kernelSize, sliceValues: band,
          sliceStride: outputWidth * band))
      line += count
    }
  }

  /// Writes what lies under one kernel row at each output column: `[outputWidth, kernelSize · channels]`; 0 outside the
  /// image.
  private func expand(_ pixels: UnsafePointer<Float>, row: Int, into expanded: UnsafeMutablePointer<Float>) {
    let channels = input.channels
    let band = kernelSize * channels
    guard row >= 0 && row < input.height else { return expanded.update(repeating: 0, count: outputWidth * band) }
    let source = pixels + row * input.width * channels
    for x in 0..<outputWidth {
      let target = expanded + x * band
      let columns = valid(from: x - padding, extent: input.width)
      let before = columns.lowerBound * channels
      let inside = columns.count * channels
      if inside < band {
        target.update(repeating: 0, count: before)
        (target + before + inside).update(repeating: 0, count: band - before - inside)
      }
      (target + before).update(from: source + (x - padding + columns.lowerBound) * channels, count: inside)
    }
  }
}
