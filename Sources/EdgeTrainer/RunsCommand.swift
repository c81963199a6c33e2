import ArgumentParser
import CommandLineSupport
import Platform
import RunFiles
import Terminal

struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "List the runs below a directory, the oldest first.",
    discussion: """
      Of a run that is at work, or has ended early, the epochs so far are shown.
      Where there is only the cloud's side, that is listed. JSON and CSV have plain
      numbers: bytes, seconds, and accuracies from 0 to 1.
      """)

  @Argument(help: ArgumentHelp("Where the runs are.", valueName: "dir"), completion: .directory)
  var directory = RunArgument.defaultDirectory

  @Option(help: ArgumentHelp("How they are printed.", valueName: "format"))
  var format = FigureFormat.table

  func validate() throws {
    if directory == "" { throw ValidationError("the directory is empty: expected one with runs") }
  }

  func run() throws {
    try Program.run(.edge, computes: false) { _, logger in
      let runs = try RunArgument.search(directory, logger)
      switch format {
      case .table: try Program.printLine(Self.table(runs))
      case .json: try Program.printLine(Self.json(runs))
      case .csv: try Program.printLine(Self.csv(runs))
      }
    }
  }

  static func table(_ runs: [FoundRun]) -> String {
    var table = TextTable(RunFigure.listed.map { .init($0.heading, $0.alignment) })
    for run in runs { table.append(RunFigure.listed.map { $0.shown(run) }) }
    return table.rendered()
  }

  static func json(_ runs: [FoundRun]) throws -> String {
    let objects = runs.map { run in
      Dictionary(uniqueKeysWithValues: RunFigure.recorded.map { ($0.key, $0.value(run)) })
    }
    return String(decoding: try RunJSON.encode(objects, pretty: true), as: UTF8.self)
  }

  static func csv(_ runs: [FoundRun]) -> String {
    CommaSeparated.line(RunFigure.recorded.map(\.key))
      + runs.map { run in CommaSeparated.line(RunFigure.recorded.map { $0.value(run).plain }) }.joined()
  }
}
