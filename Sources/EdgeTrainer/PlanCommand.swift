import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import Logging
import Planning
import Platform
import Terminal
import Training

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict what each way to divide the work takes on these machines, and recommend one.",
    discussion: """
      Times some steps of each strategy and cut here and in the cloud, measures the
      link, and predicts the time of an epoch of training without evaluation;
      cloud-trainer has to run, and serves nobody else meanwhile, unless edge-only
      is all that is left to compare. Takes those options of train that are listed
      here; they come back in the command that is recommended. Knows nothing of
      accuracy: leave out with --bits, --cuts and --strategies what would cost too
      much of it. Progress goes to standard error, the table to standard output.
      Exit codes: see 'edge-trainer --help'.
      """)

  @OptionGroup(title: "Plan") var plan: PlanOptions
  @OptionGroup(title: "Link") var link: LinkOptions
  @OptionGroup(title: "Trust") var trust: TrustOptions
  @OptionGroup(title: "Local") var local: LocalOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup var machine: MachineOptions

  func validate() throws {
    try Program.checkingUsage {
      _ = try link.endpoint()
      let request = try request(
        data.source.expectedTask, trainImages: data.trainLimit ?? 1, testImages: data.testLimit ?? 1)
      try request.base.validate()
      try local.check(link, trust, machine, needsCloud: request.needsCloud)
    }
  }

  private func request(_ task: ImageTask, trainImages: Int, testImages: Int) throws -> PlanRequest {
    let cuts = try plan.chosenCuts(of: network.architecture)
    let formats = try plan.bits.numbers.map { try link.format(bits: $0) }
    var base = RunConfiguration(
      task: task, network: network.configuration(cut: cuts[0], for: task), activations: formats[0],
      data: try data.source.name, trainImages: trainImages, testImages: testImages)
    training.apply(to: &base)
    if let window = link.window { base.window = window }
    base.link = try link.shaping()
    var request = PlanRequest(base: base, cuts: cuts, formats: formats)
    request.strategies = try plan.chosenStrategies()
    request.maximumEdgeMemory = plan.maxEdgeMemory?.bytes
    request.minimumCut = plan.minCut
    request.steps = plan.steps
    return request
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    let compute = local.settings(machine)
    try Program.run(.edge, compute) { interruption, logger in
      var output: OutputFile?
      if let path = plan.output { output = try OutputFile(path: path) }
      let source = try data.source
      let (train, test) = try source.open(
        trainLimit: data.trainLimit, testLimit: data.testLimit, seed: training.seed,
        .init(threads: compute.threads, interruption, logger))
      logger.info("\(source): \(train.count) images for training, \(test.count) for testing")
      let request = try request(train.task, trainImages: train.count, testImages: test.count)
      let planner = Planner(
        request, compute: compute, train: train, test: test, interruption: interruption, logger: logger)
      try local.withCloud(
        request.needsCloud ? link.endpoint() : nil, machine, interruption, logger
      ) { cloud in
        let made: Plan
        do { made = try planner.plan(cloud: cloud, trust: trust.settings, timeout: machine.timeout.value) } catch {
          if !local.local { link.tellOfJoinedClouds(after: error, trust, logger) }
          throw error
        }
        let command = command(made.recommended.setting)
        try Program.printLine(PlanTable(made, request.base).rendered(command: command))
        try output?.write(PlanDocument(made, request.base, compute: compute, command: command).encoded())
        return made.link != nil
      }
    }
  }

  /// The command that trains so.
  private func command(_ recommended: PlanSetting) -> String {
    var unused = PlanOptions.names.union(recommended.strategy.meaninglessOptions)
    // Which needs it, even without a cloud.
    if local.oneCoreEach { unused.remove("--local") }
    return RecommendedCommand.line(
      Array(CommandLine.arguments.dropFirst(2)), without: unused, adding: recommended.options)
  }
}
