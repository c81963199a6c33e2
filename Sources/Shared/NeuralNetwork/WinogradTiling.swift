import Compute

/// The tiles that the outputs of a 3×3 convolution are divided into, and what lies under each.
struct WinogradTiling {
  /// Of one image; tiles at the right and at the bottom may reach beyond it.
  let tileRows: Int
  let tileColumns: Int
  private let geometry: ConvolutionGeometry
  private let tileSide: Int

  init(_ geometry: ConvolutionGeometry, tileSide: Int) {
    self.geometry = geometry
    self.tileSide = tileSide
    tileRows = (geometry.outputHeight + tileSide - 1) / tileSide
    tileColumns = (geometry.outputWidth + tileSide - 1) / tileSide
  }

  var tilesPerImage: Int { tileRows * tileColumns }

  /// A tile: the image, and the output position that it begins at.
  struct Place {
    var image: Int
    var y: Int
    var x: Int
  }

  /// The rows of the matrix `[count · outputHeight · outputWidth, channels]` that lines of tiles cover, all images one
  /// below the other.
  func rows(of lines: Range<Int>) -> Range<Int> {
    func row(_ line: Int) -> Int {
      let (image, tileRow) = line.quotientAndRemainder(dividingBy: tileRows)
      return image * geometry.outputPositions + tileRow * tileSide * geometry.outputWidth
    }
    return row(lines.lowerBound)..<row(lines.upperBound)
  }

  /// The tiles of some lines, with the number of each, counted from those of image `first`.
  func tiles(of lines: Range<Int>, from first: Int) -> some Sequence<(index: Int, place: Place)> {
    (lines.lowerBound * tileColumns..<lines.upperBound * tileColumns).lazy.map { number in
      let (line, column) = number.quotientAndRemainder(dividingBy: tileColumns)
      let (image, row) = line.quotientAndRemainder(dividingBy: tileRows)
      return (number - first * tilesPerImage, Place(image: image, y: row * tileSide, x: column * tileSide))
    }
  }

  /// The inputs under a tile, 0 outside the image.
  ///
  /// - Parameter edge: room for them, used if not all are inside.
  func patch(_ place: Place, of input: UnsafePointer<Float>, edge: UnsafeMutablePointer<Float>)
    -> WinogradTransforms.Grid
  {
    square(
      tileSide + 2, of: input + place.image * geometry.input.values, geometry.input, y: place.y - geometry.padding,
      x: place.x - geometry.padding, edge: edge)
  }

  /// The outputs of a tile, 0 outside the image.
  func tile(_ place: Place, of output: UnsafePointer<Float>, channels: Int, edge: UnsafeMutablePointer<Float>)
    -> WinogradTransforms.Grid
  {
    square(
      tileSide, of: output + place.image * geometry.outputPositions * channels, outputShape(channels), y: place.y,
      x: place.x, edge: edge)
  }

  private func outputShape(_ channels: Int) -> FeatureShape {
    FeatureShape(height: geometry.outputHeight, width: geometry.outputWidth, channels: channels)
  }

  private func square(
    _ side: Int, of image: UnsafePointer<Float>, _ shape: FeatureShape, y: Int, x: Int,
    edge: UnsafeMutablePointer<Float>
  ) -> WinogradTransforms.Grid {
    let channels = shape.channels
    let origin = image + (y * shape.width + x) * channels
    if y >= 0 && x >= 0 && y + side <= shape.height && x + side <= shape.width {
      return .init(origin, rowStride: shape.width * channels, columnStride: channels)
    }
    let columns = max(0, -x)..<max(max(0, -x), min(side, shape.width - x))
    for row in 0..<side {
      let target = edge + row * side * channels
      guard y + row >= 0 && y + row < shape.height else {
        target.update(repeating: 0, count: side * channels)
        continue
      }
      target.update(repeating: 0, count: columns.lowerBound * channels)
      (target + columns.lowerBound * channels).update(
        from: origin + (row * shape.width + columns.lowerBound) * channels, count: columns.count * channels)
      (target + columns.upperBound * channels).update(repeating: 0, count: (side - columns.upperBound) * channels)
    }
    return .init(edge, rowStride: side * channels, columnStride: channels)
  }

  /// Writes the outputs of a tile that lie inside the image.
  ///
  /// - Parameters:
  ///   - edge: room for a tile, used if not all are inside or if they are added.
  ///   - accumulate: add them to what is there.
  ///   - compute: writes the tile.
  func write(
    _ place: Place, to output: UnsafeMutablePointer<Float>, channels: Int, edge: UnsafeMutablePointer<Float>,
    accumulate: Bool, _ compute: (WinogradTransforms.MutableGrid) -> Void
  ) {
    let width = geometry.outputWidth
    let rows = min(tileSide, geometry.outputHeight - place.y)
    let columns = min(tileSide, width - place.x)
    let origin = output + (place.image * geometry.outputPositions + place.y * width + place.x) * channels
    if rows == tileSide && columns == tileSide && !accumulate {
      return compute(.init(origin, rowStride: width * channels, columnStride: channels))
    }
    compute(.init(edge, rowStride: tileSide * channels, columnStride: channels))
    for row in 0..<rows {
      let source = edge + row * tileSide * channels
      let target = origin + row * width * channels
      if accumulate {
        for index in 0..<columns * channels { target[index] += source[index] }
      } else {
        target.update(from: source, count: columns * channels)
      }
    }
  }
}
