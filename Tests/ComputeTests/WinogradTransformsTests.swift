import Compute
import Testing

@Suite struct WinogradTransformsTests {
  private static let lanes = WinogradTransforms.lanes
  private static let side = WinogradTransforms.tileSide

  /// A square of positions with `lanes` channels each.
  private struct Square {
    let side: Int
    let tensor: Tensor

    init(_ side: Int, seed: UInt64) {
      self.side = side
      tensor = .random(
        FeatureShape(height: side, width: side, channels: WinogradTransforms.lanes), count: 1, seed: seed)
    }

    init(_ side: Int, _ value: (_ row: Int, _ column: Int) -> Float) {
      self.init(side, seed: 0)
      for row in 0..<side {
        for column in 0..<side {
          for lane in 0..<WinogradTransforms.lanes { self[row, column, lane] = value(row, column) }
        }
      }
    }

    subscript(_ row: Int, _ column: Int, _ lane: Int) -> Float {
      get { tensor.data[(row * side + column) * WinogradTransforms.lanes + lane] }
      nonmutating set { tensor.data[(row * side + column) * WinogradTransforms.lanes + lane] = newValue }
    }

    var grid: WinogradTransforms.Grid { mutableGrid.readOnly }
    var mutableGrid: WinogradTransforms.MutableGrid {
      .init(
        tensor.data, rowStride: side * WinogradTransforms.lanes, columnStride: WinogradTransforms.lanes)
    }

    func dot(_ other: Square) -> Double {
      zip(tensor.buffer, other.tensor.buffer).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
  }

  /// The tile that a kernel makes of a patch.
  private static func filter(_ patch: Square, _ kernel: Square) -> Square {
    let (patches, weights) = (Square(Self.side + 2, seed: 3), Square(Self.side + 2, seed: 4))
    WinogradTransforms.transformPatch(patch.grid, to: patches.mutableGrid, channels: lanes)
    WinogradTransforms.transformKernel(kernel.grid, to: weights.mutableGrid, channels: lanes)
    for index in 0..<patches.tensor.values { patches.tensor.data[index] *= weights.tensor.data[index] }
    let tile = Square(Self.side, seed: 5)
    WinogradTransforms.transformProducts(patches.grid, to: tile.mutableGrid, channels: lanes)
    return tile
  }

  @Test func filtersAsTheDefinitionSays() {
    let (patch, kernel) = (Square(Self.side + 2, seed: 1), Square(3, seed: 2))
    let tile = Self.filter(patch, kernel)
    var expected: [Double] = []
    for row in 0..<Self.side {
      for column in 0..<Self.side {
        for lane in 0..<Self.lanes {
          var sum = 0.0
          for ky in 0..<3 {
            for kx in 0..<3 {
              sum += Double(patch[row + ky, column + kx, lane]) * Double(kernel[ky, kx, lane])
            }
          }
          expected.append(sum)
        }
      }
    }
    expectClose(tile.tensor.buffer, expected, tolerance: 2e-5)
  }

  /// By hand, one axis: (1 2 3 4 5 6) under (10 1 0.5) is (13.5 25 36.5 48).
  @Test func byHand() {
    let patch = Square(6) { row, column in Float(column + 1) }
    let kernel = Square(3) { row, column in row == 0 ? [10, 1, 0.5][column] : 0 }
    let tile = Self.filter(patch, kernel)
    for row in 0..<4 {
      for (column, expected) in [13.5, 25, 36.5, 48].enumerated() {
        #expect(abs(Double(tile[row, column, 0]) - expected) < 1e-4)
      }
    }
  }

  /// A one in the middle of the kernel leaves the middle of the patch.
  @Test func identityKernel() {
    let patch = Square(Self.side + 2) { row, column in Float(row * 8 + column) }
    let tile = Self.filter(patch, Square(3) { row, column in row == 1 && column == 1 ? 1 : 0 })
    for row in 0..<Self.side {
      for column in 0..<Self.side {
        #expect(abs(tile[row, column, 0] - patch[row + 1, column + 1, 0]) < 1e-4)
      }
    }
  }

  /// ⟨T x, y⟩ = ⟨x, Tᵀ y⟩.
  @Test func gradientTransformsAreTheAdjoints() {
    let points = Square(Self.side + 2, seed: 1)
    let (tile, tileOfPoints) = (Square(Self.side, seed: 2), Square(Self.side, seed: 3))
    let pointsOfTile = Square(Self.side + 2, seed: 4)
    WinogradTransforms.transformProducts(points.grid, to: tileOfPoints.mutableGrid, channels: Self.lanes)
    WinogradTransforms.transformTileGradient(tile.grid, to: pointsOfTile.mutableGrid, channels: Self.lanes)
    let (left, right) = (tileOfPoints.dot(tile), points.dot(pointsOfTile))
    #expect(abs(left - right) < 1e-4 * max(1, abs(left)), "\(left) and \(right)")

    let (kernel, kernelOfPoints) = (Square(3, seed: 5), Square(3, seed: 6))
    let pointsOfKernel = Square(Self.side + 2, seed: 7)
    WinogradTransforms.transformKernel(kernel.grid, to: pointsOfKernel.mutableGrid, channels: Self.lanes)
    WinogradTransforms.transformKernelGradient(points.grid, to: kernelOfPoints.mutableGrid, channels: Self.lanes)
    let (one, other) = (pointsOfKernel.dot(points), kernel.dot(kernelOfPoints))
    #expect(abs(one - other) < 1e-4 * max(1, abs(one)), "\(one) and \(other)")
  }

  /// Only what the grids name is read and written.
  @Test func stridesAreHeeded() {
    let lanes = Self.lanes
    let source = Tensor.random(FeatureShape(height: 11, width: 11, channels: 3 * lanes), count: 1)
    let target = Tensor(FeatureShape(channels: 36 * 5 * lanes), count: 1)
    target.buffer.update(repeating: 7)
    WinogradTransforms.transformPatch(
      .init(source.data + lanes, rowStride: 2 * 11 * 3 * lanes, columnStride: 3 * lanes),
      to: .init(target.data, rowStride: 6 * 5 * lanes, columnStride: 5 * lanes), channels: 2 * lanes)
    for point in 0..<36 {
      for index in 2 * lanes..<5 * lanes { #expect(target.data[point * 5 * lanes + index] == 7) }
    }
    let patch = Square(6) { _, _ in 0 }
    for row in 0..<6 {
      for column in 0..<6 {
        for lane in 0..<lanes {
          patch[row, column, lane] = source.data[((2 * row * 11 + column) * 3 + 2) * lanes + lane]
        }
      }
    }
    let points = Square(6, seed: 1)
    WinogradTransforms.transformPatch(patch.grid, to: points.mutableGrid, channels: lanes)
    for point in 0..<36 {
      for lane in 0..<lanes {
        #expect(target.data[(point * 5 + 1) * lanes + lane] == points.tensor.data[point * lanes + lane])
      }
    }
  }
}
