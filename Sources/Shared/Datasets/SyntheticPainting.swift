import Compute

/// The random colours of a synthetic image: a foreground, and a background that changes evenly across the image.
struct Painting {
  /// Background at the center, its change per pixel to the right and downwards, and foreground; 0 to 255.
  private var background = SIMD3<Float>()
  private var slopeX = SIMD3<Float>()
  private var slopeY = SIMD3<Float>()
  private var foreground = SIMD3<Float>()

  init(using random: inout SeededGenerator) {
    background = randomColour(using: &random)
    foreground = randomColour(using: &random)
    // Too similar colours are drawn again, in the rare worst case replaced by the certain contrast.
    var attempts = 0
    while contrast < 200 && attempts < 16 {
      foreground = randomColour(using: &random)
      attempts += 1
    }
    if contrast < 200 {
      for channel in 0..<3 {
        foreground[channel] = background[channel] < 128 ? background[channel] + 100 : background[channel] - 100
      }
    }
    // Mostly bright on dark: otherwise a linear classifier, which cannot tell a drawing from its negative, would be
    // left with chance.
    let isDark = foreground.sum() < background.sum()
    if isDark && random.uniform() < 0.8 { swap(&foreground, &background) }
    for channel in 0..<3 {
      slopeX[channel] = random.uniform(-1.2, 1.2)
      slopeY[channel] = random.uniform(-1.2, 1.2)
    }
  }

  /// Sum of the channels' differences.
  private var contrast: Float { (0..<3).reduce(0) { $0 + abs(foreground[$1] - background[$1]) } }

  /// Writes a row of each plane of [channels, height, width] bytes, given the row's [width] coverage.
  func paint(_ row: Int, coverage: UnsafePointer<Float>, into pixels: UnsafeMutablePointer<UInt8>) {
    let (centerX, centerY) = (Float(Canvas.width - 1) / 2, Float(Canvas.height - 1) / 2)
    let y = Float(Int32(truncatingIfNeeded: row)) - centerY
    for channel in 0..<Canvas.channels {
      let output = pixels + (channel &* Canvas.positions &+ row &* Canvas.width)
      let (front, changeX) = (foreground[channel], slopeX[channel])
      let rowBack = background[channel] + slopeY[channel] * y
      for column in 0..<Canvas.width {
        let ground = rowBack + changeX * (Float(Int32(truncatingIfNeeded: column)) - centerX)
        output[column] = byte(ground + coverage[column] * (front - ground))
      }
    }
  }
}

/// A small disc of any colour that has nothing to do with the class.
struct Distractor {
  private let centerX: Float
  private let centerY: Float
  private let radius: Float
  private let colour: SIMD3<Float>

  init(using random: inout SeededGenerator) {
    centerX = random.uniform(0, Float(Canvas.width))
    centerY = random.uniform(0, Float(Canvas.height))
    radius = random.uniform(1, 2.2)
    colour = randomColour(using: &random)
  }

  /// Paints over [channels, height, width] bytes.
  func paint(into pixels: UnsafeMutablePointer<UInt8>) {
    // The center is in the image and the radius small, so the conversions cannot trap.
    let rows = max(0, Int(centerY - radius) - 1)..<min(Canvas.height, Int(centerY + radius) + 2)
    let columns = max(0, Int(centerX - radius) - 1)..<min(Canvas.width, Int(centerX + radius) + 2)
    for row in rows {
      for column in columns {
        let (x, y) = (Float(column) + 0.5 - centerX, Float(row) + 0.5 - centerY)
        let cover = max(0, min(1, 0.5 - ((x * x + y * y).squareRoot() - radius)))
        for channel in 0..<Canvas.channels {
          let pixel = channel * Canvas.positions + row * Canvas.width + column
          let ground = Float(pixels[pixel])
          pixels[pixel] = byte(ground + cover * (colour[channel] - ground))
        }
      }
    }
  }
}

private func randomColour(using random: inout SeededGenerator) -> SIMD3<Float> {
  let red = random.uniform(0, 256)
  let green = random.uniform(0, 256)
  let blue = random.uniform(0, 256)
  return SIMD3(red, green, blue)
}

/// The nearest byte: adding 2²³ leaves the rounded integer in the lowest bits, without a conversion that checks.
@inline(__always) private func byte(_ value: Float) -> UInt8 {
  let bits = (max(0, min(255, value)) + 8_388_608).bitPattern
  return UInt8(truncatingIfNeeded: bits)
}

/// A colour that is laid over the whole image, a quarter of what is seen.
struct Tint {
  private let colour: SIMD3<Float>

  /// - Parameter number: each has its own colour.
  init(_ number: Int) {
    var random = SeededGenerator(seed: UInt64(number), stream: "datasets.synthetic.tint")
    colour = randomColour(using: &random)
  }

  /// Paints over [channels, height, width] bytes.
  func paint(over pixels: UnsafeMutablePointer<UInt8>) {
    for channel in 0..<Canvas.channels {
      for position in 0..<Canvas.positions {
        let index = channel * Canvas.positions + position
        pixels[index] = byte(0.75 * Float(pixels[index]) + 0.25 * colour[channel])
      }
    }
  }
}
