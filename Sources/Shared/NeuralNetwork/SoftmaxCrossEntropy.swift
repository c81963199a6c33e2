import Compute
import Platform

/// Softmax and cross-entropy, `E = −1/N Σ log p(label)`, with labels in `0..<classes`.
package struct SoftmaxCrossEntropy {
  /// What a batch gave.
  package struct Result: Equatable, Sendable {
    /// The mean loss of the batch, in nats.
    package var loss: Double
    /// How many images have their largest logit at the label (of equal ones the first counts).
    package var correct: Int
  }

  /// The softmax of one image's logits: what the network takes for the probability of each class.
  ///
  /// - Parameter logits: `[classes]`.
  package static func probabilities(_ logits: [Float]) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Measures a batch, and writes the gradient of the mean loss if asked: `(p − onehot(label)) / N`.
  ///
  /// - Parameters:
  ///   - logits: `[N, classes]`.
  ///   - labels: N of them, each in `0..<classes`.
  ///   - gradient: the size of `logits`; may be nil.
  package static func evaluate(_ logits: Tensor, labels: [UInt16], gradient: Tensor? = nil) -> Result {
    let classes = logits.shape.values
    precondition(labels.count == logits.count, "\(labels.count) labels for \(logits.count) images")
    var loss = 0.0
    var correct = 0
    for image in 0..<logits.count {
      let x = logits.data + image * classes
      let label = Int(labels[image])
      precondition(label < classes, "label \(label) of \(classes) classes")
      var best = 0
      for index in 1..<classes where x[index] > x[best] { best = index }
      let largest = Double(x[best])
      var sum = 0.0
      for index in 0..<classes { sum += exp(Double(x[index]) - largest) }
      loss += log(sum) + largest - Double(x[label])
      if best == label { correct += 1 }
      guard let gradient else { continue }
      let dx = gradient.data + image * classes
      for index in 0..<classes {
        let probability = exp(Double(x[index]) - largest) / sum
        dx[index] = Float((probability - (index == label ? 1 : 0)) / Double(logits.count))
      }
    }
    return Result(loss: loss / Double(max(1, logits.count)), correct: correct)
  }
}
