import Compute
import Platform
import Testing

@Suite struct GEMMTests {
  /// `[rows, columns, inner]`, all sides different, from a vector to more than a kernel's block.
  static let sizes = [(1, 1, 1), (2, 3, 5), (7, 4, 3), (1, 17, 9), (33, 1, 12), (19, 35, 40)]

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
        c.buffer, expected, "\(size), transposed A \(transposeA), B \(transposeB), accumulate \(accumulate)")
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
