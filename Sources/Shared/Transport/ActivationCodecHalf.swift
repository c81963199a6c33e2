/// Conversion between float32 and IEEE half precision in integer arithmetic.
///
/// Without `-march` an x86-64 build converts `Float16` with a library call per value; these loops vectorize everywhere
/// and give the same bits everywhere (round to nearest, ties to even; subnormal halves included).
enum ActivationCodecHalf {
  /// The largest finite half; larger magnitudes are clamped to it.
  static let largest: Float = 65504

  /// Rounds finite values to halves; magnitudes above 65504 become 65504 with their sign.
  static func encode(_ values: UnsafePointer<Float>, count: Int, into halves: UnsafeMutablePointer<UInt16>) {
    for i in 0..<count { halves[i] = encode(values[i]) }
  }

  /// - Returns: false if a half is NaN or infinite; the values are then unspecified.
  static func decode(_ halves: UnsafePointer<UInt16>, count: Int, into values: UnsafeMutablePointer<Float>) -> Bool {
    var nonFinite: UInt32 = 0
    for i in 0..<count {
      let half = UInt32(halves[i])
      // An exponent of all ones carries into bit 15.
      nonFinite |= (half & 0x7C00) &+ 0x0400
      values[i] = decode(half)
    }
    return nonFinite & 0x8000 == 0
  }

  /// The error for the first half that is NaN or infinite; there is one. `start` is the place of the first half in the
  /// tensor.
  static func refusal(of halves: UnsafePointer<UInt16>, count: Int, start: Int) -> CodecError {
    var index = 0
    while index < count - 1, halves[index] & 0x7C00 != 0x7C00 { index += 1 }
    return .unexpected(
      field: "value \(start + index)", expected: "a finite number",
      actual: halves[index] & 0x03FF == 0 ? "infinite" : "nan")
  }

  @inline(__always) private static func encode(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let magnitude = Float(bitPattern: bits & 0x7FFF_FFFF)
    let clamped = magnitude < largest ? magnitude : largest
    // Normal halves: rebias the exponent (127 → 15) and round the 13 dropped mantissa bits to nearest even.
    let pattern = clamped.bitPattern
    let normal = (pattern &- 0x3800_0000 &+ 0x0FFF &+ ((pattern &>> 13) & 1)) &>> 13
    // Below 2^−14: adding 0.5 aligns the mantissa to units of 2^−24, the FPU rounds.
    let subnormal = (clamped + 0.5).bitPattern &- 0x3F00_0000
    let half = pattern < 0x3880_0000 ? subnormal : normal
    return UInt16(truncatingIfNeeded: half | ((bits &>> 16) & 0x8000))
  }

  @inline(__always) private static func decode(_ half: UInt32) -> Float {
    let magnitude = (half & 0x7FFF) &<< 13
    let normal = magnitude &+ 0x3800_0000
    // A subnormal half is mantissa · 2^−24: put the mantissa behind 2^−14 and take 2^−14 away again, exactly.
    let subnormal = (Float(bitPattern: magnitude &+ 0x3880_0000) - 0x1p-14).bitPattern
    let pattern = magnitude < 0x0080_0000 ? subnormal : normal
    return Float(bitPattern: pattern | ((half & 0x8000) &<< 16))
  }
}
