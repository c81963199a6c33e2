import Logging
import Platform
import RunFiles
import Terminal
import Training

/// Runs as the command line names them.
enum RunArgument {
  /// Where `train` puts runs.
  static let defaultDirectory = "runs"

  /// The runs below a directory; what cannot be read is told of.
  ///
  /// - Throws: `RunArgumentError` if there are none.
  static func search(_ directory: String, _ logger: Logger) throws(RunArgumentError) -> [FoundRun] {
    let runs: [FoundRun]
    do {
      runs = try FoundRun.search(directory) { logger.warning("left out: \(Formatting.singleLine("\($0)"))") }
    } catch {
      throw RunArgumentError("\(directory): \(SystemError.text(of: error.errnoCode)); expected a directory with runs")
    }
    guard !runs.isEmpty else {
      throw RunArgumentError("\(directory): no run in it, nor below it; expected directories with a run's config.json")
    }
    return runs
  }

  /// The directory of the edge's side of a run: what is given is that, the directory of both sides, or, if there is no
  /// such directory, a name as for `run`. The text itself if there is none of these.
  static func edgeDirectory(_ text: String, _ logger: Logger) -> String {
    if access(text, F_OK) == 0 {
      return FoundRun.isRun(text) || !FoundRun.isRun(text + "/edge") ? text : text + "/edge"
    }
    let run = try? run(text, logger)
    return run?.role == .edge ? run?.path ?? text : text
  }

  /// The run that a text means: the directory of a run, or of both its sides; else one of those below
  /// `defaultDirectory` that has this name, or whose number begins with it.
  ///
  /// - Throws: `RunArgumentError` for none, or more than one.
  static func run(_ text: String, _ logger: Logger) throws(RunArgumentError) -> FoundRun {
    let found: [FoundRun]
    let place: String
    if access(text, F_OK) == 0 {
      (found, place) = (try search(text, logger), "below \(text)")
    } else {
      let all = (try? search(defaultDirectory, logger)) ?? []
      let named = all.filter { $0.title == text || $0.path == "\(defaultDirectory)/\(text)" }
      found = named.isEmpty ? all.filter { $0.runName?.hasPrefix(text) ?? false } : named
      place = "of that name below \(defaultDirectory)"
    }
    if found.count == 1 { return found[0] }
    let names = found.prefix(5).map(\.path).joined(separator: ", ") + (found.count > 5 ? ", …" : "")
    throw RunArgumentError(
      found.isEmpty
        ? "\(text): no such directory, and no run \(place); see 'edge-trainer runs'"
        : "\(text): \(found.count) runs \(place), expected one: \(names)")
  }
}

/// There is no such run.
struct RunArgumentError: ClassifiedError, CustomStringConvertible {
  let description: String
  var kind: ErrorKind { .data }

  init(_ description: String) { self.description = Formatting.singleLine(description) }
}
