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

  /// `c = op(a) · op(b)`, or `c += op(a) · op(b)`, where `op(a)` is `[rows, inner]`, `op(b)` is `[inner, columns]` and
  /// `c` is `[rows, columns]`, all contiguous but for `strideA`.
  ///
  /// - Parameters:
  ///   - transposeA: `a` is stored `[inner, rows]`.
  ///   - strideA: values from one stored row of `a` to the next, if they are not contiguous.
  ///   - transposeB: `b` is stored `[columns, inner]`.
  ///   - accumulate: add to what `c` holds.
  package static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, transposeA: Bool = false, strideA: Int? = nil,
    _ b: UnsafePointer<Float>, transposeB: Bool = false, into c: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    limitThreads(1)
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, blasint(rows),
      blasint(columns), blasint(inner), 1, a, blasint(strideA ?? (transposeA ? rows : inner)), b,
      blasint(transposeB ? inner : columns), accumulate ? 1 : 0, c, blasint(columns))
  }

  /// The name of the kernel set that OpenBLAS took when it was loaded, such as "SkylakeX".
  package static var kernelName: String {
    guard let name = openblas_get_corename() else { return "unknown" }
    return String(cString: name)
  }
}
