import ArgumentParser
import CommandLineSupport
import Compute
import HierarchicalTraining
import Logging
import Transport

@main
struct CloudTrainer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cloud-trainer",
    abstract: "Trains the rest of a network on the features that an edge-trainer sends.",
    discussion: """
      Serves one edge at a time; the edge decides what is trained. Each run's config.json, metrics.jsonl, summary.json
      and cloud.safetensors go into a directory named after the run.

      Exit codes:
      \(RunExit.table())
      """,
    version: Software.version)

  @Option(help: ArgumentHelp("Address to listen on; port 0 takes a free one and prints it.", valueName: "host:port"))
  var listen = "127.0.0.1:7070"

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp(
      "Directory for the runs: each gets <dir>/<run>. (default: runs/<run>/cloud)", valueName: "dir"))
  var runDir: String?

  @Option(help: ArgumentHelp("Stop after <n> sessions. (default: go on until Ctrl-C)", valueName: "n"))
  var sessions: Int?

  @Option(help: ArgumentHelp("Longest frame that is accepted, in bytes.", valueName: "n"))
  var maxFrameBytes = FrameHeader.defaultMaximumFrameBytes

  func validate() throws {
    try machine.validate()
    if let sessions, sessions < 1 { throw ValidationError("--sessions \(sessions) is out of range: at least 1.") }
    guard (FrameHeader.maximumControlPayloadBytes...Int(Int32.max)).contains(maxFrameBytes) else {
      throw ValidationError(
        "--max-frame-bytes \(maxFrameBytes) is out of range: \(FrameHeader.maximumControlPayloadBytes) to \(Int32.max)."
      )
    }
    _ = try parsedEndpoint()
  }

  private func parsedEndpoint() throws -> Endpoint {
    do { return try Endpoint(parsing: listen) } catch { throw ValidationError("--listen: \(error)") }
  }

  func run() throws {
    BLASKernels.restartIfMisjudged()
    try Program.run("cloud-trainer") { interruption, logger in
      let server = try CloudServer(
        CloudServer.Options(
          listen: parsedEndpoint(), threads: machine.threadCount, timeout: machine.timeout,
          maximumFrameBytes: maxFrameBytes, directory: runDir, sessions: sessions),
        interruption: interruption, logger: logger)
      Program.printLine("listening on \(server.endpoint)")
      try server.run { summary in Program.printLine(SummaryTable(summary).rendered()) }
    }
  }
}
