/// F(4, 2), points 0, ±1, 2, ∞: the two outer taps of a 3-tap kernel with stride 2 see every other input, and are a
/// 2-tap kernel with stride 1 there; the middle tap sees the others. So a line has nine points, which cost nine
/// multiplications for four outputs instead of twelve: five for the outer taps, then four that are multiplied by the
/// middle one as they are.
private enum TwoTaps {
  /// Bᵀ.
  @inline(__always) static func patch(_ x0: Lanes, _ x1: Lanes, _ x2: Lanes, _ x3: Lanes, _ x4: Lanes) -> Line {
    let (odd, even) = (x3 - x1, x2 + x2)
    return Line(
      x0: 2 * x0 - even + odd, x1: odd - x2 - x1, x2: x3 - even - x2 + x1 + x1, x3: odd, x4: x4 - x2 - 2 * odd)
  }

  /// Aᵀ.
  @inline(__always) static func products(_ x: Line) -> Line {
    let (sum, difference) = (x.x1 + x.x2, x.x1 - x.x2)
    return Line(
      x0: x.x0 + sum + x.x3, x1: difference + 2 * x.x3, x2: sum + 4 * x.x3, x3: difference + 8 * x.x3 + x.x4)
  }

  /// A.
  @inline(__always) static func tileGradient(_ x: Line) -> Line {
    let (even, odd) = (x.x0 + x.x2, x.x1 + x.x3)
    return Line(x0: x.x0, x1: even + odd, x2: even - odd, x3: x.x0 + 2 * x.x1 + 4 * x.x2 + 8 * x.x3, x4: x.x3)
  }

  /// The five points of the outer taps, and the four of the middle one.
  @inline(__always) static func joined(_ outer: Line, _ x5: Lanes, _ x6: Lanes, _ x7: Lanes, _ x8: Lanes) -> Line {
    Line(
      x0: outer.x0, x1: outer.x1, x2: outer.x2, x3: outer.x3, x4: outer.x4, x5: x5, x6: x6, x7: x7, x8: x8)
  }
}

/// Nine inputs of a convolution with stride 2.
enum PolyphasePatchTransform: LineTransform {
  static let inputs = 9
  static let outputs = 9

  @inline(__always) static func apply(_ x: Line) -> Line {
    TwoTaps.joined(TwoTaps.patch(x.x0, x.x2, x.x4, x.x6, x.x8), x.x1, x.x3, x.x5, x.x7)
  }
}

/// Three taps: G of the outer ones, then the middle one, which serves four points.
enum PolyphaseKernelTransform: LineTransform {
  static let inputs = 3
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (half, sixth, third) = ((1.0 / 2) * x.x0, (1.0 / 6) * x.x0, (1.0 / 3) * x.x2)
    return Line(
      x0: half, x1: (-1.0 / 2) * x.x2 - half, x2: (1.0 / 6) * x.x2 - sixth, x3: sixth + third, x4: x.x2, x5: x.x1)
  }
}

/// Its adjoint.
enum PolyphaseKernelGradientTransform: LineTransform {
  static let inputs = 6
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line) -> Line {
    let (half, third, sixth): (Float, Float, Float) = (1.0 / 2, 1.0 / 3, 1.0 / 6)
    let first = half * (x.x0 - x.x1) + sixth * (x.x3 - x.x2)
    let last = sixth * x.x2 - half * x.x1 + third * x.x3 + x.x4
    return Line(x0: first, x1: x.x5, x2: last)
  }
}

/// Four outputs of a convolution with stride 2: the sums of both kinds of taps.
enum PolyphaseProductsTransform: LineTransform {
  static let inputs = 9
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line) -> Line {
    let outer = TwoTaps.products(x)
    return Line(x0: outer.x0 + x.x5, x1: outer.x1 + x.x6, x2: outer.x2 + x.x7, x3: outer.x3 + x.x8)
  }
}

/// Its adjoint.
enum PolyphaseTileGradientTransform: LineTransform {
  static let inputs = 4
  static let outputs = 9

  @inline(__always) static func apply(_ x: Line) -> Line {
    TwoTaps.joined(TwoTaps.tileGradient(x), x.x0, x.x1, x.x2, x.x3)
  }
}

/// Five gradients of outputs, of which eight gradients of inputs come.
enum TransposedPatchTransform: LineTransform {
  static let inputs = 5
  static let outputs = 9

  @inline(__always) static func apply(_ x: Line) -> Line {
    TwoTaps.joined(TwoTaps.patch(x.x0, x.x1, x.x2, x.x3, x.x4), x.x0, x.x1, x.x2, x.x3)
  }
}

/// Eight gradients of inputs: by turns of those under the middle tap and of those under the outer ones.
enum TransposedProductsTransform: LineTransform {
  static let inputs = 9
  static let outputs = 8

  @inline(__always) static func apply(_ x: Line) -> Line {
    let outer = TwoTaps.products(x)
    return Line(
      x0: x.x5, x1: outer.x0, x2: x.x6, x3: outer.x1, x4: x.x7, x5: outer.x2, x6: x.x8, x7: outer.x3)
  }
}
