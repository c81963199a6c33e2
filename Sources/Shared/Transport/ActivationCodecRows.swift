/// The quantization loops, and the parameters in the form that they read.
///
/// Value i of a tensor belongs to group i mod `groupCount`: one group per tensor, or one per channel, as the layout is
/// NHWC. The loops run along *rows* of at least 512 values, a multiple of `groupCount`, beside parameters repeated to
/// that length. So one loop serves both granularities and vectorizes for any number of channels.
///
/// Only IEEE additions and multiplications, each rounded on its own: the same bits on every platform.
final class ActivationCodecRows {
  private static let minimumRowLength = 512
  /// 2^23: added to a float in [0, 255], it leaves the nearest integer (ties to even) in the low mantissa bits.
  private static let roundingOffset: Float = 0x1p23

  let groupCount: Int
  private let levels: Int
  private let fullScale: Double
  private let rowLength: Int
  /// Each `rowLength` long: smallest values while measuring, then 1 / scale.
  private let inverseScales: UnsafeMutablePointer<Float>
  /// Largest values while measuring, then scales.
  private let scales: UnsafeMutablePointer<Float>
  private let zeroPoints: UnsafeMutablePointer<Float>

  init(groupCount: Int, levels: Int, fullScale: Double) {
    self.groupCount = groupCount
    self.levels = levels
    self.fullScale = fullScale
    rowLength = groupCount * max(1, Self.minimumRowLength / groupCount)
    inverseScales = .allocate(capacity: rowLength)
    scales = .allocate(capacity: rowLength)
    zeroPoints = .allocate(capacity: rowLength)
    for row in [inverseScales, scales, zeroPoints] { row.initialize(repeating: 0, count: rowLength) }
  }

  deinit { for row in [inverseScales, scales, zeroPoints] { row.deallocate() } }

  /// Sets the parameters to those of this tensor.
  ///
  /// - Returns: false if a value is NaN or infinite; the parameters are then unspecified.
  func measure(_ values: UnsafePointer<Float>, count: Int) -> Bool {
    let (low, high) = (inverseScales, scales)
    low.update(repeating: 0, count: rowLength)
    high.update(repeating: 0, count: rowLength)
    var nonFinite: UInt32 = 0
    for start in stride(from: 0, to: count, by: rowLength) {
      let row = values + start
      for i in 0..<min(rowLength, count - start) {
        let x = row[i]
        low[i] = x < low[i] ? x : low[i]
        high[i] = x > high[i] ? x : high[i]
        nonFinite |= (x - x).bitPattern  // +0 for a finite x, else NaN
      }
    }
    guard nonFinite == 0 else { return false }
    for group in 0..<groupCount {
      var (groupLow, groupHigh): (Float, Float) = (0, 0)
      for i in stride(from: group, to: rowLength, by: groupCount) {
        groupLow = min(groupLow, low[i])
        groupHigh = max(groupHigh, high[i])
      }
      set(QuantizationParameters(low: groupLow, high: groupHigh, levels: levels, fullScale: fullScale), group: group)
    }
    repeatParameters()
    return true
  }

  /// The parameters of one group.
  subscript(group: Int) -> QuantizationParameters {
    QuantizationParameters(scale: scales[group], zeroPoint: UInt8(zeroPoints[group]))
  }

  /// Sets one group's parameters; `repeatParameters()` after the last.
  func set(_ parameters: QuantizationParameters, group: Int) {
    inverseScales[group] = 1 / parameters.scale
    scales[group] = parameters.scale
    zeroPoints[group] = Float(parameters.zeroPoint)
  }

  func repeatParameters() {
    for i in groupCount..<max(groupCount, rowLength) {
      inverseScales[i] = inverseScales[i - groupCount]
      scales[i] = scales[i - groupCount]
      zeroPoints[i] = zeroPoints[i - groupCount]
    }
  }

  /// Turns `count` values, of which the first is value `start` of the tensor, into codes.
  func quantize(_ values: UnsafePointer<Float>, start: Int, count: Int, into codes: UnsafeMutablePointer<UInt8>) {
    let largest = Float(levels)
    forEachRun(start: start, count: count) { position, column, length in
      let (x, code) = (values + position, codes + position)
      let (inverseScale, zeroPoint) = (inverseScales + column, zeroPoints + column)
      for i in 0..<length {
        var y = x[i] * inverseScale[i] + zeroPoint[i]
        y = y > 0 ? y : 0
        y = y < largest ? y : largest
        code[i] = UInt8(truncatingIfNeeded: (y + Self.roundingOffset).bitPattern)
      }
    }
  }

  /// Turns `count` codes, of which the first belongs to value `start` of the tensor, into finite values.
  func dequantize(_ codes: UnsafePointer<UInt8>, start: Int, count: Int, into values: UnsafeMutablePointer<Float>) {
    let largest = Float.greatestFiniteMagnitude
    forEachRun(start: start, count: count) { position, column, length in
      let (x, code) = (values + position, codes + position)
      let (scale, zeroPoint) = (scales + column, zeroPoints + column)
      for i in 0..<length {
        // Only scales above greatestFiniteMagnitude / levels can overflow; the clamp then gives the nearest value.
        var y = (Float(code[i]) - zeroPoint[i]) * scale[i]
        y = y > -largest ? y : -largest
        y = y < largest ? y : largest
        x[i] = y
      }
    }
  }

  /// Cuts values `start` ..< `start + count` where rows end: (offset from `start`, column in the row, length).
  @inline(__always) private func forEachRun(start: Int, count: Int, _ body: (Int, Int, Int) -> Void) {
    var position = 0
    var column = start % rowLength
    while position < count {
      let length = min(rowLength - column, count - position)
      body(position, column, length)
      position += length
      column = 0
    }
  }
}
