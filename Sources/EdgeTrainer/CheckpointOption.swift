import ArgumentParser
import CommandLineSupport
import Training

/// How often the state of a run is written to its directory.
struct CheckpointOption: ParsableArguments {
  private static let defaultInterval = Seconds(Defaults.checkpointInterval)

  @Option(
    name: .customLong("checkpoint-interval"),
    help: ArgumentHelp(
      "With edge-only: write the state of the run every so many seconds, to resume from; 0: at the end of each epoch only. (default: \(defaultInterval))",
      valueName: "s"))
  var given: Seconds?

  var interval: Seconds { given ?? Self.defaultInterval }

  func validate() throws {
    guard interval.value == 0 || (0.1...86_400).contains(interval.value) else {
      throw ValidationError("--checkpoint-interval \(interval) is out of range: 0, or 0.1 to 86400 seconds")
    }
  }
}
