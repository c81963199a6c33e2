import Compute
import NeuralNetwork
import TestSupport
import Testing

/// Compares gradients with central differences of an objective, for anything that has a gradient.
struct GradientChecker {
  /// Some numbers that the objective depends on, and its gradient in them.
  struct Blob {
    var name: String
    var values: UnsafeMutableBufferPointer<Float>
    var gradient: [Float]
  }

  /// How far a value is moved to either side.
  var step: Float = 0x1p-5
  /// Of |analytic − numeric|, relative to the larger of both or `floor`: above what rounding makes of it with any
  /// kernels of OpenBLAS, tried with six.
  var tolerance = 3e-3
  var floor = 0.5
  /// At most so many values of each blob are moved, evenly spread.
  var samples = Int.max
  /// The objective has corners, where it has no derivative: values that a corner lies close to are left out.
  var hasKinks = false
  /// At most this part of a blob may be left out.
  static let mayBeSkipped = 0.5

  /// Fails with the name, the blob, the index and both values of what differs most.
  func check(_ name: String, _ blobs: [Blob], sourceLocation: SourceLocation, objective: () -> Double) {
    for blob in blobs {
      var analytic: [Double] = []
      var numeric: [Double] = []
      var indices: [Int] = []
      var skipped = 0
      let count = blob.values.count
      #expect(blob.gradient.count == count, "\(name), \(blob.name)", sourceLocation: sourceLocation)
      guard blob.gradient.count == count else { continue }
      for sample in 0..<min(count, samples) {
        let index = count <= samples ? sample : (sample * count + count / 2) / samples
        guard let slope = slope(&blob.values[index], objective) else {
          skipped += 1
          continue
        }
        indices.append(index)
        analytic.append(Double(blob.gradient[index]))
        numeric.append(slope)
      }
      let found = mismatch(analytic, numeric, indices: indices, tolerance: tolerance, floor: floor)
      #expect(
        found == nil, "\(name), gradient of \(blob.name), analytic instead of numeric",
        sourceLocation: sourceLocation)
      #expect(
        Double(skipped) <= Self.mayBeSkipped * Double(skipped + indices.count),
        "\(name), \(blob.name): \(skipped) of \(skipped + indices.count) values lie at a corner",
        sourceLocation: sourceLocation)
    }
  }

  /// The derivative by central differences, extrapolated from two steps (Richardson); nil next to a corner.
  private func slope(_ value: inout Float, _ objective: () -> Double) -> Double? {
    let center = value
    defer { value = center }
    let middle = hasKinks ? objective() : 0
    func differences(_ step: Float) -> (first: Double, second: Double) {
      value = center + step
      let above = value
      let high = objective()
      value = center - step
      let width = Double(above - value)
      let low = objective()
      return ((high - low) / width, (high - 2 * middle + low) / (width / 2))
    }
    let wide = differences(step)
    let narrow = differences(step / 2)
    if hasKinks {
      // Where the objective is smooth, halving the step leaves the first difference as it is and halves the second. The
      // gradient under test plays no part in this, so a wrong one cannot hide here.
      let allowed = tolerance / 5 * max(abs(narrow.first), floor)
      if abs(wide.first - narrow.first) > allowed || abs(wide.second - 2 * narrow.second) > allowed {
        return nil
      }
    }
    return (4 * narrow.first - wide.first) / 3
  }

  /// Checks the input and every parameter of a layer, the objective being `Σ r · output` with random r.
  func check(
    _ name: String, _ harness: LayerHarness, count: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let features = Tensor.random(harness.inputShape, count: count, seed: 11)
    let r = Tensor.random(harness.outputShape, count: count, seed: 12)
    _ = harness.forward(features)
    let inputGradient = try #require(harness.backward(r), "\(name)", sourceLocation: sourceLocation)
    let blobs =
      [Blob(name: "input", values: features.buffer, gradient: inputGradient)]
      + harness.layer.parameters.map { Blob(name: $0.name, values: $0.value, gradient: Array($0.gradient)) }
    check(name, blobs, sourceLocation: sourceLocation) {
      let output = harness.forward(features)
      var sum = 0.0
      for index in 0..<output.values { sum += Double(r.data[index]) * Double(output.data[index]) }
      return sum
    }
  }
}
