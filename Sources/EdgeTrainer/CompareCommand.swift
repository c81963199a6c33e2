import ArgumentParser
import CommandLineSupport

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Show in what runs differ, and their results side by side.",
    discussion: """
      In brackets is the difference from the first run: of accuracies in percentage
      points, of all else in percent. JSON and CSV have plain numbers, without it.
      """)

  @Argument(
    help: ArgumentHelp(
      "Two runs or more: their directories, names, or numbers, of which the first digits do; see 'runs'.",
      valueName: "run"),
    completion: RunArgument.completion())
  var runs: [String]

  @Option(help: ArgumentHelp("How they are printed.", valueName: "format"))
  var format = FigureFormat.table

  func validate() throws {
    if runs.count < 2 { throw ValidationError("one run: expected two or more to compare") }
    if runs.contains("") { throw ValidationError("a run's name is empty: expected a directory or a name") }
  }

  func run() throws {
    try Program.run(.edge, computes: false) { _, logger in
      let comparison = RunComparison(try runs.map { try RunArgument.run($0, logger) })
      switch format {
      case .table: try Program.printLine(comparison.tables())
      case .json: try Program.printLine(comparison.json())
      case .csv: try Program.printLine(comparison.csv())
      }
    }
  }
}
