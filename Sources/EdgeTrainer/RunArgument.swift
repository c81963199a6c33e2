import ArgumentParser
import CommandLineSupport
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
  static func search(_ directory: String, readingLogs: Bool = true, _ logger: Logger) throws(RunArgumentError)
    -> [FoundRun]
  {
    let runs: [FoundRun]
    do {
      runs = try FoundRun.search(directory, readingLogs: readingLogs) {
        logger.warning("left out: \(Formatting.singleLine("\($0)"))")
      }
    } catch {
      throw RunArgumentError("\(directory): \(SystemError.text(of: error.errnoCode)); expected a directory with runs")
    }
    guard !runs.isEmpty else {
      throw RunArgumentError("\(directory): no run in it, nor below it; expected directories with a run's config.json")
    }
    return runs
  }

  /// The directory of the edge's side of a run: what is given is that, the directory of both sides, or, if there is no
  /// such directory, a name as for `run`.
  ///
  /// - Throws: `RunArgumentError` for the cloud's side of a run, and for a name of none or several.
  static func edgeDirectory(_ text: String, _ logger: Logger) throws(RunArgumentError) -> String {
    let path: String
    let run: FoundRun?
    if access(text, F_OK) == 0 {
      let place = text.last == "/" && text.count > 1 ? String(text.dropLast()) : text
      path = [place, "\(place)/edge", "\(place)/cloud"].first(where: FoundRun.isRun) ?? place
      run = try? FoundRun(path, readingLog: false)
    } else {
      let named = named(text, logger)
      if named.count != 1 { throw RunArgumentError(text, named, "of that name below \(defaultDirectory)") }
      (path, run) = (named[0].path, named[0])
    }
    if let run, run.role == .cloud { throw RunArgumentError(cloudsSide: run) }
    return path
  }

  /// The run that a text means: the directory of a run, or of both its sides; else one of those below
  /// `defaultDirectory` that has this name, or whose number begins with it.
  ///
  /// - Throws: `RunArgumentError` for none, or more than one.
  static func run(_ text: String, _ logger: Logger) throws(RunArgumentError) -> FoundRun {
    let isPlace = access(text, F_OK) == 0
    let found = isPlace ? try search(text, readingLogs: false, logger) : named(text, logger)
    // Only the log of the one that is meant is read.
    if found.count == 1 { return (try? FoundRun(found[0].path)) ?? found[0] }
    throw RunArgumentError(text, found, isPlace ? "below \(text)" : "of that name below \(defaultDirectory)")
  }

  /// The runs below `defaultDirectory` with this name; if there are none, those whose number begins with it. Their logs
  /// are not read.
  private static func named(_ text: String, _ logger: Logger) -> [FoundRun] {
    let all = (try? search(defaultDirectory, readingLogs: false, logger)) ?? []
    let named = all.filter { $0.title == text || $0.path == "\(defaultDirectory)/\(text)" }
    return named.isEmpty ? all.filter { $0.runName?.hasPrefix(text) ?? false } : named
  }

  // MARK: Completion

  /// What shells offer in place of a run: those below `defaultDirectory`, and directories.
  static func completion(where isWanted: @escaping @Sendable (FoundRun) -> Bool = { _ in true }) -> CompletionKind {
    .custom { _, _, prefix in candidates(prefix, isWanted) }
  }

  private static func candidates(_ prefix: String, _ isWanted: (FoundRun) -> Bool) -> [String] {
    let runs = ((try? FoundRun.search(defaultDirectory, readingLogs: false) { _ in }) ?? []).filter(isWanted)
    // A number beside a name is offered to whoever begins it, or where the name cannot be.
    let names = runs.flatMap { run in
      isPlain(run.title) && prefix.isEmpty ? [run.title] : [run.title, run.runName].compactMap { $0 }
    }
    return Set((names + directories(prefix)).filter { $0.hasPrefix(prefix) && isPlain($0) }).sorted()
  }

  /// Whether every shell takes a word as it is. bash expands what it is offered: `$(…)` in the name of a run, which may
  /// be somebody else's, would be executed.
  private static func isPlain(_ word: String) -> Bool {
    word.allSatisfy { $0.isLetter || $0.isNumber || "._/~@%+,-".contains($0) }
  }

  private static func directories(_ prefix: String) -> [String] {
    let above = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
    let begun = prefix.dropFirst(above.count)
    var place = above.isEmpty ? "./" : above
    if place.hasPrefix("~/"), let home = HomeFolder.path() { place = home + place.dropFirst() }
    let names = (try? DirectoryNames.list(place)) ?? []
    return names.filter { $0.hasPrefix(".") == begun.hasPrefix(".") && access("\(place)\($0)/.", F_OK) == 0 }
      .map { "\(above)\($0)/" }
  }
}

/// There is no such run.
struct RunArgumentError: ClassifiedError, CustomStringConvertible {
  let description: String
  var kind: ErrorKind { .data }

  init(_ description: String) { self.description = Formatting.singleLine(description) }

  /// A text that means none of the runs at a place, or too many.
  fileprivate init(_ text: String, _ found: [FoundRun], _ place: String) {
    let names = found.prefix(5).map(\.path).joined(separator: ", ") + (found.count > 5 ? ", …" : "")
    self.init(
      found.isEmpty
        ? "\(text): no such directory, and no run \(place); see 'edge-trainer runs'"
        : "\(text): \(found.count) runs \(place), expected one: \(names)")
  }

  /// A side that is not this program's to resume.
  fileprivate init(cloudsSide run: FoundRun) {
    let above = run.path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let edge = above.isEmpty ? "edge" : "\(above)/edge"
    let wayOut =
      FoundRun.isRun(edge)
      ? "edge-trainer resume \(above.isEmpty ? edge : above)" : "edge-trainer resume, there, with the edge's directory"
    self.init("\(run.path): this is the cloud's side of the run, which goes on when the edge's does: \(wayOut)")
  }
}
