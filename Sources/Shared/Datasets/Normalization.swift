/// Per-channel normalization of 8-bit values: (value / 255 − mean) / standard deviation.
package struct Normalization: Equatable, Sendable {
  package let mean: SIMD3<Float>
  package let standardDeviation: SIMD3<Float>
  /// The normalized value of each byte: [channel, byte].
  private let table: [Float]

  package init(mean: SIMD3<Float>, standardDeviation: SIMD3<Float>) {
    precondition(standardDeviation.min() > 0, "a standard deviation must be positive")
    self.mean = mean
    self.standardDeviation = standardDeviation
    table = (0..<ImageFormat.channels).flatMap { channel in
      (0..<256).map { (Float($0) / 255 - mean[channel]) / standardDeviation[channel] }
    }
  }

  /// Mean and standard deviation of each channel over all pixels of the 50,000 training images of CIFAR-10, of values
  /// from 0 to 1: the figures in general use, taken over and not computed from the files that are opened.
  package static let cifar10 = Normalization(
    mean: SIMD3(0.4914, 0.4822, 0.4465), standardDeviation: SIMD3(0.2470, 0.2435, 0.2616))

  /// The normalized value of a byte of a channel (0 red, 1 green, 2 blue).
  package func value(of byte: UInt8, channel: Int) -> Float {
    table[channel * 256 + Int(byte)]
  }

  /// Crops, flips and normalizes one image and turns its planes into pixels.
  ///
  /// - Parameters:
  ///   - planes: [3, 32, 32] bytes.
  ///   - crop: where the pixels go; what lies outside the image becomes the normalized value of 0.
  ///   - output: [32, 32, 3] values, all of which are written.
  package func convert(
    _ planes: UnsafePointer<UInt8>, crop: CropAndFlip, into output: UnsafeMutablePointer<Float>
  ) {
    let width = ImageFormat.width
    let channels = ImageFormat.channels
    // The input columns that are in sight, before the flip: output column x′ reads input column x′ + shift.
    let first = min(max(-crop.columnShift, 0), width)
    let end = max(min(width - crop.columnShift, width), first)
    table.withUnsafeBufferPointer { tableBuffer in
      guard let table = tableBuffer.baseAddress else { return }
      for row in 0..<ImageFormat.height {
        let outputRow = output + row * width * channels
        let inputRow = row + crop.rowShift
        let isInside = inputRow >= 0 && inputRow < ImageFormat.height
        if !isInside || first > 0 || end < width { fillBlack(outputRow, table: table) }
        guard isInside else { continue }
        let step = crop.flipped ? -channels : channels
        let start = outputRow + (crop.flipped ? width - 1 - first : first) * channels
        let red = planes + inputRow * width + first + crop.columnShift
        let green = red + ImageFormat.planeSize
        let blue = green + ImageFormat.planeSize
        var pixel = start
        for column in 0..<(end - first) {
          pixel[0] = table[Int(red[column])]
          pixel[1] = table[256 &+ Int(green[column])]
          pixel[2] = table[512 &+ Int(blue[column])]
          pixel += step
        }
      }
    }
  }

  private func fillBlack(_ row: UnsafeMutablePointer<Float>, table: UnsafePointer<Float>) {
    for column in 0..<ImageFormat.width {
      row[3 &* column] = table[0]
      row[3 &* column &+ 1] = table[256]
      row[3 &* column &+ 2] = table[512]
    }
  }
}
