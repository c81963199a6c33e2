import ArgumentParser
import CommandLineSupport
import Datasets
import Logging
import NeuralNetwork
import Platform
import Terminal
import Training

/// Image files that are classified in place of a data set.
struct PhotoOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Image files (JPEG, PNG) to classify in place of a data set; behind -- where a name begins with a hyphen.",
      valueName: "photo"), completion: .file())
  var files: [String] = []

  @Option(
    help: ArgumentHelp("With image files: print the <n> most probable classes of each. (default: 1)", valueName: "n"))
  var top: Int?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top \(top) is out of range: at least 1") }
    if top != nil, files.isEmpty { throw ValidationError("--top needs image files") }
  }

  /// Prints what the network says about each file, one after the other, and names those that cannot be read.
  ///
  /// - Throws: `DatasetError.unreadableFiles`, after the table of the others; `ConfigurationError` if files cannot
  ///   become what the network takes; `CodecError.nonFinite`, `FileError`, `InterruptedError`.
  func classify(with predictor: Predictor, _ interruption: Interruption, _ logger: Logger) throws {
    let task = predictor.metadata.configuration.task
    guard task.shape.height == task.shape.width, task.shape.channels == 3 else {
      throw ConfigurationError("the weights are for images of \(task.shape), expected square ones of 3 channels")
    }
    let reader = ImageFileReader()
    var table: PhotoTable?
    var unreadable: [String] = []
    for file in files {
      do {
        let image = try UnlabeledImage(file, task, reader)
        let predictions = try predictor.predict(image, interruption: interruption)
        if table == nil { table = PhotoTable(predictions, task, top: top ?? 1) }
        table?.append(file, predictions)
      } catch let error as UnreadableImageError {
        unreadable.append(file)
        logger.warning("\(Formatting.singleLine("\(file): \(error.reason)"))")
      }
    }
    if let table { try Program.printLine(table.rendered()) }
    if let first = unreadable.first {
      throw DatasetError.unreadableFiles(count: unreadable.count, all: files.count, first: first)
    }
  }
}

/// A line for each file and each of its most probable classes, by exit and by the end of the network.
private struct PhotoTable {
  private let task: ImageTask
  private let top: Int
  private var table: TextTable

  /// - Parameter predictions: which tell what classifiers there are.
  init(_ predictions: Predictions, _ task: ImageTask, top: Int) {
    (self.task, self.top) = (task, min(top, task.classes))
    var columns = [TextTable.Column("file")]
    if predictions.exitLogits != nil { columns += [.init("exit"), .init("probability", .right)] }
    if predictions.finalLogits != nil { columns += [.init("final"), .init("probability", .right)] }
    table = TextTable(columns)
  }

  mutating func append(_ file: String, _ predictions: Predictions) {
    let guesses = [predictions.exitLogits, predictions.finalLogits].compactMap { logits in
      logits.map { SoftmaxCrossEntropy.probabilities($0) }
    }
    .map { values in (values, values.indices.sorted { (values[$1], $0) < (values[$0], $1) }) }
    for place in 0..<top {
      let cells = guesses.flatMap { values, order in
        [Formatting.singleLine(task.name(of: order[place])), Formatting.percent(values[order[place]])]
      }
      table.append([Formatting.singleLine(file)] + cells)
    }
  }

  func rendered() -> String { table.rendered() }
}

extension Predict {
  /// - Throws: `ValidationError` for an option that means nothing for image files.
  func checkPhotos() throws {
    guard let file = photos.files.first else { return }
    if photos.files.contains("") { throw ValidationError("the name of an image file is empty") }
    let options = [
      ("--data", data != nil), ("--image-size", dataset.size.imageSize != nil), ("--classes", dataset.classes != nil),
      ("--labels", dataset.labels != nil), ("--test-fraction", dataset.testFraction != nil),
      ("--normalization", dataset.normalization != nil), ("--skip-unreadable", dataset.skipUnreadable),
      ("--images", images != nil), ("--batch-size", batchSize != nil), ("--logits", logits != nil),
      ("--confusion", confusion.confusion != nil),
    ]
    if let (option, _) = options.first(where: \.1) {
      throw ValidationError("\(option) does not go with image files, here \(file)")
    }
  }
}
