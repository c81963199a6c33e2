import Datasets
import Terminal

extension ImageTask {
  /// So many classes are told of at most, one after the other; of more, only the worst and the best.
  package static let listedClasses = 20
  private static let extremes = 5

  /// One line: "airplane 81.00 %, automobile 90.00 %", or "worst: cat 51.00 %, …; best: ship 93.00 %, …".
  ///
  /// - Parameter accuracies: fractions, one a class; nil for a class without images.
  package func line(of accuracies: [Double?]) -> String {
    func text(_ classes: some Sequence<Int>) -> String {
      classes.map { "\(name(of: $0)) \(Formatting.percent(accuracies[$0]))" }.joined(separator: ", ")
    }
    guard accuracies.count > Self.listedClasses else { return text(accuracies.indices) }
    let ranked = Self.ranked(accuracies)
    return "worst: \(text(ranked.prefix(Self.extremes))); best: \(text(ranked.suffix(Self.extremes).reversed()))"
  }

  /// The classes that have images, the worst first, of equal ones in their order.
  package static func ranked(_ accuracies: [Double?]) -> [Int] {
    // Swift's sort is stable, but does not promise it.
    accuracies.indices.compactMap { label in accuracies[label].map { (label, $0) } }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
  }
}
