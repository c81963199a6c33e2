/// Copies of transposed matrices.
package enum Transposition {
  private static let side = 16

  /// `target[column, row] = source[row, column]`.
  ///
  /// - Parameters:
  ///   - sourceStride, targetStride: values from one row to the next.
  package static func copy(
    rows: Int, columns: Int, _ source: UnsafePointer<Float>, sourceStride: Int,
    to target: UnsafeMutablePointer<Float>, targetStride: Int
  ) {
    // A block of columns is written to 16 rows of the target, which stay in the cache.
    for column in stride(from: 0, to: columns, by: side) {
      let width = min(side, columns - column)
      for row in stride(from: 0, to: rows, by: side) {
        let height = min(side, rows - row)
        let from = source + row * sourceStride + column
        let to = target + column * targetStride + row
        if width == side && height == side {
          copySquare(from, sourceStride, to, targetStride)
        } else {
          for x in 0..<width { for y in 0..<height { to[x * targetStride + y] = from[y * sourceStride + x] } }
        }
      }
    }
  }

  private typealias Row = SIMD16<Float>
  private typealias Rows = (Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row, Row)

  /// 16×16 values in registers. Each of four sortings makes the lowest bit of a value's column number the highest of
  /// its row number, and the lowest of its row number the highest of its column number.
  @inline(__always) private static func copySquare(
    _ source: UnsafePointer<Float>, _ sourceStride: Int, _ target: UnsafeMutablePointer<Float>, _ targetStride: Int
  ) {
    let bytes = UnsafeRawPointer(source)
    @inline(__always) func row(_ index: Int) -> Row {
      bytes.loadUnaligned(fromByteOffset: index &* sourceStride &* MemoryLayout<Float>.stride, as: Row.self)
    }
    let rows = sort(
      sort(
        sort(
          sort(
            (
              row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7), row(8), row(9), row(10), row(11), row(12),
              row(13), row(14), row(15)
            )))))
    let place = UnsafeMutableRawPointer(target)
    @inline(__always) func write(_ index: Int, _ row: Row) {
      place.storeBytes(of: row, toByteOffset: index &* targetStride &* MemoryLayout<Float>.stride, as: Row.self)
    }
    write(0, rows.0)
    write(1, rows.1)
    write(2, rows.2)
    write(3, rows.3)
    write(4, rows.4)
    write(5, rows.5)
    write(6, rows.6)
    write(7, rows.7)
    write(8, rows.8)
    write(9, rows.9)
    write(10, rows.10)
    write(11, rows.11)
    write(12, rows.12)
    write(13, rows.13)
    write(14, rows.14)
    write(15, rows.15)
  }

  @inline(__always) private static func sort(_ r: Rows) -> Rows {
    @inline(__always) func even(_ a: Row, _ b: Row) -> Row { Row(lowHalf: a.evenHalf, highHalf: b.evenHalf) }
    @inline(__always) func odd(_ a: Row, _ b: Row) -> Row { Row(lowHalf: a.oddHalf, highHalf: b.oddHalf) }
    return (
      even(r.0, r.1), even(r.2, r.3), even(r.4, r.5), even(r.6, r.7), even(r.8, r.9), even(r.10, r.11),
      even(r.12, r.13), even(r.14, r.15), odd(r.0, r.1), odd(r.2, r.3), odd(r.4, r.5), odd(r.6, r.7), odd(r.8, r.9),
      odd(r.10, r.11), odd(r.12, r.13), odd(r.14, r.15)
    )
  }
}
