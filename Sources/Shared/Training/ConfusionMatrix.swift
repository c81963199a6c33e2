import Terminal
import Transport

/// How often images of each class were taken for which class.
package struct ConfusionMatrix: Equatable, Sendable {
  package let classes: Int
  /// `[true class, predicted class]`
  private var counts: [Int]

  /// - Parameters:
  ///   - classes: how many are told apart; both lists are below it.
  ///   - labels: the true classes of the images.
  ///   - predicted: what they were taken for.
  package init(classes: Int, labels: [UInt16], predicted: [UInt16]) {
    precondition(labels.count == predicted.count, "\(predicted.count) predictions for \(labels.count) images")
    self.classes = classes
    counts = [Int](repeating: 0, count: classes * classes)
    for (label, prediction) in zip(labels, predicted) { counts[Int(label) * classes + Int(prediction)] += 1 }
  }

  /// How many images of a class were taken for each class.
  package subscript(label: Int) -> ArraySlice<Int> { counts[label * classes..<(label + 1) * classes] }

  /// How many images of a class there are.
  package func images(of label: Int) -> Int { self[label].reduce(0, +) }

  /// Fraction of each class's images that are right; nil for a class without images.
  package var recalls: [Double?] {
    (0..<classes).map { label in
      let images = images(of: label)
      return images > 0 ? Double(counts[label * classes + label]) / Double(images) : nil
    }
  }
}

extension Predictions {
  /// The matrices of what there is: "exit", "final".
  package var confusions: [(output: String, matrix: ConfusionMatrix)] {
    [("exit", exitLogits), ("final", finalLogits)].compactMap { output, logits in
      logits.map { (output, ConfusionMatrix(classes: classes, labels: labels, predicted: labels($0))) }
    }
  }
}

/// Matrices as one text of comma-separated values:
///
/// ```
/// output,class,airplane,automobile,…
/// exit,airplane,812,9,…
/// ```
package enum ConfusionFile {
  /// - Parameters:
  ///   - confusions: of the same classes.
  ///   - names: of the classes.
  package static func bytes(_ confusions: [(output: String, matrix: ConfusionMatrix)], names: [String]) -> [UInt8] {
    var text = CommaSeparated.line(["output", "class"] + names)
    for (output, matrix) in confusions {
      for label in 0..<matrix.classes {
        text += CommaSeparated.line([output, names[label]] + matrix[label].map { "\($0)" })
      }
    }
    return Array(text.utf8)
  }
}
