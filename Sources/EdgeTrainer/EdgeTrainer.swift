import ArgumentParser
import CommandLineSupport
import HierarchicalTraining

@main
struct EdgeTrainer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edge-trainer",
    abstract: "Trains a network on two machines at once: the front and an early exit here, the rest in the cloud.",
    discussion: """
      Start cloud-trainer on the other machine first. Images stay here; labels and quantized features go up; nothing
      comes back but acknowledgements and accuracies.

      Exit codes:
      \(RunExit.table())
      """,
    version: Software.version,
    subcommands: [Train.self, Describe.self])
}
