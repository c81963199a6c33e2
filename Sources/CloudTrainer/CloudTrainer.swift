import ArgumentParser
import CloudSide
import CommandLineSupport
import Compute
import Logging
import Platform
import RunFiles
import Terminal
import Training
import Transport

@main
struct CloudTrainer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cloud-trainer",
    abstract: "Trains the rest of a network, or all of it, on what an edge-trainer sends.",
    discussion: """
      Serves one edge at a time; the edge decides what is trained. Edges of other
      machines reach it with --listen 0.0.0.0:7070, and join with the line of
      'cloud-trainer invite'. Each run's config.json, metrics.jsonl, summary.json and
      cloud.safetensors go into a directory named after the run. The address and the
      table of each completed run go to standard output, the log to standard error.

      \(ExitCodes.help)
      """,
    version: VersionText.of("cloud-trainer"), subcommands: [Invite.self, Edges.self])

  @Option(
    help: ArgumentHelp("Address to listen on; port 0 takes a free one and prints it.", valueName: "host:port")
  )
  var listen = "127.0.0.1:7070"

  @Option(
    help: ArgumentHelp(
      "Directory for the runs: each gets <dir>/<run>. (default: runs/<run>/cloud)", valueName: "dir"),
    completion: .directory)
  var runDir: String?

  @Option(
    help: ArgumentHelp(
      """
      Stop after <n> sessions, plans among them but not what was refused; if some of them fail, the exit code is that \
      of the last that did. (default: go on until Ctrl-C)
      """, valueName: "n"))
  var sessions: Int?

  @OptionGroup var machine: MachineOptions
  @OptionGroup var durability: DurabilityOptions

  @Option(help: ArgumentHelp("Longest frame that is accepted, in bytes.", valueName: "n"))
  var maxFrameBytes = FrameHeader.defaultMaximumFrameBytes

  @Option(
    help: ArgumentHelp(
      "Most memory for the images of --strategy cloud-upload-once, in bytes; CIFAR-10 takes 184440000.",
      valueName: "n"))
  var maxImageBytes = CloudServer.Options.defaultMaximumImageBytes

  @Option(
    help: ArgumentHelp("Most parameters of a network that is trained here. (default: any number)", valueName: "n"))
  var maxParameters: Int?

  @OptionGroup var initialWeights: InitialWeightsOption
  @OptionGroup var memory: MemoryOption
  @OptionGroup(title: "Trust") var trust: TrustOptions
  @OptionGroup var trace: TraceOption

  /// For `edge-trainer --local`: end when standard input does, since then whoever started this has ended.
  @Flag(help: .hidden) var endWithParent = false

  static func main() { Program.main(Self.self) }

  func validate() throws {
    if runDir == "" { throw ValidationError("--run-dir is empty: expected a directory") }
    if let sessions, sessions < 1 {
      throw ValidationError("--sessions \(sessions) is out of range: at least 1")
    }
    guard (FrameHeader.maximumControlPayloadBytes...Int(Int32.max)).contains(maxFrameBytes) else {
      throw ValidationError(
        "--max-frame-bytes \(maxFrameBytes) is out of range: \(FrameHeader.maximumControlPayloadBytes) to \(Int32.max)"
      )
    }
    if maxImageBytes < 0 {
      throw ValidationError("--max-image-bytes \(maxImageBytes) is out of range: at least 0")
    }
    if let maxParameters, maxParameters < 1 {
      throw ValidationError("--max-parameters \(maxParameters) is out of range: at least 1")
    }
    do { _ = try Endpoint(parsing: listen) } catch {
      let hint = listen.hasPrefix(":") ? "; 0.0.0.0 or [::] listens on all addresses" : ""
      throw ValidationError("--listen \(error)\(hint)")
    }
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run(.cloud, machine.settings) { interruption, logger in
      if endWithParent {
        // Not joined: it reads until the program ends.
        _ = try Thread {
          var byte: UInt8 = 0
          while read(STDIN_FILENO, &byte, 1) != 0 {}
          interruption.request()
        }
      }
      try RunDirectory.checkBase(runDir ?? "runs")
      // A run begins with what they are then.
      _ = try initialWeights.open()
      var options = CloudServer.Options(
        listen: try Endpoint(parsing: listen), compute: machine.settings, timeout: machine.timeout.value,
        maximumFrameBytes: maxFrameBytes, directory: runDir, sessions: sessions)
      options.maximumImageBytes = maxImageBytes
      options.maximumMemory = memory.limit
      options.maximumParameters = maxParameters
      options.initialWeights = initialWeights.paths
      options.trust = trust.settings
      options.checkpointInterval = durability.checkpointInterval
      options.reconnectFor = durability.reconnectFor
      options.timeline = try trace.timeline(.cloud)
      options.console = .standardError
      let server = try CloudServer(options, interruption: interruption, logger: logger)
      try Program.printLine("listening on \(server.endpoint)")
      try server.run { summary in try Program.printLine(SummaryTable(summary).rendered()) }
    }
  }
}
