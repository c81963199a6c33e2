extension Range<Int> {
  /// Consecutive parts of so many numbers, the last one shorter if need be.
  package func parts(of size: Int) -> LazyMapSequence<StrideTo<Int>, Range<Int>> {
    let end = upperBound
    return stride(from: lowerBound, to: end, by: size).lazy.map { $0..<Swift.min($0 + size, end) }
  }
}
