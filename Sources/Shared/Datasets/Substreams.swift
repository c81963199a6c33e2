import Compute

extension SeededGenerator {
  /// The generator of the `number`th (from 0) stream below this one; does not allocate.
  func substream(_ number: Int) -> SeededGenerator {
    var parent = self
    return SeededGenerator(seed: parent.next() ^ UInt64(number))
  }

  /// The next uniform number in `0..<bound`, for a bound of 1 or more; the same on every platform.
  mutating func uniform(below bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// The next uniform number in `[low, high)`.
  mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }
}

extension [UInt32] {
  /// Brings the elements into an order of which each is equally likely (Fisher–Yates).
  mutating func permute(using generator: inout SeededGenerator) {
    for position in stride(from: count - 1, to: 0, by: -1) {
      swapAt(position, generator.uniform(below: position + 1))
    }
  }
}
