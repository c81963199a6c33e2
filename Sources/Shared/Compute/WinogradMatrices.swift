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
