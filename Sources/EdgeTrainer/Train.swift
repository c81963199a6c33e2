import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import HierarchicalTraining
import Logging
import NeuralNetwork
import Transport

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train the front and the exit here, and the rest in the cloud.",
    discussion: """
      Writes config.json, metrics.jsonl, summary.json and edge.safetensors into the run directory; cloud-trainer writes
      its half on its machine. Progress goes to standard error, the final table to standard output.

      Exit codes:
      \(RunExit.table())
      """)

  @Option(help: ArgumentHelp("Address of cloud-trainer.", valueName: "host:port"))
  var cloud = "127.0.0.1:7070"

  @Option(
    help: ArgumentHelp(
      "Folder of CIFAR-10 in its binary format (data_batch_1.bin ... test_batch.bin), or \"synthetic\" for drawn images.",
      valueName: "dir|synthetic"))
  var data: String

  @OptionGroup var network: NetworkOptions

  @Option(help: ArgumentHelp("Cut the network after block <k>; see describe.", valueName: "k"))
  var cut = 2

  @Option(help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = 10

  @Option(help: ArgumentHelp("Images of a training step.", valueName: "n"))
  var batchSize = 128

  @Option(help: ArgumentHelp("Learning rate; the peak of one-cycle and cosine.", valueName: "x"))
  var learningRate: Float = 0.1

  @Option(help: ArgumentHelp("Nesterov momentum; one-cycle moves it by 0.05 to either side.", valueName: "x"))
  var momentum: Float = 0.9

  @Option(help: ArgumentHelp("Weight decay.", valueName: "x"))
  var weightDecay: Float = 5e-4

  @Option(help: "Learning rate over the run.")
  var schedule = LearningRateSchedule.oneCycle

  @Option(help: ArgumentHelp("Seed of weights, shuffling and augmentation.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Use the first <n> training images only. (default: all; synthetic: 10000)", valueName: "n"))
  var trainLimit: Int?

  @Option(help: ArgumentHelp("Use the first <n> test images only. (default: all; synthetic: 2000)", valueName: "n"))
  var testLimit: Int?

  @Option(help: ArgumentHelp("Batches that may be on their way without acknowledgement.", valueName: "n"))
  var window = 4

  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("Directory for the run's files. (default: runs/<run>/edge)", valueName: "dir"))
  var runDir: String?

  func validate() throws {
    try machine.validate()
    _ = try network.format()
    _ = try endpoint()
    for (option, limit) in [("--train-limit", trainLimit), ("--test-limit", testLimit)] {
      if let limit, limit < 1 { throw ValidationError("\(option) \(limit) is out of range: at least 1.") }
    }
    do {
      // Whether numbers and network fit, before any file is read.
      let configuration = try configuration(trainImages: trainLimit ?? 1, testImages: testLimit ?? 1)
      try configuration.validate()
      _ = try configuration.largestFrameBytes()
    } catch let error as ConfigurationError {
      throw ValidationError("\(error)")
    } catch let error as ShapeError {
      throw ValidationError("\(error)")
    }
  }

  private func endpoint() throws -> Endpoint {
    do { return try Endpoint(parsing: cloud) } catch { throw ValidationError("--cloud: \(error)") }
  }

  private func configuration(trainImages: Int, testImages: Int) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      network: network.network(cut: cut), activations: try network.format(),
      data: data == "synthetic" ? "synthetic" : "cifar10", trainImages: trainImages, testImages: testImages)
    configuration.epochs = epochs
    configuration.batchSize = batchSize
    configuration.learningRate = learningRate
    configuration.momentum = momentum
    configuration.weightDecay = weightDecay
    configuration.schedule = schedule
    configuration.seed = seed
    configuration.window = window
    return configuration
  }

  private func images() throws -> (train: any LabeledImages, test: any LabeledImages) {
    if data == "synthetic" {
      return (
        SyntheticImages(split: .train, count: trainLimit ?? SyntheticImages.defaultTrainCount, seed: seed),
        SyntheticImages(split: .test, count: testLimit ?? SyntheticImages.defaultTestCount, seed: seed)
      )
    }
    let (train, test) = try CIFAR10.open(directory: data)
    return (
      try train.limited(to: trainLimit ?? train.count), try test.limited(to: testLimit ?? test.count)
    )
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run("edge-trainer") { interruption, logger in
      let (train, test) = try images()
      let run = RunIdentifier.generate()
      let options = EdgeSession.Options(
        cloud: try endpoint(), threads: machine.threadCount, timeout: machine.timeout,
        directory: runDir ?? "runs/\(run)/edge", run: run)
      let session = try EdgeSession(
        configuration(trainImages: train.count, testImages: test.count), options, train: train, test: test,
        interruption: interruption, logger: logger, progress: ProgressReporter())
      Program.printLine(SummaryTable(try session.run()).rendered())
    }
  }
}
