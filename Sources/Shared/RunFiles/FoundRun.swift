import Platform

/// A run's directory on one side, as somebody else sees it: whatever state the run is in, and without touching it.
package struct FoundRun: Sendable {
  /// How far a run is.
  package enum State: Equatable, Sendable, CustomStringConvertible {
    /// A process is at work on it.
    case running
    case ended(RunOutcome)
    /// It has no summary, and nobody works on it: its process was killed.
    case unfinished

    package var description: String {
      switch self {
      case .running: "running"
      case .ended(let outcome): "\(outcome)"
      case .unfinished: "unfinished"
      }
    }
  }

  package let path: String
  package let role: Role
  /// What config.json says, in its order, but for the role and the number.
  package let settings: [JSONOutline.Member]
  /// Nil until the run has ended for the first time.
  package let summary: RunSummary?
  /// The number of the run; nil if nothing tells.
  package let runName: String?
  package let state: State
  /// How far it is: by its summary; by metrics.jsonl if that is missing, or older than what is done now.
  package let epochs: Epochs

  /// Sums over the epochs so far, and the accuracies of the last.
  package struct Epochs: Equatable, Sendable {
    package fileprivate(set) var completed = 0
    package fileprivate(set) var exitAccuracy: Double?
    package fileprivate(set) var finalAccuracy: Double?
    package fileprivate(set) var sentBytes = 0
    package fileprivate(set) var receivedBytes = 0
    package fileprivate(set) var trainingSeconds = 0.0
    /// Of the whole run, at its end, or when the last line was written.
    package fileprivate(set) var wallSeconds = 0.0

    fileprivate init() {}

    fileprivate init(_ summary: RunSummary) {
      completed = summary.completedEpochs
      (exitAccuracy, finalAccuracy) = (summary.exitAccuracy, summary.finalAccuracy)
      (sentBytes, receivedBytes) = (summary.sentBytes, summary.receivedBytes)
      (trainingSeconds, wallSeconds) = (summary.trainingSeconds, summary.wallSeconds)
    }
  }

  /// The summary, unless the run has gone on since.
  package var endedSummary: RunSummary? { state == .running ? nil : summary }

  /// Whether anything is known of how far it is.
  package var hasBegun: Bool { endedSummary != nil || epochs.wallSeconds > 0 }

  /// Whether a run is in this directory.
  package static func isRun(_ path: String) -> Bool { access("\(path)/\(RunDirectory.configurationFile)", F_OK) == 0 }

  /// - Parameter readingLog: whether to find out how far a run without a summary is, from its log, which may be long.
  /// - Throws: ``FoundRunError`` if config.json cannot be read, or is none.
  package init(_ path: String, readingLog: Bool = true) throws(FoundRunError) {
    self.path = path
    let configuration = try Self.contents(of: RunDirectory.configurationFile, in: path)
    guard let outline = JSONOutline(configuration), let role = Self.role(of: outline) else {
      throw FoundRunError(path: "\(path)/\(RunDirectory.configurationFile)", problem: "no settings of a run")
    }
    self.role = role
    settings = outline.members.filter { !["role", Self.number].contains($0.name) }
    let number = outline.members.first { $0.name == Self.number && $0.kind == .string }?.text
    let bytes = try? Self.contents(of: RunDirectory.summaryFile, in: path)
    summary = bytes.flatMap { try? RunJSON.decode(RunSummary.self, from: $0) }
    // Runs from before config.json had it tell it in their summary, or by the directory that they are in.
    runName =
      number ?? summary.map { "\($0.runId)" }
      ?? path.split(separator: "/").suffix(2).map(String.init).last { Self.isNumber($0) }
    state = Self.isAtWork(in: path) ? .running : summary.map { .ended($0.outcome) } ?? .unfinished
    let ended = state == .running ? nil : summary.map(Epochs.init)
    epochs = ended ?? (readingLog ? Self.loggedEpochs(in: path) : Epochs())
  }

  private static func contents(of file: String, in path: String) throws(FoundRunError) -> [UInt8] {
    do { return try FileOperations.live.contents(of: "\(path)/\(file)") } catch {
      throw FoundRunError(path: "\(path)/\(file)", problem: "\(error)")
    }
  }

  /// Of config.json.
  private static let number = "run_id"

  /// "20261123-081502-3f9a1c".
  private static func isNumber(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 6, 6] && parts[0].allSatisfy(\.isNumber) && parts[1].allSatisfy(\.isNumber)
  }

  private static func role(of outline: JSONOutline) -> Role? {
    outline.members.first { $0.name == "role" }.flatMap { Role(rawValue: $0.text) }
  }

  // MARK: The log

  /// What this reads of a line of metrics.jsonl.
  private struct Line: Decodable {
    let type: String
    let wallSeconds: Double
    let epoch: Int?
    let exitAccuracy: Double?
    let finalAccuracy: Double?
    let sentBytes: Int?
    let receivedBytes: Int?
    let trainingSeconds: Double?
  }

  private static func loggedEpochs(in path: String) -> Epochs {
    var epochs = Epochs()
    guard let bytes = try? contents(of: RunDirectory.metricsFile, in: path) else { return epochs }
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let mark = Array(#""type":"\#(EpochRecord.type)""#.utf8)
    for (index, bytes) in lines.enumerated() {
      // Steps are many, and only the last line tells something new.
      guard index == lines.count - 1 || bytes.firstRange(of: mark) != nil,
        let line = try? RunJSON.decode(Line.self, from: Array(bytes))
      else { continue }
      epochs.wallSeconds = line.wallSeconds
      // A step tells what has travelled since the run began.
      if line.type == StepRecord.type {
        (epochs.sentBytes, epochs.receivedBytes) = (line.sentBytes ?? 0, line.receivedBytes ?? 0)
      }
      guard line.type == EpochRecord.type else { continue }
      epochs.completed = line.epoch ?? epochs.completed
      (epochs.exitAccuracy, epochs.finalAccuracy) = (line.exitAccuracy, line.finalAccuracy)
      epochs.sentBytes = epochs.sentBytes.addingReportingOverflow(line.sentBytes ?? 0).partialValue
      epochs.receivedBytes = epochs.receivedBytes.addingReportingOverflow(line.receivedBytes ?? 0).partialValue
      epochs.trainingSeconds += line.trainingSeconds ?? 0
    }
    return epochs
  }

  /// Whether a process holds the log, by the system's list of locks: to try the lock would be in the way of one that
  /// begins.
  private static func isAtWork(in path: String) -> Bool {
    var status = stat()
    guard stat("\(path)/\(RunDirectory.metricsFile)", &status) == 0,
      let locks = try? FileOperations.live.contents(of: "/proc/locks")
    else { return false }
    let (major, minor) = ((status.st_dev >> 8) & 0xfff | (status.st_dev >> 32) & ~0xfff, status.st_dev & 0xff)
    // "3: FLOCK  ADVISORY  WRITE 4711 fe:00:131102 0 EOF": device and inode.
    return String(decoding: locks, as: UTF8.self).split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      guard words.count > 5, words[1] == "FLOCK", words[3] == "WRITE" else { return false }
      let place = words[5].split(separator: ":").map(String.init)
      guard place.count == 3, place[2] == "\(status.st_ino)" else { return false }
      // Some file systems (btrfs, overlays) have a device of no major number, which is another one there.
      return major == 0
        || place[0] == Self.hexadecimal(major)
          && place[1].hasSuffix(Self.hexadecimal(minor))
    }
  }

  /// Two digits at least.
  private static func hexadecimal(_ number: dev_t) -> String {
    let digits = String(number, radix: 16)
    return digits.count < 2 ? "0" + digits : digits
  }
}

