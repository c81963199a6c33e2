import ArgumentParser
import CommandLineSupport
import NeuralNetwork
import Training
import Transport

/// What a plan compares, and on what conditions. None of these is an option of `train`.
struct PlanOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Strategies to compare, separated by commas. (default: all)", valueName: "name,..."),
    completion: .list(Strategy.allCases.map(\.rawValue)))
  var strategies: String?

  @Option(help: ArgumentHelp("Cuts to compare, separated by commas. (default: all)", valueName: "k,..."))
  var cuts: NumberList?

  @Option(
    help: ArgumentHelp(
      "Bits of a feature value to compare, separated by commas; see 'edge-trainer train --help'.",
      valueName: "n,..."))
  var bits = NumberList([1, 2, 4, 8, 32])

  @Option(
    help: ArgumentHelp(
      "Leave out what needs more memory on the edge: a number with KB, MB, GB, KiB, MiB or GiB, or of bytes. (default: any)",
      valueName: "size"))
  var maxEdgeMemory: ByteSize?

  @Option(
    help: ArgumentHelp(
      "For privacy: leave out what has fewer than <k> blocks of the network on the edge. Strategies that send images have none.",
      valueName: "k"))
  var minCut = 0

  @Option(
    help: ArgumentHelp("Steps to time for each strategy and cut, on each side; at most 16.", valueName: "n"))
  var steps = 3

  @Option(help: ArgumentHelp("Write the plan as JSON to <file>, too.", valueName: "file"), completion: .file())
  var output: String?

  /// The options that `train` does not have, or that a plan chooses.
  static let names: Set<String> = [
    "--strategies", "--cuts", "--bits", "--max-edge-memory", "--min-cut", "--steps", "--output",
  ]

  func validate() throws {
    for (option, list) in [("--cuts", cuts), ("--bits", bits)] {
      if let repeated = list?.repeated {
        throw ValidationError("\(option) has \(repeated) more than once")
      }
    }
    guard (1...Probe.maximumSteps).contains(steps) else {
      throw ValidationError("--steps \(steps) is out of range: 1 to \(Probe.maximumSteps)")
    }
    if output == "" { throw ValidationError("--output is empty: expected a file") }
    _ = try chosenStrategies()
  }

  /// - Throws: `ValidationError` for a name that is none, or there twice.
  func chosenStrategies() throws -> [Strategy] {
    guard let strategies else { return Strategy.allCases }
    let names = strategies.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    return try names.enumerated().map { index, name in
      guard let strategy = Strategy(rawValue: name) else {
        let all = Strategy.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--strategies: \"\(name)\" is none of \(all)")
      }
      guard !names[..<index].contains(name) else {
        throw ValidationError("--strategies has \(name) more than once")
      }
      return strategy
    }
  }

  /// - Throws: `ValidationError` for cuts that the network does not have.
  func chosenCuts(of architecture: Architecture) throws -> [Int] {
    let blocks = architecture.blockCount
    guard (0...blocks).contains(minCut) else {
      throw ValidationError(
        "--min-cut \(minCut) is out of range: 0 to \(blocks), the blocks of \(architecture.rawValue)")
    }
    let cuts = cuts?.numbers ?? Array(1...blocks)
    if let wrong = cuts.first(where: { !(1...blocks).contains($0) }) {
      throw ValidationError(
        "--cuts has \(wrong): \(architecture.rawValue) can be cut after block 1 to \(blocks)")
    }
    return cuts
  }
}
