/// Scale and zero point of one group of values (the tensor, or one channel).
///
/// ```
/// low = f · min(0, min x), high = f · max(0, max x), levels = 2^bits − 1, f = full scale
/// scale = (high − low) / levels           zeroPoint = round(−low / scale), within [0, levels]
/// code  = round(clamp(x · (1 / scale) + zeroPoint, 0, levels))
/// value = (code − zeroPoint) · scale
/// ```
///
/// Scale and zero point are computed in double precision, with ties away from zero; the scale is rounded to float32
/// last. Codes and values are computed in float32, with ties to even.
///
/// Zero has a code of its own, exactly: (zeroPoint − zeroPoint) · scale = 0. The output of ReLU has zero point 0.
/// Values outside [low, high] get the nearest end's code.
struct QuantizationParameters: Equatable {
  /// Finite and positive.
  let scale: Float
  /// The code of zero, at most `levels`.
  let zeroPoint: UInt8

  init(scale: Float, zeroPoint: UInt8) {
    self.scale = scale
    self.zeroPoint = zeroPoint
  }

  /// - Parameters:
  ///   - low: the smallest value, at most 0, finite.
  ///   - high: the largest value, at least 0, finite.
  ///   - levels: the largest code.
  ///   - fullScale: f, more than 0, at most 1.
  init(low: Float, high: Float, levels: Int, fullScale: Double) {
    // In Double the difference of two floats can neither overflow nor vanish.
    let (low, high) = (fullScale * Double(low), fullScale * Double(high))
    let range = high - low
    guard range > 0 else {
      self.init(scale: 1, zeroPoint: 0)
      return
    }
    // The inverse of a normal number is finite. Ranges below levels · 2^−126 leave the upper codes unused.
    let step = max(range / Double(levels), Double(Float.leastNormalMagnitude))
    let zeroPoint = (-low / step).rounded(.toNearestOrAwayFromZero)
    // Only one-bit codes of a range above the largest float reach the cap.
    let scale = min(Float(step), Float.greatestFiniteMagnitude)
    self.init(scale: scale, zeroPoint: UInt8(min(max(zeroPoint, 0), Double(levels))))
  }
}
