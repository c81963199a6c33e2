import Testing

@testable import Transport

@Suite struct BitPackingTests {
  private func pack(_ codes: [UInt8], bits: Int) -> [UInt8] {
    let byteCount = BitPacking.packedByteCount(codes: codes.count, bits: bits)
    // Guard bytes show a write beyond the end.
    var packed = [UInt8](repeating: 0xA5, count: byteCount + 16)
    packed.withUnsafeMutableBytes {
      guard let base = $0.baseAddress else { return }
      BitPacking.pack(codes, count: codes.count, bits: bits, into: base)
    }
    #expect(packed[byteCount...].allSatisfy { $0 == 0xA5 }, "bytes behind the end are untouched")
    return Array(packed[..<byteCount])
  }

  private func unpack(_ packed: [UInt8], count: Int, bits: Int, shift: Int = 0) -> [UInt8] {
    var codes = [UInt8](repeating: 0xA5, count: count + 16)
    let shifted = [UInt8](repeating: 0xFF, count: shift) + packed
    shifted.withUnsafeBytes {
      guard let base = $0.baseAddress else { return }
      BitPacking.unpack(base + shift, count: count, bits: bits, into: &codes)
    }
    #expect(codes[count...].allSatisfy { $0 == 0xA5 }, "bytes behind the end are untouched")
    return Array(codes[..<count])
  }

  /// Bit by bit, as the format is defined.
  private func packReference(_ codes: [UInt8], bits: Int) -> [UInt8] {
    var packed = [UInt8](repeating: 0, count: (codes.count * bits + 7) / 8)
    for (index, code) in codes.enumerated() {
      for bit in 0..<bits where code >> bit & 1 == 1 {
        packed[(index * bits + bit) / 8] |= 1 << ((index * bits + bit) % 8)
      }
    }
    return packed
  }

  @Test(arguments: CodecFixture.codeBits)
  func equalsTheDefinitionAtEveryLength(bits: Int) {
    var generator = CodecFixture.Generator(state: 7)
    for count in Array(1...70) + [255, 1000] {
      let codes = (0..<count).map { _ in UInt8(generator.next() & ((1 << UInt64(bits)) - 1)) }
      let packed = pack(codes, bits: bits)
      #expect(packed == packReference(codes, bits: bits), "\(count) codes")
      for shift in 0..<3 {
        #expect(unpack(packed, count: count, bits: bits, shift: shift) == codes, "\(count) codes")
      }
    }
  }

  @Test func knownBytes() {
    #expect(pack([1, 0, 1, 1, 0, 0, 0, 1, 1], bits: 1) == [0b1000_1101, 1])
    #expect(pack([3, 0, 2, 1], bits: 2) == [0b01_10_00_11])
    #expect(pack([7, 2, 6], bits: 3) == [0b10_010_111, 0b1])
    #expect(pack([1, 2, 15], bits: 4) == [0x21, 0x0F])
    #expect(pack([31, 0, 1], bits: 5) == [0b0001_1111, 0b0000_0100])
    #expect(pack([200, 3], bits: 8) == [200, 3])
  }

  @Test func sizesAndPadding() {
    #expect(BitPacking.packedByteCount(codes: 9, bits: 3) == 4)
    #expect(BitPacking.packedByteCount(codes: 8, bits: 7) == 7)
    #expect(BitPacking.packedByteCount(codes: 3, bits: 32) == 12)
    #expect(BitPacking.paddingMask(codes: 8, bits: 3) == 0)
    #expect(BitPacking.paddingMask(codes: 9, bits: 3) == 0b1111_1000)
    #expect(BitPacking.paddingMask(codes: 1, bits: 1) == 0b1111_1110)
    #expect(BitPacking.paddingMask(codes: 5, bits: 8) == 0)
    // Padding is ignored by unpack: the codec refuses it first.
    #expect(unpack([0xFF, 0xFF], count: 3, bits: 3) == [7, 7, 7])
  }
}
