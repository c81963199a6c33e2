import Platform

/// A small seeded generator: SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*,
/// OOPSLA 2014). The same seed and stream give the same sequence on every platform.
///
/// A *stream* names the purpose ("shuffle", "blocks.2.weight", …), so that what one part of a run draws never shifts
/// what another part draws.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - stream: what the numbers are for; its 64-bit FNV-1a hash is mixed into the seed.
  package init(seed: UInt64, stream: String = "") {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    state = seed
    state = next() ^ hash
    state = next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// The next uniform number in `[0, 1)`, a multiple of 2⁻²⁴.
  package mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// The next number of the standard normal distribution (Box and Muller, one of the pair is dropped).
  package mutating func normal() -> Float {
    let radius = (-2 * log(1 - Double(uniform()))).squareRoot()
    return Float(radius * cos(2 * Double.pi * Double(uniform())))
  }
}
