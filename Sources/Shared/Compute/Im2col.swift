extension ConvolutionGeometry {
  /// Writes rows `rows` of the im2col matrix of a batch.
  ///
  /// Row `p` belongs to output position `p mod outputPositions` of image `p / outputPositions`; its columns are ordered
  /// `[kernelHeight, kernelWidth, channels]`, so that a row is `kernelSize` contiguous copies. Outside the image: 0.
  ///
  /// - Parameters:
  ///   - images: `[count, height, width, channels]`.
  ///   - rows: which rows of `[count · outputPositions, patchValues]`.
  ///   - tile: `[rows.count, patchValues]`.
  package func im2col(_ images: UnsafePointer<Float>, rows: Range<Int>, into tile: UnsafeMutablePointer<Float>) {
    let channels = input.channels
    let band = kernelSize * channels
    var row = tile
    var (image, position) = rows.lowerBound.quotientAndRemainder(dividingBy: outputPositions)
    var (y, x) = position.quotientAndRemainder(dividingBy: outputWidth)
    for _ in rows {
      let pixels = images + image * input.values
      let top = y * stride - padding
      let left = x * stride - padding
      let columns = valid(from: left, extent: input.width)
      let before = columns.lowerBound * channels
      let inside = columns.count * channels
      for kernelRow in 0..<kernelSize {
        let inputRow = top + kernelRow
        if inputRow < 0 || inputRow >= input.height {
          row.update(repeating: 0, count: band)
        } else {
          let source = pixels + (inputRow * input.width + left + columns.lowerBound) * channels
          if inside == band {
            copy(source, to: row, count: band)
          } else {
            (row).update(repeating: 0, count: before)
            copy(source, to: row + before, count: inside)
            (row + before + inside).update(repeating: 0, count: band - before - inside)
          }
        }
        row += band
      }
      x += 1
      if x == outputWidth {
        x = 0
        y += 1
        if y == outputHeight {
          y = 0
          image += 1
        }
      }
    }
  }

  /// The adjoint of `im2col`: adds each value of the tile to the input position that im2col would have read it from.
  ///
  /// - Parameters:
  ///   - tile: `[rows.count, patchValues]`.
  ///   - rows: which rows of the im2col matrix the tile holds.
  ///   - images: `[count, height, width, channels]`, added to.
  package func col2im(_ tile: UnsafePointer<Float>, rows: Range<Int>, addingTo images: UnsafeMutablePointer<Float>) {
    let channels = input.channels
    var row = tile
    for p in rows {
      let (image, position) = p.quotientAndRemainder(dividingBy: outputPositions)
      let (y, x) = position.quotientAndRemainder(dividingBy: outputWidth)
      let pixels = images + image * input.values
      let top = y * stride - padding
      let left = x * stride - padding
      let columns = valid(from: left, extent: input.width)
      for kernelRow in 0..<kernelSize {
        let inputRow = top + kernelRow
        if inputRow >= 0 && inputRow < input.height {
          let target = pixels + (inputRow * input.width + left + columns.lowerBound) * channels
          let source = row + columns.lowerBound * channels
          for index in 0..<columns.count * channels { target[index] += source[index] }
        }
        row += kernelSize * channels
      }
    }
  }
}

/// Copies a short run: in line, since a call of memmove costs more than a few vectors.
@inline(__always) private func copy(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int)
{
  if count < 32 {
    for index in 0..<count { target[index] = source[index] }
  } else {
    target.update(from: source, count: count)
  }
}
