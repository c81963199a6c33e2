import Glibc

/// Softmax regression from 3072 values to 10 classes, trained by plain stochastic gradient descent.
struct LinearClassifier {
  private static let inputs = 3072
  private static let classes = 10
  /// [class, input].
  private var weights = [Float](repeating: 0, count: classes * inputs)

  /// The ten scores of one image.
  private func scores(_ image: UnsafePointer<Float>) -> [Float] {
    (0..<Self.classes).map { label in
      weights.withUnsafeBufferPointer { weights in
        var sum: Float = 0
        var index = 0
        let row = label * Self.inputs
        while index < Self.inputs {
          sum += weights[row &+ index] * image[index]
          index &+= 1
        }
        return sum
      }
    }
  }

  /// One step per image: w += rate · (target − softmax) · image.
  mutating func train(_ values: [Float], _ labels: [UInt16], learningRate: Float) {
    values.withUnsafeBufferPointer { values in
      for (place, label) in labels.enumerated() {
        guard let start = values.baseAddress else { return }
        let image = start + place * Self.inputs
        let scores = scores(image)
        let largest = scores.max() ?? 0
        let exponentials = scores.map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        for candidate in 0..<Self.classes {
          let target: Float = candidate == Int(label) ? 1 : 0
          add(learningRate * (target - exponentials[candidate] / sum), times: image, toClass: candidate)
        }
      }
    }
  }

  private mutating func add(_ factor: Float, times image: UnsafePointer<Float>, toClass label: Int) {
    weights.withUnsafeMutableBufferPointer { weights in
      let row = label * Self.inputs
      var index = 0
      while index < Self.inputs {
        weights[row &+ index] += factor * image[index]
        index &+= 1
      }
    }
  }

  /// The fraction of images whose highest score is their label's.
  func accuracy(_ values: [Float], _ labels: [UInt16]) -> Double {
    let correct = values.withUnsafeBufferPointer { values in
      labels.indices.count { place in
        guard let start = values.baseAddress else { return false }
        let scores = scores(start + place * Self.inputs)
        return scores.allSatisfy { $0 <= scores[Int(labels[place])] }
      }
    }
    return Double(correct) / Double(labels.count)
  }
}
