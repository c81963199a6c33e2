import Platform
import TestSupport
import Testing

@testable import Compute

@Suite struct GEMMTests {
  /// `[rows, columns, inner]`, all sides different, from a vector to more than a kernel's block, and to several pieces.
  static let sizes = [
    (1, 1, 1), (2, 3, 5), (7, 4, 3), (1, 17, 9), (33, 1, 12), (19, 35, 40), (70, 130, 141), (203, 71, 85),
    (30, 70, 600),
  ]

  @Test(arguments: sizes, [0, 1, 2, 3])
  func multipliesLikeExplicitLoops(size: (Int, Int, Int), transposed: Int) {
    let (rows, columns, inner) = size
    let transposeA = transposed & 1 != 0
    let transposeB = transposed & 2 != 0
    let a = Tensor.random(FeatureShape(channels: rows * inner), count: 1, seed: 1)
    let b = Tensor.random(FeatureShape(channels: inner * columns), count: 1, seed: 2)
    let before = Tensor.random(FeatureShape(channels: rows * columns), count: 1, seed: 3)
    for accumulate in [false, true] {
      var expected: [Double] = []
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = accumulate ? Double(before.data[row * columns + column]) : 0
          for k in 0..<inner {
            let x = transposeA ? a.data[k * rows + row] : a.data[row * inner + k]
            let y = transposeB ? b.data[column * inner + k] : b.data[k * columns + column]
            sum += Double(x) * Double(y)
          }
          expected.append(sum)
        }
      }
      let c = Tensor(before.shape, count: 1)
      c.copy(from: before)
      if !accumulate { c.buffer.update(repeating: .nan) }  // what c holds must not matter
      GEMM.multiply(
        rows: rows, columns: columns, inner: inner, a.data, transposeA: transposeA, b.data,
        transposeB: transposeB, into: c.data, accumulate: accumulate)
      expectClose(
        c.buffer, expected, floor: max(1, Double(inner).squareRoot() / 4),
        "\(size), transposed A \(transposeA), B \(transposeB), accumulate \(accumulate)")
    }
  }

  /// Every place of a product once, whatever its sides, and none above the size that needs no packing.
  @Test(arguments: [(64, 64, 64), (64, 64, 300), (250, 512, 4608), (4608, 512, 250), (17, 10, 70_000)], [false, true])
  func piecesAreTheProduct(size: (Int, Int, Int), transposeA: Bool) {
    let shape = ProductShape(rows: size.0, columns: size.1, inner: size.2, transposeA: transposeA)
    var (multiplications, ends) = (0, Set<[Int]>())
    shape.forEachPiece { rows, columns, inner in
      let piece = rows.count * columns.count * inner.count
      multiplications += piece
      if ProductShape.largestUnpacked > 0 { #expect(piece <= ProductShape.largestUnpacked) }
      // What was summed before of this place ended where this piece begins.
      if inner.lowerBound > 0 {
        #expect(ends.remove([rows.lowerBound, columns.lowerBound, inner.lowerBound]) != nil)
      }
      if inner.upperBound < shape.inner { ends.insert([rows.lowerBound, columns.lowerBound, inner.upperBound]) }
    }
    #expect(multiplications == size.0 * size.1 * size.2)
    #expect(ends.isEmpty)
  }

  /// Parts of larger matrices: what lies between their rows is neither read nor written.
  @Test(arguments: [(3, 5, 7), (90, 100, 130)]) func multipliesPartsOfMatrices(size: (Int, Int, Int)) {
    let (rows, columns, inner) = size
    func part(_ rows: Int, _ columns: Int, seed: UInt64) -> (whole: Tensor, values: [Float]) {
      let whole = Tensor.random(FeatureShape(channels: rows * (columns + 3)), count: 1, seed: seed)
      let values = (0..<rows).flatMap { row in (0..<columns).map { whole.data[row * (columns + 3) + $0] } }
      for row in 0..<rows { for gap in columns..<columns + 3 { whole.data[row * (columns + 3) + gap] = .nan } }
      return (whole, values)
    }
    for transposeA in [false, true] {
      let a = transposeA ? part(inner, rows, seed: 1) : part(rows, inner, seed: 1)
      let b = part(inner, columns, seed: 2)
      let c = Tensor(FeatureShape(channels: rows * (columns + 4)), count: 1)
      c.buffer.update(repeating: 7)
      GEMM.multiply(
        ProductShape(rows: rows, columns: columns, inner: inner, transposeA: transposeA),
        .init(a.whole.data, stride: (transposeA ? rows : inner) + 3), .init(b.whole.data, stride: columns + 3),
        into: c.data, stride: columns + 4, accumulate: false)
      var expected = Array(repeating: Float(0), count: rows * columns)
      GEMM.multiply(
        rows: rows, columns: columns, inner: inner, a.values, transposeA: transposeA, b.values, into: &expected)
      for row in 0..<rows {
        for column in 0..<columns + 4 {
          let value = c.data[row * (columns + 4) + column]
          #expect(column < columns ? abs(value - expected[row * columns + column]) < 1e-3 : value == 7)
        }
      }
    }
  }

  @Test func multipliesByHand() {
    let a = Tensor(FeatureShape(channels: 6), [1, 2, 3, 4, 5, 6])  // [2, 3]
    let b = Tensor(FeatureShape(channels: 3), [1, 0, -1])  // [3, 1]
    let c = Tensor(FeatureShape(channels: 2), [10, 20])
    GEMM.multiply(rows: 2, columns: 1, inner: 3, a.data, b.data, into: c.data, accumulate: true)
    expectSame(c.buffer, [8, 18])
  }

  @Test func kernelSetHasAName() {
    #expect(!GEMM.kernelName.isEmpty)
  }

  /// OpenBLAS with OpenMP has a number of threads for each thread that calls it.
  @Test func everyThreadComputesAlone() throws {
    guard let symbol = dlsym(nil, "omp_get_max_threads") else { return }
    let threads = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)
    let count = Guarded<Int32?>(nil)
    try Thread {
      let ones: [Float] = [1, 1, 1, 1]
      var products: [Float] = [0, 0, 0, 0]
      GEMM.multiply(rows: 2, columns: 2, inner: 2, ones, ones, into: &products)
      count.change { $0 = threads() }
    }.join()
    #expect(count.withLock { $0 } == 1)
  }
}
