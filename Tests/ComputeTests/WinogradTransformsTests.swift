import Compute
import TestSupport
import Testing

@Suite struct WinogradTransformsTests {
  private static let lanes = WinogradTransforms.lanes
  private static let kinds: [WinogradTransforms] = [.unitStride, .strideTwo, .transposedStrideTwo]

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

  /// Which inputs of a patch an output of a tile takes on one axis, and by which taps of the kernel they are
  /// multiplied.
  private static func taps(_ transforms: WinogradTransforms, output: Int) -> [(input: Int, tap: Int)] {
    switch transforms {
    case .unitStride: (0..<3).map { (output + $0, $0) }
    case .strideTwo: (0..<3).map { (2 * output + $0, $0) }
    case .transposedStrideTwo:
      output.isMultiple(of: 2) ? [(output / 2, 1)] : [(output / 2, 0), (output / 2 + 1, 2)]
    }
  }

  /// The tile that a kernel makes of a patch.
  private static func filter(_ transforms: WinogradTransforms, _ patch: Square, _ kernel: Square) -> Square {
    let points = Square(transforms.pointsSide, seed: 3)
    let weights = Square(WinogradTransforms.kernelPointsSide, seed: 4)
    transforms.transformPatch(patch.grid, to: points.mutableGrid, channels: lanes)
    transforms.transformKernel(kernel.grid, to: weights.mutableGrid, channels: lanes)
    for point in 0..<transforms.points {
      for lane in 0..<lanes {
        points.tensor.data[point * lanes + lane] *=
          weights.tensor.data[transforms.kernelPoint(of: point) * lanes + lane]
      }
    }
    let tile = Square(transforms.tileSide, seed: 5)
    transforms.transformProducts(points.grid, to: tile.mutableGrid, channels: lanes)
    return tile
  }

  @Test(arguments: kinds) func filtersAsTheDefinitionSays(_ transforms: WinogradTransforms) {
    let (patch, kernel) = (Square(transforms.patchSide, seed: 1), Square(3, seed: 2))
    let tile = Self.filter(transforms, patch, kernel)
    var expected: [Double] = []
    for row in 0..<transforms.tileSide {
      for column in 0..<transforms.tileSide {
        for lane in 0..<Self.lanes {
          var sum = 0.0
          for (y, ky) in Self.taps(transforms, output: row) {
            for (x, kx) in Self.taps(transforms, output: column) {
              sum += Double(patch[y, x, lane]) * Double(kernel[ky, kx, lane])
            }
          }
          expected.append(sum)
        }
      }
    }
    expectClose(tile.tensor.buffer, expected, tolerance: 2e-5)
  }

  /// By hand, one axis: (1 2 3 4 5 6) under (10 1 0.5) is (13.5 25 36.5 48), with stride 2 (13.5 36.5 59.5 82.5), and
  /// transposed, from (1 2 3 4 5), (1 11 2 21.5 3 32 4 42.5).
  @Test(
    arguments: zip(kinds, [[13.5, 25, 36.5, 48], [13.5, 36.5, 59.5, 82.5], [1, 11, 2, 21.5, 3, 32, 4, 42.5]]))
  func byHand(_ transforms: WinogradTransforms, _ expected: [Double]) {
    let patch = Square(transforms.patchSide) { _, column in Float(column + 1) }
    let kernel = Square(3) { row, column in row == 1 ? [10, 1, 0.5][column] : 0 }
    let tile = Self.filter(transforms, patch, kernel)
    // The middle row of the kernel: with stride 1 or 2 of every output, transposed of every other one.
    for row in stride(from: 0, to: transforms.tileSide, by: transforms == .transposedStrideTwo ? 2 : 1) {
      for column in 0..<transforms.tileSide {
        #expect(abs(Double(tile[row, column, 0]) - expected[column]) < 1e-4)
      }
    }
  }

  /// A one in the middle of the kernel leaves the inputs that it lies on.
  @Test(arguments: kinds) func identityKernel(_ transforms: WinogradTransforms) {
    let patch = Square(transforms.patchSide) { row, column in Float(row * 8 + column) }
    let tile = Self.filter(transforms, patch, Square(3) { row, column in row == 1 && column == 1 ? 1 : 0 })
    for row in 0..<transforms.tileSide {
      for column in 0..<transforms.tileSide {
        let input = { Self.taps(transforms, output: $0).first { $0.tap == 1 }?.input }
        let expected = input(row).flatMap { y in input(column).map { patch[y, $0, 0] } } ?? 0
        #expect(abs(tile[row, column, 0] - expected) < 1e-4)
      }
    }
  }

  /// ⟨T x, y⟩ = ⟨x, Tᵀ y⟩.
  @Test(arguments: [WinogradTransforms.unitStride, .strideTwo])
  func gradientTransformsAreTheAdjoints(_ transforms: WinogradTransforms) {
    let points = Square(transforms.pointsSide, seed: 1)
    let (tile, tileOfPoints) = (Square(transforms.tileSide, seed: 2), Square(transforms.tileSide, seed: 3))
    let pointsOfTile = Square(transforms.pointsSide, seed: 4)
    transforms.transformProducts(points.grid, to: tileOfPoints.mutableGrid, channels: Self.lanes)
    transforms.transformTileGradient(tile.grid, to: pointsOfTile.mutableGrid, channels: Self.lanes)
    let (left, right) = (tileOfPoints.dot(tile), points.dot(pointsOfTile))
    #expect(abs(left - right) < 1e-4 * max(1, abs(left)), "\(left) and \(right)")

    let kernelPoints = Square(WinogradTransforms.kernelPointsSide, seed: 1)
    let (kernel, kernelOfPoints) = (Square(3, seed: 5), Square(3, seed: 6))
    let pointsOfKernel = Square(WinogradTransforms.kernelPointsSide, seed: 7)
    transforms.transformKernel(kernel.grid, to: pointsOfKernel.mutableGrid, channels: Self.lanes)
    transforms.transformKernelGradient(kernelPoints.grid, to: kernelOfPoints.mutableGrid, channels: Self.lanes)
    let (one, other) = (pointsOfKernel.dot(kernelPoints), kernel.dot(kernelOfPoints))
    #expect(abs(one - other) < 1e-4 * max(1, abs(one)), "\(one) and \(other)")
  }

  /// Only what the grids name is read and written.
  @Test func stridesAreHeeded() {
    let lanes = Self.lanes
    let source = Tensor.random(FeatureShape(height: 11, width: 11, channels: 3 * lanes), count: 1)
    let target = Tensor(FeatureShape(channels: 36 * 5 * lanes), count: 1)
    target.buffer.update(repeating: 7)
    WinogradTransforms.unitStride.transformPatch(
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
    WinogradTransforms.unitStride.transformPatch(patch.grid, to: points.mutableGrid, channels: lanes)
    for point in 0..<36 {
      for lane in 0..<lanes {
        #expect(target.data[(point * 5 + 1) * lanes + lane] == points.tensor.data[point * lanes + lane])
      }
    }
  }
}