/// A run's directory cannot be read.
package struct FoundRunError: Error, Equatable, CustomStringConvertible {
  package let path: String
  package let problem: String

  package var description: String { "\(path): \(problem); expected the directory of a run, with its config.json" }
}

extension FoundRun {
  /// The runs in a directory and below it, oldest first. The cloud's side of a run whose edge's side is there,
  /// too, is left out. What looks like a run and cannot be read is told of, and left out.
  ///
  /// - Parameter readingLogs: as `readingLog` of `init`.
  /// - Throws: `SystemError` if the directory cannot be read.
  package static func search(_ directory: String, readingLogs: Bool = true, unreadable: (FoundRunError) -> Void)
    throws(SystemError) -> [FoundRun]
  {
    var paths: [String] = []
    if isRun(directory) { paths.append(directory) }
    try collect(directory, depth: 0, into: &paths)
    var runs: [FoundRun] = []
    for path in paths {
      do throws(FoundRunError) { runs.append(try FoundRun(path, readingLog: readingLogs)) } catch { unreadable(error) }
    }
    let edges = Set(runs.filter { $0.role == .edge }.compactMap(\.runName))
    return
      runs
      .filter { run in run.role == .edge || !(run.runName.map(edges.contains) ?? false) }
      .sorted { ($0.startedAt, $0.path) < ($1.startedAt, $1.path) }
  }

  /// Races have their racers' directories in their own, and these those of both sides.
  private static let maximumDepth = 5

  private static func collect(_ directory: String, depth: Int, into paths: inout [String]) throws(SystemError) {
    for name in try DirectoryNames.list(directory).sorted() where !name.hasPrefix(".") {
      let path = directory == "." ? name : "\(directory)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
      if isRun(path) {
        paths.append(path)
      } else if depth < maximumDepth {
        // What may not be read is passed over.
        try? collect(path, depth: depth + 1, into: &paths)
      }
    }
  }

  /// ISO 8601, UTC; empty if nothing tells.
  package var startedAt: String {
    if let summary { return summary.startedAt }
    var status = stat()
    guard stat("\(path)/\(RunDirectory.configurationFile)", &status) == 0 else { return "" }
    return Timestamp(secondsSince1970: Double(status.st_mtim.tv_sec)).iso8601
  }
}
