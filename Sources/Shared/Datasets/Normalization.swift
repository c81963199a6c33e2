import Compute

/// Turns an image's bytes into what a network reads: (byte / 255 − mean) / deviation, by channel.
package struct Normalization: Sendable {
  private let shape: FeatureShape
  /// The normalized value of each byte: [channel, byte].
  private let table: [Float]

  package init(_ task: ImageTask) {
    shape = task.shape
    table = zip(task.mean, task.deviation).flatMap { mean, deviation in
      (0..<256).map { (Float($0) / 255 - mean) / deviation }
    }
    precondition(table.count == 256 * shape.channels, "mean and deviation for another number of channels")
  }

  /// The normalized value of a byte of a channel.
  package func value(of byte: UInt8, channel: Int) -> Float { table[channel * 256 + Int(byte)] }

  /// Crops, flips and normalizes one image and turns its planes into pixels.
  ///
  /// - Parameters:
  ///   - planes: [channels, height, width] bytes.
  ///   - crop: where the pixels go; what lies outside the image becomes the normalized value of 0.
  ///   - output: [height, width, channels] values, all of which are written.
  package func convert(_ planes: UnsafePointer<UInt8>, crop: CropAndFlip, into output: UnsafeMutablePointer<Float>) {
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    // The columns in sight, before the flip: output column x′ reads input column x′ + shift.
    let first = min(max(-crop.columnShift, 0), width)
    let end = max(min(width - crop.columnShift, width), first)
    let step = crop.flipped ? -channels : channels
    table.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return }
      for channel in 0..<channels {
        let values = table + 256 * channel
        var bytes = planes + (channel * height + crop.rowShift) * width + crop.columnShift
        var start = output + channel + (crop.flipped ? (width - 1) * channels : 0)
        for row in 0..<height {
          let isInside = (0..<height).contains(row + crop.rowShift)
          let visible = isInside ? first..<end : width..<width
          var pixel = start
          for _ in 0..<visible.lowerBound {
            pixel.pointee = values[0]
            pixel += step
          }
          for column in visible {
            pixel.pointee = values[Int(bytes[column])]
            pixel += step
          }
          for _ in visible.upperBound..<width {
            pixel.pointee = values[0]
            pixel += step
          }
          bytes += width
          start += width &* channels
        }
      }
    }
  }
}
