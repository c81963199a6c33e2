import ArgumentParser
import CommandLineSupport
import Compute
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport

/// A cloud-trainer on this machine that lives as long as the command.
struct LocalOptions: ParsableArguments {
  @Flag(
    help: """
      Start cloud-trainer on this machine, for this command alone; --threads, --convolution and --timeout are its, too.
      """)
  var local = false

  @Flag(help: "With --local: one thread on each side, each on a processor core of its own.")
  var oneCoreEach = false

  @Option(
    help: ArgumentHelp(
      "With --local: the cloud's files go into <dir>/<run>. (default: runs/<run>/cloud)", valueName: "dir"),
    completion: .directory)
  var cloudRunDir: String?

  @Option(
    help: ArgumentHelp(
      "With --local: the cloud's log goes to <file>. (default: its end to standard error, if it fails)",
      valueName: "file"), completion: .file())
  var cloudLog: String?

  func validate() throws {
    for (option, isGiven) in [
      ("--one-core-each", oneCoreEach), ("--cloud-run-dir", cloudRunDir != nil),
      ("--cloud-log", cloudLog != nil),
    ] where isGiven && !local { throw ValidationError("\(option) needs --local") }
    if cloudRunDir == "" { throw ValidationError("--cloud-run-dir is empty: expected a directory") }
    if cloudLog == "" { throw ValidationError("--cloud-log is empty: expected a file") }
  }

  /// - Throws: `ValidationError` for what does not go together, or not on this machine.
  func check(_ link: LinkOptions, _ trust: TrustOptions, _ machine: MachineOptions, needsCloud: Bool) throws {
    if local, trust.settings.encryption == .always || trust.settings.authority != nil {
      throw ValidationError("--tls does not go with --local, whose connection stays within this machine")
    }
    if local, let cloud = link.cloud {
      throw ValidationError(
        "--cloud \(cloud) does not go with --local, which starts a cloud-trainer of its own")
    }
    guard oneCoreEach else { return }
    if let threads = machine.threads, threads != 1 {
      throw ValidationError("--threads \(threads) does not go with --one-core-each: a core takes one thread")
    }
    let (cores, needed) = (Processors.oneOfEachCore().count, needsCloud ? 2 : 1)
    if cores < needed {
      throw ValidationError(
        "--one-core-each needs \(Formatting.count(needed, "processor core")), this process may use \(cores)")
    }
  }

  /// For the command that resumes the run.
  ///
  /// - Parameter initialWeights: the files from which the cloud lets a run begin.
  func stored(initialWeights: [String]) -> RunProgress.Local? {
    guard local else { return nil }
    return RunProgress.Local(
      directory: cloudRunDir.map(AbsolutePath.of), oneCoreEach: oneCoreEach,
      initialWeights: initialWeights.isEmpty ? nil : initialWeights.map(AbsolutePath.of))
  }

  /// As a run was started that is resumed now.
  static func resuming(_ stored: RunProgress.Local?) -> LocalOptions {
    var options = LocalOptions()
    options.local = stored != nil
    options.oneCoreEach = stored?.oneCoreEach ?? false
    options.cloudRunDir = stored?.directory
    options.cloudLog = nil
    return options
  }

  /// For a cloud that is started here, and whose address is its own matter.
  static let placeholder = Endpoint(host: "127.0.0.1", port: 0)

  /// How this program computes.
  func settings(_ machine: MachineOptions) -> ComputeSettings {
    var settings = machine.settings
    if oneCoreEach { settings.threads = 1 }
    return settings
  }

  /// Where the cloud's files of a run go.
  func cloudDirectory(of run: RunIdentifier) -> String {
    cloudRunDir.map { "\($0)/\(run)" } ?? "runs/\(run)/cloud"
  }

