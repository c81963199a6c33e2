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
    abstract: "Go on with a run that ended early, or deliver one, from what is in its directory.",
    discussion: """
      The run ends with the same weights, bit for bit, as if it had never been
      interrupted, on the same processor kernels with the same --threads and
      --convolution. What is not said here is as it was when the run began. A cloud
      that is not there yet is waited for, and training goes on meanwhile.
      """)

  @Argument(
    help: ArgumentHelp(
      "The run's directory, the --run-dir of 'edge-trainer train', its name, or its number; see 'runs'.",
      valueName: "run"),
    completion: RunArgument.completion { $0.role == .edge && $0.state != .ended(.completed) && $0.state != .running })
  var directory: String

  @Option(
    help: ArgumentHelp("Where the cloud is now, if it is not where it was, or was not there.", valueName: "host:port"))
  var cloud: String?

  @Flag(help: "Start cloud-trainer on this machine, for this command alone, whatever cloud the run had before.")
  var local = false

  @Option(
    help: ArgumentHelp("Where the images are now, if they are not where they were.", valueName: "dir|synthetic"),
    completion: .directory)
  var data: String?

  @Option(
    help: ArgumentHelp("Train for more epochs than before; with --schedule constant only.", valueName: "n"))
  var epochs: Int?

  @Option(help: ArgumentHelp("Threads that compute. (default: as before)", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("How 3x3 convolutions are computed here. (default: as before)", valueName: "name"))
  var convolution: ConvolutionMethod?

  @Option(
    help: ArgumentHelp(
      "How long the cloud may be gone before the run ends with an error: so many seconds. (default: as before)",
      valueName: "s"))
  var reconnectFor: Seconds?

  @OptionGroup(title: "Trust") var trust: TrustOptions
  @OptionGroup var memory: MemoryOption
  @OptionGroup var trace: TraceOption

  func validate() throws {
    if directory == "" { throw ValidationError("the run's directory is empty") }
    if local, let cloud {
      throw ValidationError("--cloud \(cloud) does not go with --local, which starts a cloud-trainer of its own")
    }
    try checkTrust(startsCloud: local)
    if data == "" { throw ValidationError("--data is empty: expected a folder, or synthetic") }
    try DurabilityOptions.check(reconnectFor: reconnectFor)
    try MachineOptions.check(threads: threads)
    _ = try cloud.map(LinkOptions.endpoint)
  }

  /// The run's own cloud may be one that is started here, too.
  private func checkTrust(startsCloud: Bool) throws {
    if startsCloud, trust.tls || trust.tlsAuthority != nil {
      throw ValidationError("--tls does not go with --local, whose connection stays within this machine")
    }
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run(.edge) { interruption, logger in
      let directory = try RunArgument.edgeDirectory(directory, logger)
      let runDirectory = try RunDirectory(resuming: directory)
      if runDirectory.outcome() == .completed { throw RunDirectoryError.complete(path: directory) }
      let checkpoints = try Checkpoint.read(runDirectory, role: .edge) { error in
        logger.warning("a checkpoint cannot be used, the one before is: \(error)")
      }
      let (checkpoint, before) = (checkpoints[0], checkpoints[0].progress)
      let configuration = try configuration(checkpoints)
      var settings = before.settings
      settings.trust = trust.settings(over: settings.trust)
      let needsCloud = configuration.strategy.needsCloud
      if local || cloud != nil, !needsCloud {
        throw ValidationError("\(cloud.map { "--cloud \($0)" } ?? "--local"): the run has no cloud")
      }
      if let cloud { settings.use(cloud: cloud) } else if local { settings.useStartedCloud() }
      try checkTrust(startsCloud: settings.startedCloud != nil)
      if let reconnectFor { settings.reconnectFor = reconnectFor.value }
      let isTrained = before.logs.endedEpochs == configuration.epochs
      if needsCloud, isTrained, settings.cloud == nil, settings.local == nil {
        throw ValidationError(
          "the run is trained and waits to be delivered: say where, with --cloud host:port or --local")
      }
      let summary = before.logs.summary
      let compute = ComputeSettings(
        threads: threads ?? summary.threads, convolution: convolution ?? summary.convolution)
      try configuration.checkMemory(of: .edge, compute, limit: memory.limit)
      let source = try ImageSource(option: data ?? settings.data, settings: settings.dataset ?? DatasetSettings())
      let (train, test) = try source.open(
        trainLimit: configuration.trainImages, testLimit: configuration.testImages, seed: configuration.seed,
        .init(threads: compute.threads, interruption, logger))
      try configuration.task.requireClasses(of: train.task, "the run's settings")
      guard train.task == configuration.task else {
        throw ConfigurationError("the run has images of \(configuration.task), but now these are \(train.task)")
      }
      logger.info("\(source): \(train.count) images for training, \(test.count) for testing")
      for line in try RunPlan(configuration).lines() { logger.info("\(line)") }
      for change in summary.changes(for: compute) { logger.warning("\(change)") }
      logger.info(
        "run \(checkpoint.run) goes on in \(directory) after step \(before.state.completedSteps) of \(configuration.totalSteps)"
      )
      let timeline = try trace.timeline(.edge)
      var machine = MachineOptions()
      machine.threads = compute.threads
      machine.timeout = Seconds(settings.timeout)
      machine.convolution = ConvolutionOption()
      machine.convolution.convolution = compute.convolution
      let started = settings.startedCloud
      let cloud = try needsCloud && started != nil ? LocalOptions.placeholder : settings.cloud.map(LinkOptions.endpoint)
      let localOptions = LocalOptions.resuming(started)
      defer { localOptions.tellFiles(of: checkpoint.run, edge: directory, logger) }
      try localOptions.withCloud(
        cloud, machine, initialWeights: initialWeights(of: started, logger), isResumed: true, interruption, logger
      ) { cloud in
        var options = EdgeSession.Options(
          cloud: cloud, compute: compute, directory: directory, run: checkpoint.run, settings: settings)
        options.timeline = timeline
        let session = try EdgeSession(
          configuration, options, resuming: checkpoint, train: train, test: test, interruption: interruption,
          logger: logger, progress: ProgressReporter())
        try Program.printLine(SummaryTable(try session.run()).rendered())
        return true
      }
    }
  }

  /// The files from which a cloud that is started here lets the run begin, if it has nothing of it. If one of them is
  /// gone, it may not be needed: a cloud without them says so if it is.
  private func initialWeights(of local: RunProgress.Local?, _ logger: Logger) -> [String] {
    let paths = local?.initialWeights ?? []
    guard let missing = paths.first(where: { access($0, R_OK) != 0 }) else { return paths }
    logger.notice("\(missing), from which the run began, is not there any more: the cloud is started without it")
    return []
  }

  /// That of the run, with the epochs that are asked for.
  private func configuration(_ checkpoints: [Checkpoint.Reader]) throws -> RunConfiguration {
    var configuration = checkpoints[0].configuration
    // An earlier command may have asked for more, and have gone back to a state from before.
    configuration.epochs = checkpoints.map(\.configuration.epochs).max() ?? configuration.epochs
    guard let epochs, epochs != configuration.epochs else { return configuration }
    guard epochs > configuration.epochs else {
      throw ValidationError("--epochs \(epochs): expected more than the \(configuration.epochs) that the run has")
    }
    guard !configuration.schedule.dependsOnLength else {
      throw ValidationError(
        """
        --epochs \(epochs): the learning rates of --schedule \(configuration.schedule.rawValue) are laid out for \
        \(configuration.epochs) epochs; only a run with --schedule constant can be made longer
        """)
    }
    configuration.epochs = epochs
    try configuration.validate()
    return configuration
  }
}
