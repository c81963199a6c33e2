import ArgumentParser
import CommandLineSupport
import Training

@main
struct EdgeTrainer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edge-trainer",
    abstract: "Trains one network on two machines: front and early exit here, the rest in the cloud.",
    discussion: """
      Start cloud-trainer on the other machine first, and join it. Images stay on
      this machine; labels and quantized features go to the cloud; only
      acknowledgements and accuracies come back. Other strategies, to compare with: see
      'edge-trainer train --help'.

      \(ExitCodes.help)
      """,
    version: VersionText.of("edge-trainer"),
    subcommands: [
      Train.self, Resume.self, RunsCommand.self, CompareCommand.self, Join.self, Clouds.self, PlanCommand.self,
      Predict.self, DataCommand.self,
      Describe.self,
    ])

  static func main() {
    Program.main(Self.self) { try ConfigurationFile.expanding($0, options: Train.options) }
  }
}
