import Compute
import WeightFiles

/// What a network says about images: logits of both classifiers, beside the labels.
package struct Predictions: Sendable {
  /// How many are told apart.
  package let classes: Int
  /// `[images]`, in `0..<classes`.
  package internal(set) var labels: [UInt16] = []
  /// `[images, classes]`; nil without an exit.
  package internal(set) var exitLogits: [Float]?
  /// `[images, classes]`; nil if only a part of the network is there.
  package internal(set) var finalLogits: [Float]?

  /// At the cut, before quantization, `[images, height, width, channels]`; nil if not wanted.
  package internal(set) var features: (shape: FeatureShape, values: [Float])?

  /// No images yet.
  init(classes: Int, withExit: Bool = true, withFinal: Bool, featureShape: FeatureShape? = nil) {
    self.classes = classes
    exitLogits = withExit ? [] : nil
    finalLogits = withFinal ? [] : nil
    features = featureShape.map { ($0, []) }
  }

  /// The class with the largest logit for each image, the first of equal ones.
  package func labels(_ logits: [Float]) -> [UInt16] {
    stride(from: 0, to: logits.count, by: classes).map { start in
      var best = 0
      for index in 1..<classes where logits[start + index] > logits[start + best] { best = index }
      return UInt16(best)
    }
  }

  /// Fraction of the images that the exit gets right; nil without one.
  package var exitAccuracy: Double? { exitLogits.map { Self.fraction(labels($0), equalTo: labels) } }

  /// Fraction of the images that the whole network gets right; nil if only a part of it is there.
  package var finalAccuracy: Double? { finalLogits.map { Self.fraction(labels($0), equalTo: labels) } }

  /// Fraction of the images that exit and whole network put into the same class, right or wrong; nil without both.
  package var agreement: Double? {
    guard let exitLogits, let finalLogits else { return nil }
    return Self.fraction(labels(finalLogits), equalTo: labels(exitLogits))
  }

  private static func fraction(_ values: [UInt16], equalTo others: [UInt16]) -> Double {
    let equal = zip(values, others).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    return Double(equal) / Double(max(1, others.count))
  }
}

extension Predictions {
  /// Writes `prefix-exit.npy` and `prefix-final.npy`, float32 `[images, classes]`, `prefix-labels.npy`, uint16
  /// `[images]`, and `prefix-features.npy`, float32 `[images, height, width, channels]`; logits and features if there
  /// are any.
  ///
  /// - Parameter prefix: of the paths.
  /// - Throws: `FileError`.
  package func write(prefix: String) throws {
    try NumPyFile.write(labels, shape: [labels.count], to: prefix + "-labels.npy")
    let shape = [labels.count, classes]
    if let exitLogits { try NumPyFile.write(exitLogits, shape: shape, to: prefix + "-exit.npy") }
    if let finalLogits { try NumPyFile.write(finalLogits, shape: shape, to: prefix + "-final.npy") }
    if let (shape, values) = features {
      try NumPyFile.write(
        values, shape: [labels.count, shape.height, shape.width, shape.channels], to: prefix + "-features.npy")
    }
  }
}
