/// Test images of each class, and how many of them are classified right.
package struct ClassCounts: Codable, Equatable, Sendable {
  /// Of more classes nothing is told class by class.
  package static let maximumClasses = 1000

  /// `[classes]`, each at most its `count`.
  package private(set) var correct: [Int]
  /// `[classes]`
  package private(set) var count: [Int]

  /// No images yet; nil for more classes than are told of.
  package init?(classes: Int) {
    guard classes <= Self.maximumClasses else { return nil }
    correct = [Int](repeating: 0, count: classes)
    count = correct
  }

  /// - Throws: `DecodingError` unless the lists are of as many classes, and what they count is there.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    correct = try values.decode([Int].self, forKey: .correct)
    count = try values.decode([Int].self, forKey: .count)
    let fits =
      correct.count == count.count && count.count <= Self.maximumClasses
      && zip(correct, count).allSatisfy { 0 <= $0 && $0 <= $1 && $1 <= PayloadCheck.maximumCount }
    guard fits else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription:
            "counts of up to \(Self.maximumClasses) classes, and of each no more that are right than there are"))
    }
  }

  /// Takes a batch.
  ///
  /// - Parameters:
  ///   - labels: of its images.
  ///   - hits: those of the images that are right.
  package mutating func add(labels: [UInt16], hits: [UInt16]) {
    for label in labels { count[Int(label)] += 1 }
    for label in hits { correct[Int(label)] += 1 }
  }

  /// Fraction of each class's images that is right; nil for a class without images.
  package var accuracies: [Double?] {
    zip(correct, count).map { $1 > 0 ? Double($0) / Double($1) : nil }
  }
}
