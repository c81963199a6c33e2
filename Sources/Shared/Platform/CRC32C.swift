/// The checksum of every frame on the wire and of files that are read again: CRC-32C (Castagnoli, polynomial
/// 0x1EDC6F41, reflected), as in iSCSI (RFC 3720) and SCTP. Sixteen tables let one step take 16 bytes.
package enum CRC32C {
  /// `tables[256·k + b]` is the checksum's change by the byte `b` followed by `k` zero bytes. Never freed.
  private nonisolated(unsafe) static let tables: UnsafePointer<UInt32> = {
    let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = (value >> 1) ^ (value & 1 == 0 ? 0 : 0x82f6_3b78) }
      tables[byte] = value
    }
    for index in 256..<16 * 256 {
      let previous = tables[index - 256]
      tables[index] = (previous >> 8) ^ tables[Int(previous & 0xff)]
    }
    return UnsafePointer(tables)
  }()

  /// The checksum of `bytes`, or of what `previous` is the checksum of followed by `bytes`.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
    guard var next = bytes.baseAddress else { return previous }
    let tables = tables
    var left = bytes.count
    var crc = ~previous
    while left >= 16 {
      let low = UInt64(littleEndian: next.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
      let high = UInt64(littleEndian: next.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      crc = eight(low, tables + 8 * 256) ^ eight(high, tables)
      next += 16
      left &-= 16
    }
    while left > 0 {
      crc = (crc >> 8) ^ tables[Int((crc ^ UInt32(next.load(as: UInt8.self))) & 0xff)]
      next += 1
      left &-= 1
    }
    return ~crc
  }

  /// The checksum of a text's UTF-8, likewise.
  package static func checksum(_ text: String, continuing previous: UInt32 = 0) -> UInt32 {
    var text = text
    return text.withUTF8 { checksum(UnsafeRawBufferPointer($0), continuing: previous) }
  }

  /// Eight bytes through eight tables; the first byte is the furthest from the end.
  @inline(__always) private static func eight(_ word: UInt64, _ tables: UnsafePointer<UInt32>) -> UInt32 {
    func byte(_ index: UInt64) -> Int { Int(truncatingIfNeeded: (word &>> (index &* 8)) & 0xff) }
    let first = tables[7 * 256 + byte(0)] ^ tables[6 * 256 + byte(1)]
    let second = tables[5 * 256 + byte(2)] ^ tables[4 * 256 + byte(3)]
    let third = tables[3 * 256 + byte(4)] ^ tables[2 * 256 + byte(5)]
    let fourth = tables[1 * 256 + byte(6)] ^ tables[byte(7)]
    return (first ^ second) ^ (third ^ fourth)
  }
}
