/// The sides of a matrix product `op(a) · op(b)`: `[rows, inner] · [inner, columns]`.
package struct ProductShape {
  package var rows: Int
  package var columns: Int
  package var inner: Int
  /// `a` is stored `[inner, rows]`.
  package var transposeA = false
  /// `b` is stored `[columns, inner]`.
  package var transposeB = false

  package init(rows: Int, columns: Int, inner: Int, transposeA: Bool = false, transposeB: Bool = false) {
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.transposeA = transposeA
    self.transposeB = transposeB
  }

  /// A product of other sides.
  func piece(rows: Int, columns: Int, inner: Int) -> ProductShape {
    ProductShape(rows: rows, columns: columns, inner: inner, transposeA: transposeA, transposeB: transposeB)
  }

  /// Multiplications of the largest product that OpenBLAS computes from its operands as they lie; 0 if it has no such
  /// kernels.
  ///
  /// sgemm copies both operands into an order of its own before it multiplies, which takes a tenth to a third of its
  /// time where a side is short. For AVX-512 OpenBLAS (since 0.3.18) has kernels that do not, for products of up to
  /// 100³ multiplications whose right side is not transposed (kernel/x86_64/sgemm_small_kernel_permit_skylakex.c). A
  /// larger product is faster in pieces of that size than as a whole.
  static let largestUnpacked: Int =
    ["skylakex", "cooperlake", "sapphirerapids"].contains(GEMM.kernelName.lowercased()) ? 1_000_000 : 0

  /// Columns of a piece: four vectors of 16, which the kernel holds for several rows at once.
  private static let pieceColumns = 64

  /// How many columns of the right side of products should lie together, if these are to be computed panel by panel.
  package static func panelColumns(_ columns: Int) -> Int {
    largestUnpacked > 0 ? min(columns, pieceColumns) : columns
  }

  /// Calls `body` with parts that together are the product; those of one place of the result come in the order of
  /// `inner`.
  func forEachPiece(_ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ inner: Range<Int>) -> Void) {
    let whole = (rows: 0..<rows, columns: 0..<columns, inner: 0..<inner)
    guard Self.largestUnpacked > 0, !transposeB, rows * columns * inner > Self.largestUnpacked else {
      return body(whole.rows, whole.columns, whole.inner)
    }
    let size = pieceSize
    let (rows, columns) = (whole.rows.parts(of: size.rows), whole.columns.parts(of: size.columns))
    let inner = whole.inner.parts(of: size.inner)
    if transposeA {
      for rows in rows { for columns in columns { for inner in inner { body(rows, columns, inner) } } }
    } else {
      for columns in columns { for inner in inner { for rows in rows { body(rows, columns, inner) } } }
    }
  }

  /// The right side's part stays in a cache near by while the rows pass.
  private var pieceSize: (rows: Int, columns: Int, inner: Int) {
    let columns = min(columns, Self.pieceColumns)
    func even(_ count: Int, atMost most: Int) -> Int {
      let parts = (count + most - 1) / most
      return ((count + parts - 1) / parts + 15) / 16 * 16
    }
    func fitting(_ count: Int, _ other: Int) -> Int {
      even(count, atMost: max(16, Self.largestUnpacked / (columns * other) / 16 * 16))
    }
    // With `a` transposed a long sum is worth more: each piece writes its part of the result once.
    if transposeA {
      let rows = even(rows, atMost: 64)
      return (rows, columns, fitting(self.inner, rows))
    }
    let inner = even(inner, atMost: 256)
    return (fitting(self.rows, inner), columns, inner)
  }
}
