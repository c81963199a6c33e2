/// A vector for each of the channels that are transformed side by side: a register of AVX-512, two of AVX2, four of
/// NEON.
typealias Lanes = SIMD16<Float>

/// Up to six vectors: a row or a column of a square; what a transform does not have is zero.
struct Line {
  var x0 = Lanes.zero
  var x1 = Lanes.zero
  var x2 = Lanes.zero
  var x3 = Lanes.zero
  var x4 = Lanes.zero
  var x5 = Lanes.zero
}

extension Line {
  /// Reads so many vectors, `stride` bytes apart.
  @inline(__always) init(_ source: UnsafeRawPointer, stride: Int, count: Int) {
    @inline(__always) func load(_ index: Int) -> Lanes {
      index < count ? source.load(fromByteOffset: index &* stride, as: Lanes.self) : .zero
    }
    self.init(x0: load(0), x1: load(1), x2: load(2), x3: load(3), x4: load(4), x5: load(5))
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
    let (c0, c1, c2, c3, c4, c5) = (column(0), column(1), column(2), column(3), column(4), column(5))
    @inline(__always) func row(_ index: Int, _ part: (Line) -> Lanes) {
      guard index < outputs else { return }
      apply(Line(x0: part(c0), x1: part(c1), x2: part(c2), x3: part(c3), x4: part(c4), x5: part(c5)))
        .write(to: target + index &* targetRowStride, stride: targetColumnStride, count: outputs)
    }
    row(0) { $0.x0 }
    row(1) { $0.x1 }
    row(2) { $0.x2 }
    row(3) { $0.x3 }
    row(4) { $0.x4 }
    row(5) { $0.x5 }
  }
}

/// F(4, 3), points 0, ±1, ±2, ∞: Bᵀ.
enum PatchTransform: LineTransform {
  static let inputs = 6
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (even, odd) = (x.x4 - x.x2, x.x3 - x.x1)
    let (evenOne, oddOne) = (x.x4 - 4 * x.x2, x.x3 - 4 * x.x1)
    let oddTwo = odd + odd
    return Line(
      x0: 4 * (x.x0 - x.x2) + even, x1: evenOne + oddOne, x2: evenOne - oddOne, x3: even + oddTwo, x4: even - oddTwo,
      x5: x.x5 - x.x3 - 4 * odd)
  }
}

/// G.
enum KernelTransform: LineTransform {
  static let inputs = 3
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line) -> Line {
    let evenOne = (-1.0 / 6) * (x.x0 + x.x2)
    let oddOne = (1.0 / 6) * x.x1
    let evenTwo = (1.0 / 24) * x.x0 + (1.0 / 6) * x.x2
    let oddTwo = (1.0 / 12) * x.x1
    return Line(
      x0: 0.25 * x.x0, x1: evenOne - oddOne, x2: evenOne + oddOne, x3: evenTwo + oddTwo, x4: evenTwo - oddTwo, x5: x.x2)
  }
}

/// Gᵀ.
enum KernelGradientTransform: LineTransform {
  static let inputs = 6
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (sumOne, sumTwo) = ((1.0 / 6) * (x.x1 + x.x2), x.x3 + x.x4)
    return Line(
      x0: 0.25 * x.x0 - sumOne + (1.0 / 24) * sumTwo, x1: (1.0 / 6) * (x.x2 - x.x1) + (1.0 / 12) * (x.x3 - x.x4),
      x2: (1.0 / 6) * sumTwo - sumOne + x.x5)
  }
}

/// Aᵀ.
enum ProductsTransform: LineTransform {
  static let inputs = 6
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (sumOne, differenceOne) = (x.x1 + x.x2, x.x1 - x.x2)
    let (sumTwo, half) = (x.x3 + x.x4, x.x3 - x.x4)
    let differenceTwo = half + half
    return Line(
      x0: x.x0 + sumOne + sumTwo, x1: differenceOne + differenceTwo, x2: sumOne + 4 * sumTwo,
      x3: differenceOne + 4 * differenceTwo + x.x5)
  }
}

/// A.
enum TileGradientTransform: LineTransform {
  static let inputs = 4
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (evenOne, oddOne) = (x.x0 + x.x2, x.x1 + x.x3)
    let (evenTwo, oddTwo) = (x.x0 + 4 * x.x2, 2 * x.x1 + 8 * x.x3)
    return Line(
      x0: x.x0, x1: evenOne + oddOne, x2: evenOne - oddOne, x3: evenTwo + oddTwo, x4: evenTwo - oddTwo, x5: x.x3)
  }
}
