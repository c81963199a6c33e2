import ArgumentParser
import CommandLineSupport
import Compute
import Training

@main
struct EdgeTrainer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edge-trainer",
    abstract: "Trains one network on two machines: front and early exit here, the rest in the cloud.",
    discussion: """
      On two machines: start cloud-trainer on the other one first, and join it with
      the line of 'cloud-trainer invite'. On one: 'edge-trainer train --local'.
      Images stay on this machine, unless --strategy is cloud-stream or
      cloud-upload-once; labels and quantized features go to the cloud;
      acknowledgements and accuracies come back. See 'edge-trainer train --help'.

      \(ExitCodes.help)
      """,
    version: VersionText.of("edge-trainer"),
    subcommands: [
      Train.self, Resume.self, RunsCommand.self, CompareCommand.self, Join.self, Clouds.self, PlanCommand.self,
      Predict.self, DataCommand.self,
      Describe.self,
    ])

  static func main() {
    Program.main(Self.self) { arguments in
      // A pipe can be read only once, and not again by a program that has restarted.
      if arguments.contains(where: { $0.hasPrefix("--config") }) { BLASKernels.restartIfMisjudged() }
      return try ConfigurationFile.expanding(arguments, options: Train.options)
    }
  }
}
