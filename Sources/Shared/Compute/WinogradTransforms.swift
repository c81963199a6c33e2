/// Winograd's minimal filtering for 3×3 kernels and tiles of m×m outputs, m = 2 or 4 (Lavin and Gray, *Fast Algorithms
/// for Convolutional Neural Networks*, 2015, section 4): `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for a kernel `g` and the (m +
/// 2)×(m + 2) inputs `d` under a tile. The product ⊙ at each of the (m + 2)² points, summed over channels, is a matrix
/// product over tiles.
///
/// Every transform works on `channels` values at once, a multiple of `WinogradTransforms.lanes`, which lie side by
/// side.
package struct WinogradTransforms: Sendable {
  /// m: outputs of a tile on each axis.
  package let tileSide: Int

  /// - Parameter tileSide: 2 or 4.
  package init(tileSide: Int) {
    precondition(tileSide == 2 || tileSide == 4, "no transform for tiles of \(tileSide)x\(tileSide)")
    self.tileSide = tileSide
  }

  /// Values that are transformed side by side.
  package static let lanes = Lanes.scalarCount
  /// m + 2: inputs under a tile, and points, on each axis.
  package var patchSide: Int { tileSide + 2 }
  package var points: Int { patchSide * patchSide }

  /// `Bᵀ d B`: what is under a tile, to the points.
  package func transformPatch(_ patch: Grid, to points: MutableGrid, channels: Int) {
    apply(Patch4.self, Patch2.self, patch, points, channels)
  }

  /// `G g Gᵀ`: a kernel, to the points.
  package func transformKernel(_ kernel: Grid, to points: MutableGrid, channels: Int) {
    apply(Kernel4.self, Kernel2.self, kernel, points, channels)
  }

  /// `Aᵀ m A`: the points, to a tile of outputs.
  package func transformProducts(_ points: Grid, to tile: MutableGrid, channels: Int) {
    apply(Products4.self, Products2.self, points, tile, channels)
  }

  /// `A y Aᵀ`, the adjoint of `transformProducts`: gradients of a tile, to those of the points.
  package func transformTileGradient(_ tile: Grid, to points: MutableGrid, channels: Int) {
    apply(TileGradient4.self, TileGradient2.self, tile, points, channels)
  }

  /// `Gᵀ u G`, the adjoint of `transformKernel`: gradients of the points, to those of the kernel.
  package func transformKernelGradient(_ points: Grid, to kernel: MutableGrid, channels: Int) {
    apply(KernelGradient4.self, KernelGradient2.self, points, kernel, channels)
  }

  /// Transposes a matrix of `lanes`×`lanes` values.
  ///
  /// - Parameter stride: values from one row of the source to the next; the target is contiguous.
  package static func transposeSquare(
    _ source: UnsafePointer<Float>, stride: Int, into target: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<lanes {
      for column in 0..<lanes { target[row * lanes + column] = source[column * stride + row] }
    }
  }

  /// Where the values of a square of positions are: the channels of position (row, column) begin at `base + row ·
  /// rowStride + column · columnStride`. Aligned to `lanes`.
  package struct Grid {
    package var base: UnsafePointer<Float>
    package var rowStride: Int
    package var columnStride: Int

    package init(_ base: UnsafePointer<Float>, rowStride: Int, columnStride: Int) {
      self.base = base
      self.rowStride = rowStride
      self.columnStride = columnStride
    }
  }

  /// The same, to write to.
  package struct MutableGrid {
    package var base: UnsafeMutablePointer<Float>
    package var rowStride: Int
    package var columnStride: Int

    package init(_ base: UnsafeMutablePointer<Float>, rowStride: Int, columnStride: Int) {
      self.base = base
      self.rowStride = rowStride
      self.columnStride = columnStride
    }

    package var readOnly: Grid { Grid(base, rowStride: rowStride, columnStride: columnStride) }
  }

  /// Applies the one for this size of tiles.
  @inline(__always) private func apply<Four: LineTransform, Two: LineTransform>(
    _ four: Four.Type, _ two: Two.Type, _ source: Grid, _ target: MutableGrid, _ channels: Int
  ) { if tileSide == 4 { apply(four, source, target, channels) } else { apply(two, source, target, channels) } }

  @inline(__always) private func apply<Transform: LineTransform>(
    _: Transform.Type, _ source: Grid, _ target: MutableGrid, _ channels: Int
  ) {
    let size = MemoryLayout<Float>.stride
    for channel in stride(from: 0, to: channels, by: Self.lanes) {
      Transform.applyToSquare(
        source.base + channel, rowStride: source.rowStride &* size, columnStride: source.columnStride &* size,
        to: target.base + channel, targetRowStride: target.rowStride &* size,
        targetColumnStride: target.columnStride &* size)
    }
  }
}
