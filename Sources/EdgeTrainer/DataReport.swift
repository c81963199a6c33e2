import CommandLineSupport
import Datasets
import Terminal

/// What a data set holds, as text.
struct DataReport {
  /// With more classes than this, some at both ends are listed unless all are asked for.
  static let listedClasses = 100
  /// How many at each end.
  private static let extremes = 10

  private let source: ImageSource
  private let dataset: OpenDataset
  private let task: ImageTask
  /// [classes]
  private let counts: (train: [Int], test: [Int])

  init(_ source: ImageSource, _ dataset: OpenDataset) {
    (self.source, self.dataset, task) = (source, dataset, dataset.train.task)
    counts = (dataset.train.countsByClass(), dataset.test.countsByClass())
  }

  /// The properties of the whole, an empty line, and the counts of the classes.
  func rendered(allClasses: Bool) -> String {
    var table = TextTable([.init("data set"), .init(Formatting.singleLine("\(source)"))])
    var rows = [
      ("images", "\(dataset.train.count) for training, \(dataset.test.count) for testing"),
      ("image size", "\(task.shape.width)x\(task.shape.height)"),
      ("classes", "\(task.classes)"),
      ("training images of a class", spread(counts.train)),
      ("test images of a class", spread(counts.test)),
    ]
    if let sizes = dataset.cache?.sourceSizes {
      rows.append(("image files", "smallest \(sizes.smallest), median \(sizes.median), largest \(sizes.largest)"))
    }
    let figures = source.settings.normalization
    let origin = figures == .data ? "" : ", of \(figures.rawValue)"
    rows += [
      ("mean", "\(Self.channels(task.mean))\(origin)"), ("deviation", "\(Self.channels(task.deviation))\(origin)"),
    ]
    if dataset.otherFiles > 0 { rows.append(("other files", "\(dataset.otherFiles), neither .jpg nor .png")) }
    if let count = dataset.cache?.unreadable.count, count > 0 { rows.append(("unreadable files", "\(count)")) }
    for (name, value) in rows { table.append([name, value]) }
    return table.rendered() + "\n" + classTable(all: allClasses || task.classes <= Self.listedClasses)
  }

  /// How different the classes are.
  private func spread(_ counts: [Int]) -> String {
    let order = byCount(counts)
    guard let least = order.first, let most = order.last, counts[least] < counts[most] else { return "\(counts[0])" }
    func named(_ label: Int) -> String { "\(counts[label]) (\(name(of: label)))" }
    return "least \(named(least)), median \(counts[order[order.count / 2]]), most \(named(most))"
  }

  private func classTable(all: Bool) -> String {
    var table = TextTable([.init("class"), .init("training", .right), .init("test", .right)])
    func append(_ labels: some Sequence<Int>) {
      for label in labels { table.append([name(of: label), "\(counts.train[label])", "\(counts.test[label])"]) }
    }
    if all {
      append(counts.train.indices)
      return table.rendered()
    }
    let order = byCount(counts.train)
    append(order.prefix(Self.extremes))
    table.append(["…", "", ""])
    append(order.suffix(Self.extremes))
    return table.rendered()
      + "the \(Self.extremes) classes with the fewest training images and the \(Self.extremes) with the most; "
      + "--all-classes lists all of them\n"
  }

  /// Labels, from the class with the fewest images on; of equal ones in their own order.
  private func byCount(_ counts: [Int]) -> [Int] { counts.indices.sorted { (counts[$0], $0) < (counts[$1], $1) } }

  private func name(of label: Int) -> String { Formatting.singleLine(task.name(of: label)) }

  /// A value from 0 to 1 for red, green and blue.
  private static func channels(_ values: [Float]) -> String {
    values.map { Formatting.fixed(Double($0), decimals: 4) }.joined(separator: " ")
  }
}
