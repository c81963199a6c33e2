/// Vectors of the line transforms.
typealias Lanes = SIMD8<Float>

/// Vectors to read, `stride` values apart.
struct Line {
  private let base: UnsafeRawPointer
  private let stride: Int

  @inline(__always) init(_ base: UnsafePointer<Float>, _ stride: Int) {
    self.base = UnsafeRawPointer(base)
    self.stride = stride * MemoryLayout<Float>.stride
  }

  @inline(__always) subscript(_ index: Int) -> Lanes { base.load(fromByteOffset: index * stride, as: Lanes.self) }
}

/// Vectors to write.
struct MutableLine {
  private let base: UnsafeMutableRawPointer
  private let stride: Int

  @inline(__always) init(_ base: UnsafeMutablePointer<Float>, _ stride: Int) {
    self.base = UnsafeMutableRawPointer(base)
    self.stride = stride * MemoryLayout<Float>.stride
  }

  @inline(__always) func write(_ index: Int, _ value: Lanes) {
    base.storeBytes(of: value, toByteOffset: index * stride, as: Lanes.self)
  }
}

/// A matrix that is applied to the rows and to the columns of a square.
protocol LineTransform {
  static var inputs: Int { get }
  static var outputs: Int { get }
  static func apply(_ x: Line, _ y: MutableLine)
}

/// F(4, 3), points 0, ±1, ±2, ∞: Bᵀ.
enum Patch4: LineTransform {
  static let inputs = 6
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    y.write(0, 4 * x0 - 5 * x2 + x4)
    let (evenOne, oddOne) = (x4 - 4 * x2, x3 - 4 * x1)
    y.write(1, evenOne + oddOne)
    y.write(2, evenOne - oddOne)
    let (evenTwo, oddTwo) = (x4 - x2, 2 * (x3 - x1))
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, 4 * x1 - 5 * x3 + x5)
  }
}

/// G.
enum Kernel4: LineTransform {
  static let inputs = 3
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2) = (x[0], x[1], x[2])
    y.write(0, 0.25 * x0)
    let evenOne = (-1.0 / 6) * (x0 + x2)
    let oddOne = (1.0 / 6) * x1
    y.write(1, evenOne - oddOne)
    y.write(2, evenOne + oddOne)
    let evenTwo = (1.0 / 24) * x0 + (1.0 / 6) * x2
    let oddTwo = (1.0 / 12) * x1
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, x2)
  }
}

/// Gᵀ.
enum KernelGradient4: LineTransform {
  static let inputs = 6
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    let (sumOne, sumTwo) = ((1.0 / 6) * (x1 + x2), x3 + x4)
    y.write(0, 0.25 * x0 - sumOne + (1.0 / 24) * sumTwo)
    y.write(1, (1.0 / 6) * (x2 - x1) + (1.0 / 12) * (x3 - x4))
    y.write(2, (1.0 / 6) * sumTwo - sumOne + x5)
  }
}

/// Aᵀ.
enum Products4: LineTransform {
  static let inputs = 6
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5])
    let (sumOne, differenceOne) = (x1 + x2, x1 - x2)
    let (sumTwo, differenceTwo) = (x3 + x4, 2 * (x3 - x4))
    y.write(0, x0 + sumOne + sumTwo)
    y.write(1, differenceOne + differenceTwo)
    y.write(2, sumOne + 4 * sumTwo)
    y.write(3, differenceOne + 4 * differenceTwo + x5)
  }
}

/// A.
enum TileGradient4: LineTransform {
  static let inputs = 4
  static let outputs = 6

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0)
    let (evenOne, oddOne) = (x0 + x2, x1 + x3)
    y.write(1, evenOne + oddOne)
    y.write(2, evenOne - oddOne)
    let (evenTwo, oddTwo) = (x0 + 4 * x2, 2 * x1 + 8 * x3)
    y.write(3, evenTwo + oddTwo)
    y.write(4, evenTwo - oddTwo)
    y.write(5, x3)
  }
}

/// F(2, 3), points 0, ±1, ∞: Bᵀ.
enum Patch2: LineTransform {
  static let inputs = 4
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0 - x2)
    y.write(1, x1 + x2)
    y.write(2, x2 - x1)
    y.write(3, x1 - x3)
  }
}

/// G.
enum Kernel2: LineTransform {
  static let inputs = 3
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2) = (x[0], x[1], x[2])
    let (even, odd) = (0.5 * (x0 + x2), 0.5 * x1)
    y.write(0, x0)
    y.write(1, even + odd)
    y.write(2, even - odd)
    y.write(3, x2)
  }
}

/// Gᵀ.
enum KernelGradient2: LineTransform {
  static let inputs = 4
  static let outputs = 3

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    let sum = 0.5 * (x1 + x2)
    y.write(0, x0 + sum)
    y.write(1, 0.5 * (x1 - x2))
    y.write(2, sum + x3)
  }
}

/// Aᵀ.
enum Products2: LineTransform {
  static let inputs = 4
  static let outputs = 2

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3])
    y.write(0, x0 + x1 + x2)
    y.write(1, x1 - x2 - x3)
  }
}

/// A.
enum TileGradient2: LineTransform {
  static let inputs = 2
  static let outputs = 4

  @inline(__always) static func apply(_ x: Line, _ y: MutableLine) {
    let (x0, x1) = (x[0], x[1])
    y.write(0, x0)
    y.write(1, x0 + x1)
    y.write(2, x0 - x1)
    y.write(3, -x1)
  }
}
