import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import RunFiles
import Terminal
import Training
import WeightFiles

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify test images, or image files, with trained weights, on this machine alone.",
    discussion: """
      Loads edge.safetensors and, if given, the cloud.safetensors of the same run;
      one of them is needed.
      With --strategy edge-only the edge's file holds the whole network, with
      cloud-stream and cloud-upload-once the cloud's, and that one is enough; with
      split both are needed.
      Between two halves the features are quantized as on the wire. The images
      of a batch share their quantization scales, so the final logits depend a
      little on --batch-size; with the batch size of the run, the default, the
      accuracies are those that training reported.
      Image files are resized, cut and normalized as the weights' own training
      images were, and each is a batch of its own: what is said of one does not
      depend on the others. Those that cannot be read are named, the others
      classified all the same, and the exit code is 65.
      """)

  @OptionGroup var photos: PhotoOptions

  @Option(
    help: ArgumentHelp("The edge's weights, edge.safetensors of a run.", valueName: "file"),
    completion: .file(extensions: ["safetensors"]))
  var edgeWeights: String?

  @Option(
    help: ArgumentHelp(
      "The cloud's weights, cloud.safetensors of the same run. (default: the early exit alone)",
      valueName: "file"), completion: .file(extensions: ["safetensors"]))
  var cloudWeights: String?

  @Option(
    help: ArgumentHelp(
      """
      Folder of the test images, as for train, or "synthetic" for images drawn with the seed of the run. \
      (default: $CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin)
      """, valueName: "dir|synthetic"), completion: .directory)
  var data: String?

  @OptionGroup var dataset: DatasetOptions

  @Option(
    help: ArgumentHelp(
      "Use the first <n> test images only. (default: as many as in the run, if they are its images; else all)",
      valueName: "n"))
  var images: Int?

  @Option(
    help: ArgumentHelp("Images of a batch. (default: as many as in the run, which the weights tell)", valueName: "n"))
  var batchSize: Int?

  @Option(
    help: ArgumentHelp(
      "Threads that compute. (default: the processors that the program may use)", valueName: "n"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      """
      Write <prefix>-exit.npy and <prefix>-final.npy (float32, images x classes) and <prefix>-labels.npy \
      (uint16).
      """, valueName: "prefix"), completion: .file())
  var logits: String?

  @Flag(
    help: ArgumentHelp(
      """
      With --logits, also write the images themselves to <prefix>-images.npy \
      (uint8, images x channels x height x width).
      """))
  var dumpImages = false

  @Flag(
    help: ArgumentHelp(
      """
      With --logits, also write the features at the cut, before quantization, to <prefix>-features.npy \
      (float32, images x height x width x channels).
      """))
  var dumpFeatures = false

  @OptionGroup var confusion: ConfusionOption

  func validate() throws {
    for (option, text) in [
      ("--edge-weights", edgeWeights), ("--cloud-weights", cloudWeights), ("--data", data),
      ("--logits", logits),
    ] where text == "" { throw ValidationError("\(option) is empty") }
    if edgeWeights == nil && cloudWeights == nil {
      throw ValidationError("--edge-weights or --cloud-weights is needed, or both")
    }
    if let images, images < 1 { throw ValidationError("--images \(images) is out of range: at least 1") }
    if let batchSize, !(1...RunConfiguration.maximumBatchSize).contains(batchSize) {
      throw ValidationError("--batch-size \(batchSize) is out of range: 1 to \(RunConfiguration.maximumBatchSize)")
    }
    try MachineOptions.check(threads: threads)
    if (dumpImages || dumpFeatures) && logits == nil {
      throw ValidationError("--dump-images and --dump-features need --logits")
    }
    try checkPhotos()
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    let compute = ComputeSettings(threads: threads ?? Processors.availableCount)
    try Program.run(.edge, compute) { interruption, logger in
      let predictor = try Predictor(
        edge: edgeWeights, cloud: cloudWeights, batchSize: photos.files.isEmpty ? batchSize : 1, compute: compute)
      if !photos.files.isEmpty { return try photos.classify(with: predictor, interruption, logger) }
      try confusion.check(predictor.metadata.configuration.task)
      let configuration = predictor.metadata.configuration
      let source = try source(for: configuration.task)
      let limit = images ?? (areOfTheRun(source, configuration) ? configuration.testImages : nil)
      let test = try source.open(
        testLimit: limit, testOption: images == nil ? nil : "--images", seed: configuration.seed,
        .init(threads: compute.threads, interruption, logger)
      ).test
      let isRuns = images == nil && test.count == limit
      logger.info("\(source): \(test.count) test images\(isRuns ? ", as many as in the run" : "")")
      let progress = ProgressReporter()
      defer { progress.finish() }
      let predictions = try predictor.predict(test, keepingFeatures: dumpFeatures, interruption: interruption) { done in
        progress.count("classifying", "image", done: done, all: test.count)
      }
      progress.finish()
      if let logits {
        try predictions.write(prefix: logits)
        if dumpImages { try NumPyFile.write(test, to: logits + "-images.npy") }
      }
      try Program.printLine(table(predictions, predictor) + confusion.table(predictions, test.task))
      try confusion.write(predictions, test.task)
    }
  }

  /// The images that the options name, of the weights' size and number of classes unless others are asked for.
  private func source(for task: ImageTask) throws -> ImageSource {
    var settings = dataset.settings
    let kind = try ImageSource(option: data, settings: settings).kind
    if kind.isMadeOfFiles || kind == .synthetic { settings.imageSize = settings.imageSize ?? task.shape.height }
    if kind == .synthetic { settings.classes = settings.classes ?? task.classes }
    return try ImageSource(option: data, settings: settings)
  }

  /// Whether the images are those of the run, as far as the weights tell, or, of folders, the run's files beside them.
  private func areOfTheRun(_ source: ImageSource, _ configuration: RunConfiguration) -> Bool {
    guard source.name == configuration.data else { return false }
    if source.kind != .folder { return true }
    return [edgeWeights, cloudWeights].compactMap { $0 }.contains { weights in
      let directory = weights.lastIndex(of: "/").map { String(weights[...$0]) } ?? "."
      return (try? FoundRun(directory))?.setting("data") == source.option
    }
  }

  private func table(_ predictions: Predictions, _ predictor: Predictor) -> String {
    let metadata = predictor.metadata
    let network = metadata.configuration.network
    var table = TextTable([.init("prediction"), .init("", .right)])
    let cut = metadata.configuration.strategy.isCut ? "cut after block \(network.cut)" : "uncut"
    table.append(["network", "\(network.architecture.rawValue), \(cut)"])
    table.append([
      "trained", "\(Formatting.count(metadata.epoch, "epoch")), \(Formatting.count(metadata.step, "step"))",
    ])
    table.append(["test images", "\(predictions.labels.count) in batches of \(predictor.batchSize)"])
    for (name, fraction) in [
      ("exit accuracy", predictions.exitAccuracy), ("final accuracy", predictions.finalAccuracy),
      ("exit and final agree", predictions.agreement),
    ] {
      if let fraction { table.append([name, Formatting.percent(fraction)]) }
    }
    return table.rendered(width: Console.outputWidth)
  }
}
