import Compute

/// The right side of the products of an im2col convolution, `[inner, columns]`, in the order in which these read it:
/// panels of columns, one after the other, each `[inner, width]`.
struct WeightPanels {
  private let base: UnsafePointer<Float>
  private let inner: Int
  private let columns: Int
  private var width: Int { ProductShape.panelColumns(columns) }

  private init(_ base: UnsafePointer<Float>, inner: Int, columns: Int) {
    self.base = base
    self.inner = inner
    self.columns = columns
  }

  /// A matrix as it is, copied only if there is more than one panel.
  init(
    _ matrix: UnsafePointer<Float>, inner: Int, columns: Int, copy: UnsafeMutablePointer<Float>, _ pool: WorkerPool
  ) {
    let width = ProductShape.panelColumns(columns)
    guard width < columns else {
      self.init(matrix, inner: inner, columns: columns)
      return
    }
    pool.split(inner) { _, rows in
      for panel in (0..<columns).parts(of: width) {
        for row in rows {
          (copy + panel.lowerBound * inner + row * panel.count).update(
            from: matrix + row * columns + panel.lowerBound, count: panel.count)
        }
      }
    }
    self.init(copy, inner: inner, columns: columns)
  }

  /// The transposes of matrices `[inputs, outputs]`, one for each cell of a kernel: one below the other, in the
  /// opposite order if rotated, or side by side.
  ///
  /// - Parameters:
  ///   - weights: `[cells, inputs, outputs]`.
  ///   - rotated: `[cells · outputs, inputs]`, the last cell first, else `[outputs, cells · inputs]`.
  init(
    transposing weights: UnsafePointer<Float>, cells: Int, inputs: Int, outputs: Int, rotated: Bool,
    copy: UnsafeMutablePointer<Float>, _ pool: WorkerPool
  ) {
    let (inner, columns) = rotated ? (cells * outputs, inputs) : (outputs, cells * inputs)
    let width = ProductShape.panelColumns(columns)
    pool.split(columns, grain: 16) { _, range in
      var column = range.lowerBound
      while column < range.upperBound {
        let (panel, place) = column.quotientAndRemainder(dividingBy: width)
        let panelWidth = min(width, columns - panel * width)
        let count = min(panelWidth - place, range.upperBound - column)
        for part in 0..<(rotated ? cells : 1) {
          Transposition.copy(
            rows: count, columns: outputs,
            weights + ((rotated ? (cells - 1 - part) * inputs : 0) + column) * outputs, sourceStride: outputs,
            to: copy + panel * width * inner + place + part * outputs * panelWidth, targetStride: panelWidth)
        }
        column += count
      }
    }
    self.init(copy, inner: inner, columns: columns)
  }

  /// `c = a · rows of this matrix`, or `c += …`.
  ///
  /// - Parameters:
  ///   - rows: of `a` and `c`.
  ///   - range: of the rows of this matrix, as many as `a` has columns.
  ///   - c: `[rows, columns]`.
  func multiply(
    rows: Int, _ a: UnsafePointer<Float>, range: Range<Int>, into c: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for panel in (0..<columns).parts(of: width) {
      GEMM.multiply(
        ProductShape(rows: rows, columns: panel.count, inner: range.count), .init(a, stride: range.count),
        .init(base + panel.lowerBound * inner + range.lowerBound * panel.count, stride: panel.count),
        into: c + panel.lowerBound,
        stride: columns, accumulate: accumulate)
    }
  }
}
