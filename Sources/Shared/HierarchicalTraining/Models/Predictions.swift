import Compute
import NeuralNetwork

/// What a network says about images: logits of both classifiers, beside the labels.
package struct Predictions: Sendable {
  /// `[images]`, 0 to 9.
  package internal(set) var labels: [UInt8] = []
  /// `[images, classes]`.
  package internal(set) var exitLogits: [Float] = []
  /// `[images, classes]`; nil without the cloud's half.
  package internal(set) var finalLogits: [Float]?

  /// At the cut, before quantization, `[images, height, width, channels]`; nil if not wanted.
  package internal(set) var features: (shape: FeatureShape, values: [Float])?

  /// No images yet.
  init(withFinal: Bool, featureShape: FeatureShape? = nil) {
    finalLogits = withFinal ? [] : nil
    features = featureShape.map { ($0, []) }
  }

  /// The class with the largest logit for each image, the first of equal ones.
  package static func classes(_ logits: [Float]) -> [UInt8] {
    let classes = Architecture.classes
    return stride(from: 0, to: logits.count, by: classes).map { start in
      var best = 0
      for index in 1..<classes where logits[start + index] > logits[start + best] { best = index }
      return UInt8(best)
    }
  }

  /// Fraction of the images that the exit gets right.
  package var exitAccuracy: Double { Self.fraction(Self.classes(exitLogits), equalTo: labels) }

  /// Fraction of the images that the whole network gets right; nil without the cloud's half.
  package var finalAccuracy: Double? {
    finalLogits.map { Self.fraction(Self.classes($0), equalTo: labels) }
  }

  /// Fraction of the images that exit and whole network put into the same class, right or wrong.
  package var agreement: Double? {
    finalLogits.map { Self.fraction(Self.classes($0), equalTo: Self.classes(exitLogits)) }
  }

  private static func fraction(_ values: [UInt8], equalTo others: [UInt8]) -> Double {
    let equal = zip(values, others).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    return Double(equal) / Double(max(1, others.count))
  }
}

extension Predictions {
  /// Writes `prefix-exit.npy` and `prefix-final.npy`, float32 `[images, 10]`, `prefix-labels.npy`, uint8 `[images]`, and
  /// `prefix-features.npy`, float32 `[images, height, width, channels]`; final logits and features if there are any.
  ///
  /// - Parameter prefix: of the paths.
  /// - Throws: `RunDirectoryError.cannotWrite`.
  package func write(prefix: String) throws {
    try NumPyFile.write(labels, shape: [labels.count], to: prefix + "-labels.npy")
    let shape = [labels.count, Architecture.classes]
    try NumPyFile.write(exitLogits, shape: shape, to: prefix + "-exit.npy")
    if let finalLogits { try NumPyFile.write(finalLogits, shape: shape, to: prefix + "-final.npy") }
    if let (shape, values) = features {
      try NumPyFile.write(
        values, shape: [labels.count, shape.height, shape.width, shape.channels], to: prefix + "-features.npy"
      )
    }
  }
}
