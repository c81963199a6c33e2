import ArgumentParser
import Datasets
import Platform
import Terminal
import Training
import Transport

/// A confusion matrix of what is predicted.
struct ConfusionOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Write how often images of which class were taken for which, by the exit and by the whole network, to a CSV file \
      that scripts/report.py --confusion draws; and list the accuracy of each class, or of the \(Self.worst) worst of \
      more than \(ImageTask.listedClasses).
      """, valueName: "file.csv"), completion: .file())
  var confusion: String?

  private static let worst = 10

  func validate() throws { if confusion == "" { throw ValidationError("--confusion is empty: expected a file") } }

  /// Checks that there can be such a file, before there is something to write.
  ///
  /// - Throws: `ValidationError` for too many classes, `FileError` if the file cannot be written.
  func check(_ task: ImageTask) throws {
    guard let confusion else { return }
    guard task.classes <= ClassCounts.maximumClasses else {
      throw ValidationError(
        "--confusion: the weights tell \(task.classes) classes apart, expected at most \(ClassCounts.maximumClasses)")
    }
    _ = try OutputFile(path: confusion)
  }

  /// Writes the file, if it is wanted.
  ///
  /// - Parameter task: of the images.
  /// - Throws: `FileError`.
  func write(_ predictions: Predictions, _ task: ImageTask) throws {
    guard let confusion else { return }
    let bytes = ConfusionFile.bytes(predictions.confusions, names: (0..<task.classes).map(task.name))
    try OutputFile.replace(confusion, with: bytes)
  }

  /// The accuracies by class as a table, with an empty line before it; nothing if they are not wanted.
  ///
  /// - Parameter task: of the images.
  func table(_ predictions: Predictions, _ task: ImageTask) -> String {
    if confusion == nil { return "" }
    let confusions = predictions.confusions
    guard let last = confusions.last?.matrix else { return "" }
    let isWhole = task.classes <= ImageTask.listedClasses
    var table = TextTable(
      [.init(isWhole ? "class" : "worst classes"), .init("images", .right)]
        + confusions.map { .init($0.output, .right) })
    let recalls = confusions.map(\.matrix.recalls)
    let labels = isWhole ? Array(0..<task.classes) : Array(ImageTask.ranked(last.recalls).prefix(Self.worst))
    for label in labels {
      table.append(
        [Formatting.singleLine(task.name(of: label)), "\(last.images(of: label))"]
          + recalls.map { Formatting.percent($0[label]) })
    }
    return "\n" + table.rendered()
  }
}
