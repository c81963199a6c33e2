import ArgumentParser
import CommandLineSupport
import Datasets
import Logging
import NeuralNetwork
import Platform
import RunFiles
import Terminal
import Training

/// The accuracy that each of several activation formats gives.
///
/// The front does not depend on the format, as nothing comes back to it: it is trained once, and beside it one rest for
/// each format. Every rest gets the weights that the two programs would give it, bit for bit.
struct FormatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats",
    abstract: "Train one front, and a rest for each of several activation formats; print bytes and accuracy.",
    discussion: """
      A format is bits,scale,full-scale: 2,tensor,0.35. With ",stochastic" behind it
      the training features are rounded up or down at random, so that the mean stays,
      and the test features to the nearest code as ever; with ",dithered" those too.
      Sizes with zstd and errors are those of every 16th batch. scripts/report.py draws
      the lines of --json.
      """)

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: ArgumentHelp("Network to cut in two.", valueName: "name"))
  var architecture = Architecture.vgg8

  @Option(help: ArgumentHelp("Cut the network after block <k>.", valueName: "k"))
  var cut = 2

  @Option(help: ArgumentHelp("Early exit.", valueName: "head"))
  var exitHead = ExitHead.conv

  @Option(help: ArgumentHelp("Reduce the features at the cut to <n> channels.", valueName: "n"))
  var bottleneck: Int?

  @Option(help: ArgumentHelp("Folder of CIFAR-10, or synthetic.", valueName: "dir|synthetic"))
  var data: String?

  @Option(help: ArgumentHelp("Use the first <n> training images only.", valueName: "n"))
  var trainLimit: Int?

  @Option(help: ArgumentHelp("Use the first <n> test images only.", valueName: "n"))
  var testLimit: Int?

  @Option(help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = 3

  @Option(help: ArgumentHelp("Seed of the run.", valueName: "n"))
  var seed: UInt64 = 0

  @Argument(help: ArgumentHelp("What to compare.", valueName: "format"))
  var formats: [String]

  func run() throws {
    let (train, test) = try ImageSource(option: data).open(
      trainLimit: trainLimit, testLimit: testLimit, seed: seed,
      .init(threads: 1, Interruption(), Logger(label: "benchmark")))
    var configuration = RunConfiguration(
      task: train.task,
      network: SplitNetwork.Configuration(
        architecture: architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck,
        input: train.task.shape, classes: train.task.classes),
      activations: .exact, data: "", trainImages: train.count, testImages: test.count)
    configuration.epochs = epochs
    configuration.batchSize = measurement.batchSize
    configuration.seed = seed
    let edge = try LocalNetwork(configuration, compute: measurement.settings)
    let (front, exit) = (try edge.front(), try edge.exit())
    let rests = try formats.map { try FormatTrial($0, configuration, measurement.settings) }
    let loader = try BatchLoader(.training(train, batchSize: configuration.batchSize, seed: seed))
    let testLoader = try BatchLoader(.evaluation(test, batchSize: configuration.batchSize))
    var (step, exitCorrect) = (0, 0)
    for epoch in 0..<epochs {
      loader.startEpoch(epoch)
      while let batch = try loader.next() {
        let values = configuration.scheduled(step: step)
        let features = front.forward(batch.images, training: true)
        for rest in rests { try rest.train(features, batch.labels, values) }
        let (_, gradient) = exit.loss(features, labels: batch.labels)
        if let gradient = exit.backward(gradient, needsInputGradient: true) { front.backward(gradient) }
        for part in [front, exit] { part.update(values) }
        step += 1
      }
      Console.standardError.printLine("epoch \(epoch + 1) of \(epochs)")
    }
    testLoader.startEpoch(0)
    while let batch = try testLoader.next() {
      let features = front.forward(batch.images, training: false)
      for rest in rests { try rest.evaluate(features, batch.labels) }
      exitCorrect += exit.evaluate(features, labels: batch.labels).correct
    }
    try report(rests, exitCorrect, trained: train.count, tested: test.count)
  }

  private func report(_ rests: [FormatTrial], _ exitCorrect: Int, trained: Int, tested: Int) throws {
    guard !measurement.json else {
      for rest in rests {
        let row = FrontierRow(
          architecture: architecture.rawValue, cut: cut, bottleneck: bottleneck, exitHead: exitHead.rawValue,
          format: rest.name, bits: rest.format.bits, scale: rest.format.scale.rawValue,
          fullScale: rest.format.fullScale, packedBytesPerImage: rest.packedBytesPerImage,
          bytesPerImage: rest.compressedBytesPerImage, squaredError: rest.relativeSquaredError,
          exitAccuracy: Double(exitCorrect) / Double(tested),
          finalAccuracy: Double(rest.correct) / Double(tested), epochs: epochs, trainImages: trained,
          seed: seed)
        try Program.printLine(RunJSON.line(row))
      }
      return
    }
    let exitAccuracy = Formatting.percent(Double(exitCorrect) / Double(tested))
    var table = TextTable([
      TextTable.Column("format"), TextTable.Column("bytes/image", .right),
      TextTable.Column("with zstd", .right), TextTable.Column("squared error", .right),
      TextTable.Column("final accuracy", .right),
    ])
    for rest in rests {
      table.append([
        rest.name, Formatting.fixed(rest.packedBytesPerImage, decimals: 0),
        Formatting.fixed(rest.compressedBytesPerImage, decimals: 0),
        Formatting.fixed(rest.relativeSquaredError, decimals: 3),
        Formatting.percent(Double(rest.correct) / Double(tested)),
      ])
    }
    try Program.printLine(
      """
      \(architecture.rawValue) cut \(cut), exit \(exitHead.rawValue), \
      bottleneck \(bottleneck.map(String.init) ?? "none"), \
      \(epochs) epochs of \(trained) images, seed \(seed): exit accuracy \(exitAccuracy)
      \(table.rendered())
      """)
  }
}

/// A line of --json, with the keys of `scripts/frontier.sh`. Accuracies are fractions.
private struct FrontierRow: Encodable {
  let architecture: String
  let cut: Int
  let bottleneck: Int?
  let exitHead: String
  let format: String
  let bits: Int
  let scale: String
  let fullScale: Double
  let packedBytesPerImage: Double
  /// With zstd.
  let bytesPerImage: Double
  let squaredError: Double
  let exitAccuracy: Double
  let finalAccuracy: Double
  let epochs: Int
  let trainImages: Int
  let seed: UInt64
}
