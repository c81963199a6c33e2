import Compute

/// What a synthetic image shows; the raw value is the label. Textures fill a disc.
enum SyntheticClass: UInt16, CaseIterable {
  case disc
  case ring
  case square
  case triangle
  case cross
  case horizontalStripes
  case verticalStripes
  case diagonalStripes
  case checkerboard
  case dots
}

/// Where and how large a class is drawn: the random part of the geometry. Lengths are in pixels.
struct Placement {
  var centerX: Float
  var centerY: Float
  /// Cosine and sine of the rotation.
  var cosine: Float
  var sine: Float
  /// Radius of a shape, or of the disc that a texture fills.
  var radius: Float
  /// Half the width of a line.
  var halfLine: Float
  /// Length after which a texture repeats, and where it starts.
  var period: Float
  var phaseU: Float
  var phaseV: Float

  init(of kind: SyntheticClass, using random: inout SeededGenerator) {
    centerX = random.uniform(12, 20)
    centerY = random.uniform(12, 20)
    halfLine = random.uniform(1.2, 2.2)
    phaseU = random.uniform()
    phaseV = random.uniform()
    // From the tangent of half the angle, cosine and sine take no library functions.
    let isTurnedFreely =
      switch kind {
      case .horizontalStripes, .verticalStripes, .diagonalStripes: false
      default: true
      }
    // Up to 45° either way, or about 10° for stripes, whose direction is their class.
    let limit: Float = isTurnedFreely ? 0.41421357 : 0.09
    let tangent = random.uniform(-limit, limit)
    cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
    sine = 2 * tangent / (1 + tangent * tangent)
    let turns = random.uniform(below: 4)
    if isTurnedFreely {
      for _ in 0..<turns { (cosine, sine) = (-sine, cosine) }
    } else if kind == .diagonalStripes {
      let eighth: Float = 0.70710677
      let direction: Float = turns < 2 ? eighth : -eighth
      (cosine, sine) = (cosine * eighth - sine * direction, cosine * direction + sine * eighth)
    }
    let scale = random.uniform()
    period = random.uniform(5, 8)
    radius =
      switch kind {
      case .disc: 7 + 4 * scale
      case .ring: 6.5 + 4 * scale
      case .square: 6.5 + 3.5 * scale
      case .triangle: 5.5 + 2 * scale
      case .cross: 8 + 4 * scale
      default: 9 + 4 * scale
      }
  }
}

extension SyntheticClass {
  /// Writes how much of each pixel of a row the drawing covers: [width] values from 0 to 1.
  func cover(_ row: Int, of placement: Placement, into coverage: UnsafeMutablePointer<Float>) {
    let (radius, line, period) = (placement.radius, placement.halfLine, placement.period)
    // Each closure gives the signed distance of the point (u, v) from the drawing's outline, negative inside.
    switch self {
    case .disc: fill(coverage, row, placement) { u, v in (u * u + v * v).squareRoot() - radius }
    case .ring: fill(coverage, row, placement) { u, v in abs((u * u + v * v).squareRoot() - radius) - line }
    case .square: fill(coverage, row, placement) { u, v in max(abs(u), abs(v)) - radius }
    case .triangle:
      // Equilateral; `radius` is that of the inscribed circle.
      fill(coverage, row, placement) { u, v in max(-v, abs(u) * 0.8660254 + v * 0.5) - radius }
    case .cross:
      fill(coverage, row, placement) { u, v in
        min(max(abs(u) - radius, abs(v) - line), max(abs(v) - radius, abs(u) - line))
      }
    case .horizontalStripes, .diagonalStripes:
      fill(coverage, row, placement) { u, v in
        max(wave(v, period, placement.phaseV), (u * u + v * v).squareRoot() - radius)
      }
    case .verticalStripes:
      fill(coverage, row, placement) { u, v in
        max(wave(u, period, placement.phaseU), (u * u + v * v).squareRoot() - radius)
      }
    case .checkerboard:
      fill(coverage, row, placement) { u, v in
        let (a, b) = (wave(u, 2 * period, placement.phaseU), wave(v, 2 * period, placement.phaseV))
        return max(max(min(a, b), -max(a, b)), (u * u + v * v).squareRoot() - radius)
      }
    case .dots:
      fill(coverage, row, placement) { u, v in
        let (a, b) = (nearest(u, period, placement.phaseU), nearest(v, period, placement.phaseV))
        let dot = (a * a + b * b).squareRoot() - 0.32 * period
        return max(dot, (u * u + v * v).squareRoot() - radius)
      }
    }
  }
}

/// Signed distance from `x` to the nearest of points `period` apart.
@inline(__always) private func nearest(_ x: Float, _ period: Float, _ phase: Float) -> Float {
  let scaled = x / period + phase
  // Rounds to the nearest integer without a call: adding 1.5 · 2²³ leaves no bits for a fraction.
  let rounded = (scaled + 12_582_912) - 12_582_912
  return (scaled - rounded) * period
}

/// Signed distance from the edge of stripes half a period wide.
@inline(__always) private func wave(_ x: Float, _ period: Float, _ phase: Float) -> Float {
  abs(nearest(x, period, phase)) - 0.25 * period
}

/// Evaluates a signed distance at the pixel centers of a row and turns it into coverage.
@inline(__always) private func fill(
  _ coverage: UnsafeMutablePointer<Float>, _ row: Int, _ placement: Placement, distance: (Float, Float) -> Float
) {
  let y = Float(Int32(truncatingIfNeeded: row)) + 0.5 - placement.centerY
  for column in 0..<Canvas.width {
    let x = Float(Int32(truncatingIfNeeded: column)) + 0.5 - placement.centerX
    let u = placement.cosine * x + placement.sine * y
    let v = placement.cosine * y - placement.sine * x
    coverage[column] = max(0, min(1, 0.5 - distance(u, v)))
  }
}
