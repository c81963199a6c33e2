import RunFiles
import Terminal

/// Runs side by side.
package struct RunComparison {
  private let runs: [FoundRun]
  /// Those that are not the same in all runs, with each run's value.
  package let settings: [(name: String, values: [RunFigure.Value])]

  package init(_ runs: [FoundRun]) {
    self.runs = runs
    // Of a run that has not ended it is not known yet.
    let isEnded = runs.allSatisfy { $0.summary != nil }
    let own = runs.map { run in
      Dictionary(run.settings.map { ($0.name, RunFigure.Value($0)) }, uniquingKeysWith: { first, _ in first })
        .merging(isEnded ? Self.software(run) : [:]) { first, _ in first }
    }
    settings = Set(own.flatMap(\.keys)).subtracting(["name"]).sorted().compactMap { name in
      let values = own.map { $0[name] ?? .missing }
      return values.allSatisfy { $0 == values[0] } ? nil : (name, values)
    }
  }

  /// What computed, which is no setting, but makes a difference.
  private static func software(_ run: FoundRun) -> [String: RunFigure.Value] {
    guard let summary = run.summary else { return [:] }
    return [
      "kernels": .text(summary.kernels), "software_version": .text(summary.softwareVersion),
      "threads": .count(summary.threads), "convolution": .text(summary.convolution.rawValue),
    ]
  }

  /// The settings that differ, and the results with their differences from the first run's.
  package func tables() -> String {
    let columns = runs.map { TextTable.Column(Self.short($0.title), .right) }
    var differences = TextTable([.init("setting")] + columns)
    for (name, values) in settings {
      differences.append(([name] + values.map { $0 == .missing ? "-" : $0.plain }).map(Self.short))
    }
    var results = TextTable([.init("result")] + columns)
    for figure in RunFigure.results {
      let values = runs.map(figure.value)
      results.append(
        [figure.heading]
          + values.enumerated().map { index, value in
            figure.unit.shown(value) + (index > 0 ? figure.unit.change(of: value, from: values[0]) : "")
          })
    }
    let same = settings.isEmpty ? "The runs have the same settings.\n" : differences.rendered()
    return same + "\n" + results.rendered()
  }

  /// For a cell of a table: the description of a task is long.
  private static func short(_ text: String) -> String { Formatting.shortened(text, to: 40) }

  private struct Document: Encodable {
    let runs: [[String: RunFigure.Value]]
    let settings: [String: [RunFigure.Value]]
    let results: [String: [RunFigure.Value]]
  }

  /// Plain numbers, without the differences.
  package func json() throws -> String {
    let document = Document(
      runs: runs.map { ["run": .text($0.title), "directory": .text($0.path)] },
      settings: Dictionary(uniqueKeysWithValues: settings.map { ($0.name, $0.values) }),
      results: Dictionary(uniqueKeysWithValues: RunFigure.recordedResults.map { ($0.key, runs.map($0.value)) }))
    return String(decoding: try RunJSON.encode(document, pretty: true), as: UTF8.self)
  }

  /// The same, a line for each setting and result.
  package func csv() -> String {
    var text = CommaSeparated.line(["kind", "name"] + runs.map(\.title))
    for (name, values) in settings { text += CommaSeparated.line(["setting", name] + values.map(\.plain)) }
    for figure in RunFigure.recordedResults {
      text += CommaSeparated.line(["result", figure.key] + runs.map { figure.value($0).plain })
    }
    return text
  }
}
