/// Winograd's minimal filtering F(4×4, 3×3) for 3×3 kernels and tiles of 4×4 outputs (Lavin and Gray, *Fast Algorithms
/// for Convolutional Neural Networks*, 2015, section 4): `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for a kernel `g` and the 6×6
/// inputs `d` under a tile. The product ⊙ at each of the 36 points, summed over channels, is a matrix product over
/// tiles.
///
/// Every transform works on `channels` values at once, a multiple of `lanes`, which lie side by side.
package enum WinogradTransforms {
  /// Values that are transformed side by side.
  package static let lanes = Lanes.scalarCount
  /// Outputs of a tile on each axis.
  package static let tileSide = 4
  /// Inputs under a tile, and points, on each axis.
  package static let patchSide = tileSide + 2
  package static let points = patchSide * patchSide

  /// `Bᵀ d B`: what is under a tile, to the points.
  package static func transformPatch(_ patch: Grid, to points: MutableGrid, channels: Int) {
    apply(PatchTransform.self, patch, points, channels)
  }

  /// `G g Gᵀ`: a kernel, to the points.
  package static func transformKernel(_ kernel: Grid, to points: MutableGrid, channels: Int) {
    apply(KernelTransform.self, kernel, points, channels)
  }

  /// `Aᵀ m A`: the points, to a tile of outputs.
  package static func transformProducts(_ points: Grid, to tile: MutableGrid, channels: Int) {
    apply(ProductsTransform.self, points, tile, channels)
  }

  /// `A y Aᵀ`, the adjoint of `transformProducts`: gradients of a tile, to those of the points.
  package static func transformTileGradient(_ tile: Grid, to points: MutableGrid, channels: Int) {
    apply(TileGradientTransform.self, tile, points, channels)
  }

  /// `Gᵀ u G`, the adjoint of `transformKernel`: gradients of the points, to those of the kernel.
  package static func transformKernelGradient(_ points: Grid, to kernel: MutableGrid, channels: Int) {
    apply(KernelGradientTransform.self, points, kernel, channels)
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

  @inline(__always) private static func apply<Transform: LineTransform>(
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
