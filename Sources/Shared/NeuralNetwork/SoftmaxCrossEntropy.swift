import Compute
import Platform

/// Softmax and cross-entropy, `E = −1/N Σ log p(label)`, with labels in `0..<classes`. With label smoothing `s` the
/// target of each of K classes is `s/K`, and of the label's `1 − s` more, as in PyTorch: `E = −1/N Σ Σ target log p`.
package struct SoftmaxCrossEntropy {
  /// What a batch gave.
  package struct Result: Equatable, Sendable {
    /// The mean loss of the batch, in nats.
    package var loss: Double
    /// The labels of the images that have their largest logit there (of equal ones the first counts).
    package var hits: [UInt16]
    /// How many these are.
    package var correct: Int { hits.count }
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

  /// Measures a batch, and writes the gradient of the mean loss if asked: `(p − target) / N`.
  ///
  /// - Parameters:
  ///   - logits: `[N, classes]`.
  ///   - labels: N of them, each in `0..<classes`.
  ///   - smoothing: what every label gives to all classes alike, in `0..<1`.
  ///   - gradient: the size of `logits`; may be nil.
  package static func evaluate(_ logits: Tensor, labels: [UInt16], smoothing: Double = 0, gradient: Tensor? = nil)
    -> Result
  {
    let classes = logits.shape.values
    let (shared, own) = (smoothing / Double(classes), 1 - smoothing + smoothing / Double(classes))
    precondition(labels.count == logits.count, "\(labels.count) labels for \(logits.count) images")
    var loss = 0.0
    var hits: [UInt16] = []
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
      if smoothing > 0 {
        let total = (0..<classes).reduce(0.0) { $0 + (Double(x[label]) - Double(x[$1])) }
        loss += shared * total
      }
      if best == label { hits.append(labels[image]) }
      guard let gradient else { continue }
      let dx = gradient.data + image * classes
      for index in 0..<classes {
        let probability = exp(Double(x[index]) - largest) / sum
        dx[index] = Float((probability - (index == label ? own : shared)) / Double(logits.count))
      }
    }
    return Result(loss: loss / Double(max(1, logits.count)), hits: hits)
  }
}
