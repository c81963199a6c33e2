/// A vector for each of the channels that are transformed side by side: a register of AVX-512, two of AVX2, four of
/// NEON.
typealias Lanes = SIMD16<Float>

/// Up to nine vectors: a row or a column of a square; what a transform does not have is zero.
struct Line {
  var x0 = Lanes.zero
  var x1 = Lanes.zero
  var x2 = Lanes.zero
  var x3 = Lanes.zero
  var x4 = Lanes.zero
  var x5 = Lanes.zero
  var x6 = Lanes.zero
  var x7 = Lanes.zero
  var x8 = Lanes.zero
}

extension Line {
  /// Reads so many vectors, `stride` bytes apart.
  @inline(__always) init(_ source: UnsafeRawPointer, stride: Int, count: Int) {
    @inline(__always) func load(_ index: Int) -> Lanes {
      index < count ? source.load(fromByteOffset: index &* stride, as: Lanes.self) : .zero
    }
    self.init(
      x0: load(0), x1: load(1), x2: load(2), x3: load(3), x4: load(4), x5: load(5), x6: load(6), x7: load(7),
      x8: load(8))
  }

  /// Writes the first so many.
  @inline(__always) func write(to target: UnsafeMutableRawPointer, stride: Int, count: Int) {
    @inline(__always) func store(_ index: Int, _ value: Lanes) {
      if index < count { target.storeBytes(of: value, toByteOffset: index &* stride, as: Lanes.self) }
    }
    store(0, x0)
    store(1, x1)
    store(2, x2)
    store(3, x3)
    store(4, x4)
    store(5, x5)
    store(6, x6)
    store(7, x7)
    store(8, x8)
  }
}

/// A matrix that is applied to the rows and to the columns of a square.
protocol LineTransform {
  static var inputs: Int { get }
  static var outputs: Int { get }
  static func apply(_ x: Line) -> Line
}

extension LineTransform {
  /// The matrix on every column, then on every row of that, which all stay in registers as far as there are any.
  ///
  /// - Parameters: where the first vectors of both squares are, and the bytes from one row, and from one column, to the
  ///   next.
  @inline(__always) static func applyToSquare(
    _ source: UnsafeRawPointer, rowStride: Int, columnStride: Int, to target: UnsafeMutableRawPointer,
    targetRowStride: Int, targetColumnStride: Int
  ) {
    @inline(__always) func column(_ index: Int) -> Line {
      guard index < inputs else { return Line() }
      return apply(Line(source + index &* columnStride, stride: rowStride, count: inputs))
    }
    let (c0, c1, c2, c3, c4) = (column(0), column(1), column(2), column(3), column(4))
    let (c5, c6, c7, c8) = (column(5), column(6), column(7), column(8))
    @inline(__always) func row(_ index: Int, _ part: (Line) -> Lanes) {
      guard index < outputs else { return }
      let line = Line(
        x0: part(c0), x1: part(c1), x2: part(c2), x3: part(c3), x4: part(c4), x5: part(c5), x6: part(c6), x7: part(c7),
        x8: part(c8))
      apply(line).write(to: target + index &* targetRowStride, stride: targetColumnStride, count: outputs)
    }
    row(0) { $0.x0 }
    row(1) { $0.x1 }
    row(2) { $0.x2 }
    row(3) { $0.x3 }
    row(4) { $0.x4 }
    row(5) { $0.x5 }
    row(6) { $0.x6 }
    row(7) { $0.x7 }
    row(8) { $0.x8 }
  }
}
