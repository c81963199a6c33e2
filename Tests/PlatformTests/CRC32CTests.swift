import Platform
import Testing

@Suite struct CRC32CTests {
  @Test func checksumOfKnownTexts() {
    #expect(Array("123456789".utf8).withUnsafeBytes { CRC32C.checksum($0) } == 0xe306_9283)
    // RFC 3720, B.4: 32 zeros, 32 ones, 0 to 31.
    #expect([UInt8](repeating: 0, count: 32).withUnsafeBytes { CRC32C.checksum($0) } == 0x8a91_36aa)
    #expect([UInt8](repeating: 255, count: 32).withUnsafeBytes { CRC32C.checksum($0) } == 0x62a8_ab43)
    #expect((0..<32).map { UInt8($0) }.withUnsafeBytes { CRC32C.checksum($0) } == 0x46dd_794e)
    #expect([UInt8]().withUnsafeBytes { CRC32C.checksum($0) } == 0)
  }

  @Test func checksumOfEveryLengthAndSplit() {
    let bytes = (0..<67).map { UInt8(truncatingIfNeeded: 151 &* $0 &+ $0 &* $0) }
    for count in 0...67 {
      // Bit by bit, from the definition.
      var expected: UInt32 = .max
      for byte in bytes[..<count] {
        expected ^= UInt32(byte)
        for _ in 0..<8 { expected = (expected >> 1) ^ (expected & 1 == 0 ? 0 : 0x82f6_3b78) }
      }
      expected = ~expected
      let split = count / 3
      let head = bytes[..<split].withUnsafeBytes { CRC32C.checksum($0) }
      let whole = bytes[split..<count].withUnsafeBytes { CRC32C.checksum($0, continuing: head) }
      #expect(whole == expected, "length \(count)")
    }
  }
}
