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

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network: the front and the exit here, and the rest in the cloud.",
    discussion: """
      Writes config.json, metrics.jsonl, summary.json and, if a part of the network
      is trained here, edge.safetensors into the run directory; cloud-trainer
      writes its part on its machine. Progress goes to standard error, the final
      table to standard output. Exit codes: see 'edge-trainer --help'.

      \(StrategyOption.help)
      """)

  @OptionGroup(title: "Strategy") var strategy: StrategyOption
  @OptionGroup(title: "Link") var link: LinkOptions
  @OptionGroup(title: "Link") var bits: BitsOption
  @Flag(help: "Wait for a cloud that is not there yet, or busy, instead of ending.")
  var wait = false

  @Flag(
    help: "Train without a cloud; 'edge-trainer resume <dir> --cloud host:port' delivers it later. Hierarchical only.")
  var offline = false

  @OptionGroup(title: "Trust") var trust: TrustOptions
  @OptionGroup(title: "Local") var local: LocalOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Network") var cut: CutOption
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Training") var weights: GivenWeightsOptions
  @OptionGroup var durability: DurabilityOptions
  @OptionGroup var spool: SpoolOption
  @OptionGroup var machine: MachineOptions
  @OptionGroup var memory: MemoryOption
  @OptionGroup var trace: TraceOption

  @Option(
    help: ArgumentHelp(
      """
      Take options from a file: config.json of a run, or a part of it, a JSON object of options by their names in \
      snake_case. What is on the command line wins; a flag of the file cannot be taken back.
      """, valueName: "file"), completion: .file())
  var config: String?

  @Option(
    help: ArgumentHelp(
      "What the run is called in 'edge-trainer runs' and in reports. (default: its number)", valueName: "name"))
  var name: String?

  @Option(
    help: ArgumentHelp("Directory for the run's files. (default: runs/<run>/edge)", valueName: "dir"),
    completion: .directory)
  var runDir: String?

  @Flag(help: "Check everything but the cloud, print config.json, and train nothing.")
  var dryRun = false

  func validate() throws {
    if runDir == "" { throw ValidationError("--run-dir is empty: expected a directory") }
    if let name, !(1...Self.longestName).contains(name.count) || name != Formatting.singleLine(name) {
      throw ValidationError(
        "--name \"\(Formatting.singleLine(name))\": expected 1 to \(Self.longestName) characters, none of them a control character"
      )
    }
    try Program.checkingUsage {
      _ = try endpoint()
      try checkOffline()
      try weights.check(strategy.strategy, isLocal: local.local)
      try local.check(link, trust, machine, needsCloud: strategy.strategy.needsCloud)
      // Whether numbers and network fit, before any file is read.
      let configuration = try configuration(
        data.source.expectedTask, trainImages: data.trainLimit ?? 1, testImages: data.testLimit ?? 1)
      try configuration.validate()
      _ = try configuration.largestFrameBytes()
    }
  }

  private static let longestName = 100

  /// Its options, as its help has them.
  static var options: Set<String> {
    Set(helpMessage().split { !$0.isLetter && $0 != "-" }.filter { $0.hasPrefix("--") }.map(String.init))
  }

  private func configuration(
    _ task: ImageTask, trainImages: Int, testImages: Int
  ) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: task, network: network.configuration(cut: cut.value, for: task),
      activations: try link.format(bits: bits.value), data: try data.source.name, trainImages: trainImages,
      testImages: testImages)
    training.apply(to: &configuration)
    configuration.strategy = strategy.strategy
    configuration.freezesFront = weights.freezeFront
    if let window = link.window { configuration.window = window }
    configuration.link = try link.shaping()
    return configuration.canonical()
  }

  /// - Throws: `ValidationError` if what is asked for cannot be without a cloud.
  private func checkOffline() throws {
    guard offline else { return }
    guard strategy.strategy.hasExit else {
      throw ValidationError("--offline needs --strategy hierarchical, which alone sends and asks nothing")
    }
    if spool.given?.bytes == 0 { throw ValidationError("--offline needs a spool: --spool is 0") }
    for (option, isGiven) in [("--cloud", link.cloud != nil), ("--local", local.local), ("--wait", wait)]
    where isGiven { throw ValidationError("\(option) does not go with --offline, which trains without a cloud") }
  }

  private func endpoint() throws -> Endpoint? {
    strategy.strategy.needsCloud && !offline ? try link.endpoint() : nil
  }

  private func settings(_ cloud: Endpoint?, spool: Int?, initialWeights: [String]) throws -> RunProgress.Settings {
    var settings = RunProgress.Settings(
      data: try data.source.option, timeout: machine.timeout.value, checkpointInterval: durability.checkpointInterval,
      spool: spool, reconnectFor: local.local ? 0 : durability.reconnectFor)
    settings.dataset = data.dataset.settings
    settings.cloud = local.local ? nil : cloud.map { "\($0)" }
    settings.local = local.stored(initialWeights: initialWeights)
    settings.trust = trust.settings
    settings.command = try command(cloud)
    return settings
  }

  /// For config.json: how this was called.
  private func command(_ cloud: Endpoint?) throws -> CommandOptions {
    let compute = local.settings(machine)
    var command = CommandOptions(threads: compute.threads, convolution: compute.convolution)
    func only<Value>(_ isGiven: Bool, _ value: Value) -> Value? { isGiven ? value : nil }
    command.name = name
    command.take(data.dataset.settings, data: try data.source.option)
    command.cloud = local.local ? nil : cloud.map { "\($0)" }
    command.offline = only(offline, true)
    command.wait = only(wait, true)
    command.local = only(local.local, true)
    command.cloudRunDir = local.cloudRunDir.map(AbsolutePath.of)
    command.maxMemory = memory.maxMemory?.bytes
    command.oneCoreEach = only(local.oneCoreEach, true)
    command.tls = only(trust.tls, true)
    command.insecure = only(trust.insecure, true)
    command.stateDir = trust.settings.stateDirectory
    (command.tlsCertificate, command.tlsKey, command.tlsAuthority) =
      trust.settings.authority.map { ($0.certificate, $0.key, $0.authority) } ?? (nil, nil, nil)
    command.timeout = only(machine.timeout.value != MachineOptions.usualTimeout.value, machine.timeout.value)
    command.checkpointInterval = durability.givenInterval?.value
    command.reconnectFor = durability.givenReconnect?.value
    command.spool = spool.given?.bytes
    let files = weights.initial.paths
    command.initialWeights = only(!files.isEmpty, files.map(AbsolutePath.of).joined(separator: ","))
    command.sendWeights = only(weights.sendWeights, true)
    return command
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run(.edge, local.settings(machine)) { interruption, logger in
      let source = try data.source
      let (train, test) = try source.open(
        trainLimit: data.trainLimit, testLimit: data.testLimit, seed: training.seed,
        .init(threads: local.settings(machine).threads, interruption, logger))
      logger.info("\(source): \(train.count) images for training, \(test.count) for testing")
      let unused = strategy.unused(link, bits, network, cut, local, durability, spool, waits: wait)
      if !unused.isEmpty {
        logger.notice(
          "strategy \(strategy.strategy.rawValue) has no use for \(unused.joined(separator: ", ")): ignored")
      }
      let configuration = try configuration(
        train.task, trainImages: train.count, testImages: test.count)
      // Before there are files of the run: a class may be missing.
      _ = try configuration.trainingSampler(of: train)
      let unusedWithoutCodes = link.unusedWithoutCodes()
      if strategy.strategy.isCut, !configuration.activations.isQuantized, !unusedWithoutCodes.isEmpty {
        logger.notice(
          "\(bits.value)-bit features have no use for \(unusedWithoutCodes.joined(separator: ", ")): ignored")
      }
      try configuration.checkMemory(of: .edge, local.settings(machine), limit: memory.limit)
      let given = try weights.open(configuration, isLocal: local.local, logger)
      let localWeights = local.local && given.cloud != nil ? weights.initial.paths : []
      if configuration.freezesFront, given.own == nil {
        logger.notice("--freeze-front without weights of the front: it stays as the seed makes it")
      }
      for line in try RunPlan(configuration).lines() { logger.info("\(line)") }
      let run = RunIdentifier.generate()
      let directory = runDir ?? "runs/\(run)/edge"
      // A run that never began leaves nothing behind.
      let newDirectories = RunDirectory.missing(directory)
      func removeNewDirectories() { for path in newDirectories { rmdir(path) } }
      if dryRun {
        defer { removeNewDirectories() }
        _ = try RunDirectory(creating: directory)
        if let trace = trace.trace { _ = try OutputFile(path: trace) }
        try local.checkFiles()
        let bytes = try RunDirectory.configurationBytes(configuration, command(endpoint()), role: .edge)
        return try Program.printLine(String(decoding: bytes, as: UTF8.self))
      }
      logger.info("run \(run), files in \(directory)")
      let timeline = try trace.timeline(.edge)
      let spoolLimit = strategy.strategy.hasExit ? spool.limit(in: directory, logger) : nil
      defer { local.tellFiles(of: run, edge: directory, logger) }
      try local.withCloud(endpoint(), machine, initialWeights: localWeights, interruption, logger) { cloud in
        var options = EdgeSession.Options(
          cloud: cloud, compute: local.settings(machine), directory: directory, run: run,
          settings: try settings(cloud, spool: spoolLimit, initialWeights: localWeights))
        options.initialWeights = given.own
        options.cloudWeights = weights.sendWeights ? given.cloud : nil
        options.timeline = timeline
        options.waits = wait
        let session = try EdgeSession(
          configuration, options, train: train, test: test, interruption: interruption, logger: logger,
          progress: ProgressReporter())
        let summary: RunSummary
        do { summary = try session.run() } catch {
          removeNewDirectories()
          if !local.local { link.tellOfJoinedClouds(after: error, trust, logger) }
          throw error
        }
        try Program.printLine(SummaryTable(summary).rendered())
        return true
      }
    }
  }
}
