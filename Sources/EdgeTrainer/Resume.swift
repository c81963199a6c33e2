import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import EdgeSide
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Go on with a run that ended early, from what is in its directory.",
    discussion: """
      The run ends with the same weights, bit for bit, as if it had never been
      interrupted, on the same processor kernels with the same --threads and
      --convolution. What is not said here is as it was when the run began.
      """)

  @Argument(help: ArgumentHelp("The run's directory: the --run-dir of 'edge-trainer train'.", valueName: "dir"))
  var directory: String

  @Option(
    help: ArgumentHelp("Where the images are now, if they are not where they were.", valueName: "dir|synthetic"))
  var data: String?

  @Option(help: ArgumentHelp("Threads that compute. (default: as before)", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("How 3x3 convolutions are computed here. (default: as before)", valueName: "name"))
  var convolution: ConvolutionMethod?

  @OptionGroup var trace: TraceOption

  func validate() throws {
    if directory == "" { throw ValidationError("the run's directory is empty") }
    if data == "" { throw ValidationError("--data is empty: expected a folder, or synthetic") }
    try MachineOptions.check(threads: threads)
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run(.edge, nil) { interruption, logger in
      let runDirectory = try RunDirectory(resuming: directory)
      if runDirectory.outcome() == .completed { throw RunDirectoryError.complete(path: directory) }
      let checkpoint = try Checkpoint.read(runDirectory, role: .edge) { error in
        logger.warning("a checkpoint cannot be used, the one before is: \(error)")
      }[0]
      let (configuration, before) = (checkpoint.configuration, checkpoint.progress)
      let summary = before.logs.summary
      let compute = ComputeSettings(
        threads: threads ?? summary.threads, convolution: convolution ?? summary.convolution)
      let source = ImageSource(option: data ?? before.settings.data)
      let (train, test) = try source.open(
        trainLimit: configuration.trainImages, testLimit: configuration.testImages, seed: configuration.seed)
      logger.info("\(source): \(train.count) images for training, \(test.count) for testing")
      for line in try RunPlan(configuration).lines() { logger.info("\(line)") }
      for (what, now, then) in [
        ("kernels", GEMM.kernelName, summary.kernels), ("threads", "\(compute.threads)", "\(summary.threads)"),
        ("convolutions", compute.convolution.rawValue, summary.convolution.rawValue),
      ] where now != then {
        logger.warning("\(what): \(now), but \(then) before; the bits of the weights will differ")
      }
      logger.info(
        "run \(checkpoint.run) goes on in \(directory) after step \(before.state.completedSteps) of \(configuration.totalSteps)"
      )
      var options = EdgeSession.Options(
        cloud: nil, compute: compute, directory: directory, run: checkpoint.run,
        settings: before.settings)
      options.timeline = try trace.timeline(.edge)
      let session = try EdgeSession(
        configuration, options, resuming: checkpoint, train: train, test: test, interruption: interruption,
        logger: logger, progress: ProgressReporter())
      try Program.printLine(SummaryTable(try session.run()).rendered())
    }
  }
}
