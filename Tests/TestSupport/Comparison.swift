import Compute
import Testing

extension Tensor {
  /// Normal random features, the same for the same seed.
  package static func random(
    _ shape: FeatureShape, count: Int, seed: UInt64 = 1, mean: Float = 0, deviation: Float = 1
  ) -> Tensor {
    let tensor = Tensor(shape, count: count)
    tensor.buffer.fillRandomly(seed: seed, mean: mean, deviation: deviation)
    return tensor
  }

  /// Features with these values.
  package convenience init(_ shape: FeatureShape, _ values: [Float]) {
    precondition(values.count % shape.values == 0, "\(values.count) values for features of shape \(shape)")
    self.init(shape, count: values.count / shape.values)
    for (index, value) in values.enumerated() { data[index] = value }
  }
}

extension UnsafeMutableBufferPointer<Float> {
  /// The same for the same seed.
  package func fillRandomly(seed: UInt64, mean: Float = 0, deviation: Float = 1) {
    var generator = SeededGenerator(seed: seed, stream: "test")
    for index in indices { self[index] = mean + deviation * generator.normal() }
  }
}

/// The worst value of those with `|actual − expected| > tolerance · max(|actual|, |expected|, floor)`, with
/// its index and both values; nil if there is none. Not-a-number is always worst. `indices` are those to print, if not
/// `0..<count`.
package func mismatch(
  _ actual: [Double], _ expected: [Double], indices: [Int]? = nil, tolerance: Double, floor: Double
) -> String? {
  guard actual.count == expected.count else { return "\(actual.count) values instead of \(expected.count)" }
  var worst: (error: Double, index: Int)?
  var failures = 0
  for index in actual.indices {
    let scale = max(abs(actual[index]), abs(expected[index]), floor)
    var error = abs(actual[index] - expected[index]) / scale
    if error <= tolerance { continue }
    failures += 1
    if error.isNaN { error = .infinity }
    if worst.map({ error > $0.error }) ?? true { worst = (error, index) }
  }
  return worst.map { error, index in
    "\(failures) of \(actual.count) differ, worst [\(indices?[index] ?? index)]: \(actual[index]) instead of "
      + "\(expected[index]), relative error \(error) > \(tolerance)"
  }
}

/// Expects each value within `tolerance` of the expected one, relative to the larger of both or to `floor`.
package func expectClose(
  _ actual: some Sequence<Float>, _ expected: [Double], tolerance: Double = 1e-5, floor: Double = 1,
  _ name: String = "values", sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = mismatch(actual.map(Double.init), expected, tolerance: tolerance, floor: floor)
  #expect(found == nil, "\(name)", sourceLocation: sourceLocation)
}

/// Expects the same bits: equal values, which not-a-number never is.
package func expectSame(
  _ actual: some Sequence<Float>, _ expected: some Sequence<Float>, _ name: String = "values",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = mismatch(actual.map(Double.init), expected.map(Double.init), tolerance: 0, floor: 1)
  #expect(found == nil, "\(name)", sourceLocation: sourceLocation)
}
