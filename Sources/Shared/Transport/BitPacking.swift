/// Dense packing of 1- to 8-bit codes.
///
/// Code i occupies bits [i·b, (i+1)·b) of a little-endian bit stream: bit k of the stream is bit k mod 8 of byte k / 8.
/// Unused bits of the last byte are 0. Eight codes are exactly `bits` bytes, so the work goes eight codes at a time in
/// one 64-bit word: neighbouring lanes are joined in three steps, 8 → 16 → 32 → 64 bits.
enum BitPacking {
  /// ceil(codes · bits / 8).
  static func packedByteCount(codes: Int, bits: Int) -> Int {
    // Eight codes are `bits` bytes; split so that codes · bits cannot overflow before the division.
    (codes / 8) * bits + ((codes % 8) * bits + 7) / 8
  }

  /// Packs `count` codes, each below 2^bits, into exactly `packedByteCount(codes: count, bits: bits)` bytes.
  static func pack(_ codes: UnsafePointer<UInt8>, count: Int, bits: Int, into packed: UnsafeMutableRawPointer) {
    precondition((1...8).contains(bits), "codes of \(bits) bits")
    let source = UnsafeRawPointer(codes)
    if bits == 8 {
      packed.copyMemory(from: source, byteCount: count)
      return
    }
    let lanes = Lanes(bits: bits)
    let byteCount = packedByteCount(codes: count, bits: bits)
    var index = 0
    var offset = 0
    // The eight-byte store may run past its own `bits` bytes: the next store writes them again.
    while index &+ 8 <= count, offset &+ 8 <= byteCount {
      let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      packed.storeBytes(of: lanes.join(word).littleEndian, toByteOffset: offset, as: UInt64.self)
      index &+= 8
      offset &+= bits
    }
    while index < count {
      var word: UInt64 = 0
      for lane in 0..<min(8, count &- index) { word |= UInt64(codes[index &+ lane]) &<< UInt64(8 &* lane) }
      word = lanes.join(word)
      for byte in 0..<min(bits, byteCount &- offset) {
        packed.storeBytes(
          of: UInt8(truncatingIfNeeded: word &>> UInt64(8 &* byte)), toByteOffset: offset &+ byte, as: UInt8.self)
      }
      index &+= 8
      offset &+= bits
    }
  }

  /// Unpacks `count` codes from exactly `packedByteCount(codes: count, bits: bits)` bytes; ignores padding bits.
  static func unpack(_ packed: UnsafeRawPointer, count: Int, bits: Int, into codes: UnsafeMutablePointer<UInt8>) {
    precondition((1...8).contains(bits), "codes of \(bits) bits")
    let destination = UnsafeMutableRawPointer(codes)
    if bits == 8 {
      destination.copyMemory(from: packed, byteCount: count)
      return
    }
    let lanes = Lanes(bits: bits)
    let byteCount = packedByteCount(codes: count, bits: bits)
    var index = 0
    var offset = 0
    while index &+ 8 <= count, offset &+ 8 <= byteCount {
      let word = UInt64(littleEndian: packed.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      destination.storeBytes(of: lanes.split(word).littleEndian, toByteOffset: index, as: UInt64.self)
      index &+= 8
      offset &+= bits
    }
    while index < count {
      var word: UInt64 = 0
      for byte in 0..<min(bits, byteCount &- offset) {
        word |= UInt64(packed.load(fromByteOffset: offset &+ byte, as: UInt8.self)) &<< UInt64(8 &* byte)
      }
      word = lanes.split(word)
      for lane in 0..<min(8, count &- index) {
        codes[index &+ lane] = UInt8(truncatingIfNeeded: word &>> UInt64(8 &* lane))
      }
      index &+= 8
      offset &+= bits
    }
  }

  /// The bits of the last byte that no code uses; all must be 0.
  static func paddingMask(codes: Int, bits: Int) -> UInt8 {
    let used = ((codes % 8) * bits) % 8
    return used == 0 ? 0 : 0xFF &<< UInt8(used)
  }

  /// Masks and shifts that join eight 8-bit lanes holding `bits` bits each into one run of 8·bits bits, and back.
  private struct Lanes {
    let low16: UInt64
    let high16: UInt64
    let low32: UInt64
    let high32: UInt64
    let low64: UInt64
    let high64: UInt64
    let shift16: UInt64
    let shift32: UInt64
    let shift64: UInt64

    init(bits: Int) {
      let width = UInt64(bits)
      let one = (UInt64(1) << width) - 1
      let two = (UInt64(1) << (2 * width)) - 1
      let four = (UInt64(1) << (4 * width)) - 1
      low16 = one * 0x0001_0001_0001_0001
      high16 = low16 << width
      low32 = two * 0x0000_0001_0000_0001
      high32 = low32 << (2 * width)
      low64 = four
      high64 = four << (4 * width)
      shift16 = 8 - width
      shift32 = 16 - 2 * width
      shift64 = 32 - 4 * width
    }

    @inline(__always) func join(_ codes: UInt64) -> UInt64 {
      let pairs = (codes & low16) | ((codes &>> shift16) & high16)
      let quads = (pairs & low32) | ((pairs &>> shift32) & high32)
      return (quads & low64) | ((quads &>> shift64) & high64)
    }

    @inline(__always) func split(_ run: UInt64) -> UInt64 {
      let quads = (run & low64) | ((run & high64) &<< shift64)
      let pairs = (quads & low32) | ((quads & high32) &<< shift32)
      return (pairs & low16) | ((pairs & high16) &<< shift16)
    }
  }
}
