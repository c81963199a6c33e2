/// Winograd's minimal filtering for 3×3 kernels (Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*,
/// 2015, section 4): `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for a kernel `g` and the inputs `d` under a tile of outputs. The
/// product ⊙ at each point, summed over channels, is a matrix product over tiles.
///
/// Every transform works on `channels` values at once, a multiple of `lanes`, which lie side by side.
package enum WinogradTransforms: Sendable {
  /// F(4×4, 3×3): 36 multiplications for a tile of 4×4 outputs instead of 144. Its transposed convolution is another of
  /// the kind, the kernel rotated by 180°.
  case unitStride
  /// Stride 2: inputs and kernel divided into those of even and of odd position, F(4, 2) for the outer taps: 81
  /// multiplications for 4×4 outputs instead of 144.
  case strideTwo
  /// The transposed convolution of one with stride 2 and padding 1, the kernel rotated by 180°: 8×8 gradients of inputs
  /// from 5×5 of outputs, with as many multiplications.
  case transposedStrideTwo

  /// Values that are transformed side by side.
  package static let lanes = Lanes.scalarCount
  /// Of a transformed kernel, on each axis, and in all.
  package static let kernelPointsSide = 6
  package static let kernelPoints = kernelPointsSide * kernelPointsSide

  /// Outputs of a tile on each axis.
  package var tileSide: Int { self == .transposedStrideTwo ? 8 : 4 }

  /// Inputs under a tile on each axis.
  package var patchSide: Int {
    switch self {
    case .unitStride: 6
    case .strideTwo: 9
    case .transposedStrideTwo: 5
    }
  }

  /// Inputs from one tile to the next.
  package var patchStep: Int { self == .strideTwo ? 8 : 4 }

  /// Points on each axis, and in all.
  package var pointsSide: Int { self == .unitStride ? 6 : 9 }
  package var points: Int { pointsSide * pointsSide }

  /// The point of the kernel that a point is multiplied by: with stride 2 the middle tap serves the last four of a
  /// line.
  package func kernelPoint(of point: Int) -> Int {
    let (row, column) = point.quotientAndRemainder(dividingBy: pointsSide)
    let last = Self.kernelPointsSide - 1
    return min(row, last) * Self.kernelPointsSide + min(column, last)
  }

  /// `Bᵀ d B`: what is under a tile, to the points.
  package func transformPatch(_ patch: Grid, to points: MutableGrid, channels: Int) {
    switch self {
    case .unitStride: Self.apply(PatchTransform.self, patch, points, channels)
    case .strideTwo: Self.apply(PolyphasePatchTransform.self, patch, points, channels)
    case .transposedStrideTwo: Self.apply(TransposedPatchTransform.self, patch, points, channels)
    }
  }

  /// `G g Gᵀ`: a kernel, to its points.
  package func transformKernel(_ kernel: Grid, to points: MutableGrid, channels: Int) {
    switch self {
    case .unitStride: Self.apply(KernelTransform.self, kernel, points, channels)
    case .strideTwo, .transposedStrideTwo: Self.apply(PolyphaseKernelTransform.self, kernel, points, channels)
    }
  }

  /// `Aᵀ m A`: the points, to a tile of outputs.
  package func transformProducts(_ points: Grid, to tile: MutableGrid, channels: Int) {
    switch self {
    case .unitStride: Self.apply(ProductsTransform.self, points, tile, channels)
    case .strideTwo: Self.apply(PolyphaseProductsTransform.self, points, tile, channels)
    case .transposedStrideTwo: Self.apply(TransposedProductsTransform.self, points, tile, channels)
    }
  }

  /// `A y Aᵀ`, the adjoint of `transformProducts`: gradients of a tile, to those of the points. Not of a transposed
  /// convolution, of which nobody asks for the gradient.
  package func transformTileGradient(_ tile: Grid, to points: MutableGrid, channels: Int) {
    switch self {
    case .unitStride: Self.apply(TileGradientTransform.self, tile, points, channels)
    case .strideTwo: Self.apply(PolyphaseTileGradientTransform.self, tile, points, channels)
    case .transposedStrideTwo: preconditionFailure("no gradient of a transposed convolution's outputs")
    }
  }

  /// `Gᵀ u G`, the adjoint of `transformKernel`: gradients of a kernel's points, to those of the kernel.
  package func transformKernelGradient(_ points: Grid, to kernel: MutableGrid, channels: Int) {
    switch self {
    case .unitStride: Self.apply(KernelGradientTransform.self, points, kernel, channels)
    case .strideTwo, .transposedStrideTwo:
      Self.apply(PolyphaseKernelGradientTransform.self, points, kernel, channels)
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
