import CBLAS
import Platform

/// Row-major single-precision matrix products. The only file that calls C BLAS.
package enum GEMM {
  /// Makes each call run on the calling thread alone; our own workers call it side by side. Where OpenBLAS is built
  /// with OpenMP, that number is one of each thread, which would else start others, and wait for them in vain.
  private static let limitThreads: @convention(c) (Int32) -> Void = {
    openblas_set_num_threads(1)
    let isBuiltWithOpenMP = openblas_get_parallel() == 2
    guard isBuiltWithOpenMP, let symbol = dlsym(nil, "omp_set_num_threads") else { return { _ in } }
    return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Void).self)
  }()

  /// A matrix in memory: where its first value is, and how many values lie from the beginning of one stored row to that
  /// of the next.
  package struct Matrix {
    package var base: UnsafePointer<Float>
    package var stride: Int

    package init(_ base: UnsafePointer<Float>, stride: Int) {
      self.base = base
      self.stride = stride
    }

    /// The same matrix from a row and a column on.
    func part(_ isTransposed: Bool, _ row: Int, _ column: Int) -> Matrix {
      Matrix(base + (isTransposed ? column * stride + row : row * stride + column), stride: stride)
    }
  }

  /// `c = op(a) · op(b)`, or `c += op(a) · op(b)`, where `op(a)` is `[rows, inner]`, `op(b)` is `[inner, columns]` and
  /// `c` is `[rows, columns]`, all contiguous.
  ///
  /// - Parameters:
  ///   - transposeA: `a` is stored `[inner, rows]`.
  ///   - transposeB: `b` is stored `[columns, inner]`.
  ///   - accumulate: add to what `c` holds.
  package static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, transposeB: Bool = false, into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    multiply(
      ProductShape(rows: rows, columns: columns, inner: inner, transposeA: transposeA, transposeB: transposeB),
      Matrix(a, stride: transposeA ? rows : inner), Matrix(b, stride: transposeB ? inner : columns), into: c,
      stride: columns, accumulate: accumulate)
  }

  /// The same for matrices that are parts of others, in pieces where these are computed faster than the whole.
  ///
  /// - Parameter stride: values from one row of `c` to the next.
  package static func multiply(
    _ shape: ProductShape, _ a: Matrix, _ b: Matrix, into c: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool
  ) {
    shape.forEachPiece { rows, columns, inner in
      multiplyAtOnce(
        shape.piece(rows: rows.count, columns: columns.count, inner: inner.count),
        a.part(shape.transposeA, rows.lowerBound, inner.lowerBound),
        b.part(shape.transposeB, inner.lowerBound, columns.lowerBound),
        into: c + rows.lowerBound * stride + columns.lowerBound, stride: stride,
        accumulate: accumulate || inner.lowerBound > 0)
    }
  }

  /// The same by one call of sgemm.
  package static func multiplyAtOnce(
    _ shape: ProductShape, _ a: Matrix, _ b: Matrix, into c: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool
  ) {
    limitThreads(1)
    cblas_sgemm(
      CblasRowMajor, shape.transposeA ? CblasTrans : CblasNoTrans, shape.transposeB ? CblasTrans : CblasNoTrans,
      blasint(shape.rows), blasint(shape.columns), blasint(shape.inner), 1, a.base, blasint(a.stride), b.base,
      blasint(b.stride), accumulate ? 1 : 0, c, blasint(stride))
  }

  /// "OpenBLAS 0.3.21"; a build of it that does not say its version says "OpenBLAS" alone.
  package static var libraryVersion: String {
    guard let configuration = openblas_get_config() else { return "OpenBLAS" }
    return String(cString: configuration).split(separator: " ").prefix(2).joined(separator: " ")
  }

  /// The name of the kernel set that OpenBLAS took when it was loaded, such as "SkylakeX".
  package static var kernelName: String {
    guard let name = openblas_get_corename() else { return "unknown" }
    return String(cString: name)
  }
}
