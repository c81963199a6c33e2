import Testing

@testable import Transport

@Suite struct ActivationCodecHalfTests {
  private func encode(_ values: [Float]) -> [UInt16] {
    var halves = [UInt16](repeating: 0, count: values.count)
    ActivationCodecHalf.encode(values, count: values.count, into: &halves)
    return halves
  }

  @Test func everyFiniteHalfSurvives() {
    let halves = (UInt16.min...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
    var values = [Float](repeating: .nan, count: halves.count)
    #expect(ActivationCodecHalf.decode(halves, count: halves.count, into: &values))
    #expect(encode(values) == halves)
    // Literal values: 1, the largest, the smallest normal, the smallest subnormal, minus two.
    let known: [UInt16: Float] = [
      0x3C00: 1, 0x7BFF: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0xC000: -2, 0x03FF: 0x1.ff8p-15,
    ]
    for (half, value) in known { #expect(values[halves.firstIndex(of: half) ?? 0] == value) }
  }

  @Test func nonFiniteHalvesAreReported() {
    var values: [Float] = [0, 0, 0]
    for half: UInt16 in [0x7C00, 0xFC00, 0x7E00, 0x7C01] {
      #expect(!ActivationCodecHalf.decode([0, half, 0x7BFF], count: 3, into: &values))
    }
    #expect(ActivationCodecHalf.decode([0x7BFF, 0xFBFF, 0x8000], count: 3, into: &values))
  }

  @Test func largeMagnitudesAreClamped() {
    #expect(
      encode([65504, 65519.9, 65520, 1e6, .greatestFiniteMagnitude, -65536, -1e30])
        == [0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0x7BFF, 0xFBFF, 0xFBFF])
  }

  @Test func tiesGoToEven() {
    // Halfway between 1 and 1 + 2^−10, between 1 + 2^−10 and 1 + 2^−9; the same among subnormals.
    #expect(
      encode([0x1.002p0, 0x1.006p0, 0x1p-25, 0x3p-25, -0x1p-25, -0.0, 0x1.ffcp-15, 0x1.ffdp-15])
        == [0x3C00, 0x3C02, 0x0000, 0x0002, 0x8000, 0x8000, 0x0400, 0x0400])
  }

  #if arch(arm64) || (arch(x86_64) && os(Linux))
    @Test func roundingEqualsFloat16() {
      var generator = CodecFixture.Generator(state: 3)
      let values = (0..<100_000).map { _ in
        Float(sign: .plus, exponent: .random(in: -30...14, using: &generator), significand: 1)
          * .random(in: -1...1, using: &generator)
      }
      #expect(encode(values) == values.map { Float16($0).bitPattern })
    }
  #endif
}