  /// Says where the files of a run are whose cloud was started here, if that has left any.
  func tellFiles(of run: RunIdentifier, edge directory: String, _ logger: Logger) {
    let cloudDirectory = cloudDirectory(of: run)
    guard local, access(cloudDirectory, F_OK) == 0 else { return }
    logger.info("the files of the run: \(directory) and \(cloudDirectory)")
  }

  /// Checks that the cloud's files can be made; leaves none.
  ///
  /// - Throws: `LocalCloudError`, `FileError`.
  func checkFiles() throws {
    guard local else { return }
    try checkDirectory(isResumed: false)
    if let cloudLog { _ = try OutputFile(path: cloudLog) }
  }

  private func checkDirectory(isResumed: Bool) throws {
    do { try RunDirectory.checkBase(cloudRunDir ?? "runs") } catch {
      let wayOut =
        switch (isResumed, cloudRunDir) {
        case (false, nil):
          "call it from a directory that can be written, or choose --cloud-run-dir, and for train --run-dir"
        case (false, .some): "choose another --cloud-run-dir"
        case (true, nil): "call it from a directory that can be written, or where the run's cloud was started before"
        case (true, .some): "the cloud's files of the run are there: it must be writable"
        }
      throw LocalCloudError("\(error.problem); \(wayOut)", kind: .cannotCreateRun)
    }
  }

  /// Pins this thread to its core, if that is asked for, and runs `body` with the address of the cloud; one that was
  /// started here has ended afterwards.
  ///
  /// - Parameters:
  ///   - cloud: the address without `--local`; nil if there is no cloud.
  ///   - initialWeights: the files from which a cloud that is started here lets a run begin.
  ///   - isResumed: whether these options are those of a run that goes on, and cannot be chosen.
  ///   - body: returns whether it has called the cloud. It is given nil if there is none.
  /// - Throws: what `body` and `LocalCloud` throw, `ValidationError`, `RunDirectoryError`.
  func withCloud(
    _ cloud: Endpoint?, _ machine: MachineOptions, initialWeights: [String] = [], isResumed: Bool = false,
    _ interruption: Interruption, _ logger: Logger, _ body: (Endpoint?) throws -> Bool
  ) throws {
    let cores = oneCoreEach ? Processors.oneOfEachCore() : []
    guard local, cloud != nil else {
      try pin(to: cores.first)
      _ = try body(cloud)
      return
    }
    try checkDirectory(isResumed: isResumed)
    let settings = settings(machine)
    let arguments =
      ["--threads", "\(settings.threads)", "--convolution", settings.convolution.rawValue]
      + ["--timeout", "\(machine.timeout)", "--reconnect-for", "0"] + (cloudRunDir.map { ["--run-dir", $0] } ?? [])
      + (initialWeights.isEmpty ? [] : ["--initial-weights", initialWeights.joined(separator: ",")])
    try pin(to: cores.dropFirst().first)
    let started = try LocalCloud(arguments, log: cloudLog, interruption)
    let isCalled: Bool
    do {
      try pin(to: cores.first)
      logger.info("started cloud-trainer at \(started.endpoint), process \(started.process)")
      isCalled = try body(started.endpoint)
    } catch {
      let exit = RunExit(error)
      let neverReached = [.usage, .data, .cannotCreateRun].contains(exit)
      started.end(patience: neverReached ? 0 : 5)
      if !neverReached && exit != .interrupted { tellLastWords(of: started) }
      throw error
    }
    let succeeded = started.end(patience: isCalled ? 60 : 0)
    if isCalled && !succeeded { tellLastWords(of: started) }
  }

  private func pin(to core: Int?) throws {
    if let core, !Processors.pin(to: core) {
      throw ValidationError("--one-core-each: this process may not use processor \(core) any more")
    }
  }

  private func tellLastWords(of cloud: LocalCloud) {
    if cloudLog != nil { return }
    for line in ["the last words of cloud-trainer:"] + cloud.lastWords() {
      Console.standardError.printLine(line)
    }
  }
}
