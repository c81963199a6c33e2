/// Winograd's minimal filtering for 3×3 kernels and tiles of m×m outputs, m = 2 or 4 (Lavin and Gray, *Fast
/// Algorithms for Convolutional Neural Networks*, 2015, section 4): `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` for a kernel `g` and
/// the (m + 2)×(m + 2) inputs `d` under a tile. The product ⊙ at each of the (m + 2)² points, summed over channels, is
/// a matrix product over tiles.
///
/// Every transform works on `channels` values at once, a multiple of `WinogradTransforms.lanes`, which lie side by side.
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

  /// Where the values of a square of positions are: the channels of position (row, column) begin at `base + row · rowStride
  /// + column · columnStride`. Aligned to `lanes`.
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
  @inline(__always)
  private func apply<Four: LineTransform, Two: LineTransform>(
    _ four: Four.Type, _ two: Two.Type, _ source: Grid, _ target: MutableGrid, _ channels: Int
  ) {
    if tileSide == 4 {
      apply(four, source, target, channels)
    } else {
      apply(two, source, target, channels)
    }
  }

  /// The line transform on every column, then on every row of that.
  @inline(__always)
  private func apply<Transform: LineTransform>(
    _: Transform.Type, _ source: Grid, _ target: MutableGrid, _ channels: Int
  ) {
    let lanes = Self.lanes
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: Transform.inputs * Transform.outputs) { buffer in
      guard let half = buffer.baseAddress else { return }
      let middle = UnsafeMutableRawPointer(half).assumingMemoryBound(to: Float.self)
      for channel in stride(from: 0, to: channels, by: lanes) {
        for column in 0..<Transform.inputs {
          Transform.apply(
            Line(source.base + channel + column * source.columnStride, source.rowStride),
            MutableLine(middle + column * lanes, Transform.inputs * lanes))
        }
        for row in 0..<Transform.outputs {
          Transform.apply(
            Line(middle + row * Transform.inputs * lanes, lanes),
            MutableLine(target.base + channel + row * target.rowStride, target.columnStride))
        }
      }
    }
  }
}

/// Vectors of the line transforms.
private typealias Lanes = SIMD8<Float>

/// Vectors to read, `stride` values apart.
private struct Line {
  private let base: UnsafeRawPointer
  private let stride: Int

  @inline(__always) init(_ base: UnsafePointer<Float>, _ stride: Int) {
    self.base = UnsafeRawPointer(base)
    self.stride = stride * MemoryLayout<Float>.stride
  }

  @inline(__always) subscript(_ index: Int) -> Lanes {
    base.load(fromByteOffset: index * stride, as: Lanes.self)
  }
}

/// Vectors to write.
private struct MutableLine {
  private let base: UnsafeMutableRawPointer
  private let stride: Int

  @inline(__always) init(_ base: UnsafeMutablePointer<Float>, _ stride: Int) {
    self.base = UnsafeMutableRawPointer(base)
    self.stride = stride * MemoryLayout<Float>.stride
  }

  @inline(__always) func write(_ index: Int, _ value: Lanes) {
    base.storeBytes(of: value, toByteOffset: index * stride, as: Lanes.self)
  }
}

/// A matrix that is applied to the rows and to the columns of a square.
private protocol LineTransform {
  static var inputs: Int { get }
  static var outputs: Int { get }
  static func apply(_ x: Line, _ y: MutableLine)
}

/// F(4, 3), points 0, ±1, ±2, ∞: Bᵀ.
private enum Patch4: LineTransform {
  static let inputs = 6
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    y.write(0, 4 * x0 - 5 * x2 + x4)
    let (evenOne, oddOne) = (x4 - 4 * x2, x3 - 4 * x1)
    y.write(1, evenOne + oddOne)
    y.write(2, evenOne - oddOne)
    let (evenTwo, oddTwo) = (x4 - x2, 2 * (x3 - x1))
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, 4 * x1 - 5 * x3 + x5)
  }
}

/// G.
private enum Kernel4: LineTransform {
  static let inputs = 3
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2) = (x[0], x[1], x[2])
    y.write(0, 0.25 * x0)
    let evenOne = (-1.0 / 6) * (x0 + x2)
    let oddOne = (1.0 / 6) * x1
    y.write(1, evenOne - oddOne)
    y.write(2, evenOne + oddOne)
    let evenTwo = (1.0 / 24) * x0 + (1.0 / 6) * x2
    let oddTwo = (1.0 / 12) * x1
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, x2)
  }
}

/// Gᵀ.
private enum KernelGradient4: LineTransform {
  static let inputs = 6
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    let (sumOne, sumTwo) = ((1.0 / 6) * (x1 + x2), x3 + x4)
    y.write(0, 0.25 * x0 - sumOne + (1.0 / 24) * sumTwo)
    y.write(1, (1.0 / 6) * (x2 - x1) + (1.0 / 12) * (x3 - x4))
    y.write(2, (1.0 / 6) * sumTwo - sumOne + x5)
  }
}

/// Aᵀ.
private enum Products4: LineTransform {
  static let inputs = 6
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    let (sumOne, differenceOne) = (x1 + x2, x1 - x2)
    let (sumTwo, differenceTwo) = (x3 + x4, 2 * (x3 - x4))
    y.write(0, x0 + sumOne + sumTwo)
    y.write(1, differenceOne + differenceTwo)
    y.write(2, sumOne + 4 * sumTwo)
    y.write(3, differenceOne + 4 * differenceTwo + x5)
  }
}

/// A.
private enum TileGradient4: LineTransform {
  static let inputs = 4
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0)
    let (evenOne, oddOne) = (x0 + x2, x1 + x3)
    y.write(1, evenOne + oddOne)
    y.write(2, evenOne - oddOne)
    let (evenTwo, oddTwo) = (x0 + 4 * x2, 2 * x1 + 8 * x3)
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, x3)
  }
}

/// F(2, 3), points 0, ±1, ∞: Bᵀ.
private enum Patch2: LineTransform {
  static let inputs = 4
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0 - x2)
    y.write(1, x1 + x2)
    y.write(2, x2 - x1)
    y.write(3, x1 - x3)
  }
}

/// G.
private enum Kernel2: LineTransform {
  static let inputs = 3
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2) = (x[0], x[1], x[2])
    let (even, odd) = (0.5 * (x0 + x2), 0.5 * x1)
    y.write(0, x0)
    y.write(1, even + odd)
    y.write(2, even - odd)
    y.write(3, x2)
  }
}

/// Gᵀ.
private enum KernelGradient2: LineTransform {
  static let inputs = 4
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    let sum = 0.5 * (x1 + x2)
    y.write(0, x0 + sum)
    y.write(1, 0.5 * (x1 - x2))
    y.write(2, sum + x3)
  }
}

/// Aᵀ.
private enum Products2: LineTransform {
  static let inputs = 4
  static let outputs = 2

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0 + x1 + x2)
    y.write(1, x1 - x2 - x3)
  }
}

/// A.
private enum TileGradient2: LineTransform {
  static let inputs = 2
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1) = (x[0], x[1])
    y.write(0, x0)
    y.write(1, x0 + x1)
    y.write(2, x0 - x1)
    y.write(3, -x1)
  }
}
