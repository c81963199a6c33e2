import ArgumentParser
import Compute

/// What both programs ask about the machine and the link.
package struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Threads that compute. (default: the processors that the program may use)", valueName: "n"))
  package var threads: Int?

  @Option(
    help: ArgumentHelp("End the run when the other side makes no progress for so many seconds.", valueName: "s"))
  package var timeout = 60.0

  package init() {}

  package func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is out of range: 1 to 1024.")
    }
    guard timeout > 0 && timeout <= 86_400 else {
      throw ValidationError("--timeout \(timeout) is out of range: more than 0, at most 86400 seconds.")
    }
  }

  package var threadCount: Int { threads ?? Processors.availableCount }
}
