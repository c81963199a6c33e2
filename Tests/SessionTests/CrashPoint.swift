import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// One side of a run fails, or dies, in one of its calls, and is then gone on with until the run is complete.
struct CrashPoint {
  /// Nothing takes so long but what never ends.
  private static let limit = 30.0

  private var run: DurableRun
  private let side: Role
  private let process: DoomedProcess

  /// - Parameter number: of the call; `.max` for none.
  init(_ series: CrashSeries, atCall number: Int, of whole: DurableRun) throws {
    run = whole
    run.name = "\(series.side.rawValue)-\(series.kind.rawValue)-\(series.fate.rawValue)-\(number)"
    side = series.side
    let stash = "\(run.folder.path)/\(run.name)-lost"
    try FileManager.default.createDirectory(atPath: stash, withIntermediateDirectories: true)
    process = DoomedProcess(series.kind, series.fate, atCall: number, stash: stash)
  }

  /// Lets it happen; the run must end as the undisturbed one.
  ///
  /// - Returns: how many calls there were, and whether the one that fails was among them.
  func survive(as whole: DurableRun) throws -> (calls: Int, isReached: Bool) {
    var run = run
    switch side {
    case .edge: try edgeDies(&run)
    case .cloud: try cloudDies(&run)
    }
    let differences = try run.differences(from: whole, mayLeave: true)
    if !differences.isEmpty { throw Failure(description: differences.joined(separator: "; ")) }
    for directory in [self.run.name, run.name].flatMap({ [$0, "cloud/\($0)", "\($0)-lost"] }) {
      try? FileManager.default.removeItem(atPath: "\(run.folder.path)/\(directory)")
    }
    return (process.calls, process.isReached)
  }

  private func edgeDies(_ run: inout DurableRun) throws {
    let cloud = run.configuration.strategy.needsCloud ? try run.cloud(operations: .withoutFlushing) : nil
    let outcome = try awaitEnd(of: Life(run, cloud?.endpoint, process))
    try loseUnflushed(run.name)
    if process.isDead || isFailure(outcome) { try goOn(with: &run, cloud?.endpoint) }
    if let cloud { try awaitEnd(of: cloud) }
  }

  private func cloudDies(_ run: inout DurableRun) throws {
    let first = try run.cloud(operations: process.files, sockets: process.sockets)
    let edge = Life(run, first.endpoint)
    try wait("the edge or the cloud") { edge.outcome != nil || process.isDead || first.hasEnded }
    let isGone = process.isDead || first.hasEnded
    if !isGone, isFailure(edge.outcome) { try goOn(with: &run, first.endpoint) }
    // It may die in these last calls, too.
    try awaitEnd(of: first)
    try loseUnflushed("cloud/\(run.name)")
    guard isGone else { return }
    let second = try run.cloud(on: first.endpoint, operations: .withoutFlushing)
    if isFailure(try awaitEnd(of: edge)) { try goOn(with: &run, first.endpoint) }
    try awaitEnd(of: second)
  }

  /// What is lost with the process may not be the run, once it has begun.
  private func loseUnflushed(_ directory: String) throws {
    // Before the second checkpoint is written, the first one is on the device.
    let hasBegun =
      Checkpoint.files.prefix(Checkpoint.turns).allSatisfy { run.folder.exists("\(directory)/\($0)") }
      || isComplete(directory)
    try process.loseUnflushed()
    if hasBegun, !run.folder.hasCheckpoint(directory), !isComplete(directory) {
      throw Failure(description: "\(directory) had begun, and is lost")
    }
  }

  private func isComplete(_ directory: String) -> Bool {
    (try? run.folder.summary(directory))?.outcome == .completed
  }

  private func isFailure(_ outcome: Result<RunSummary, any Error>?) -> Bool {
    if case .failure = outcome { true } else { false }
  }

  /// Resumes the edge, which completes the run.
  private func goOn(with run: inout DurableRun, _ cloud: Endpoint?) throws {
    if isComplete(run.name) { return }
    // One that has not begun begins as another one.
    if !run.folder.hasCheckpoint(run.name) { run.name += "-again" }
    _ = try awaitEnd(of: Life(run, cloud)).get()
  }

  // MARK: Waiting

  /// Bounded, since what is looked for is also what never ends.
  private func wait(_ what: String, until isOver: () -> Bool) throws {
    let deadline = Deadline(secondsFromNow: Self.limit)
    while !isOver() {
      if deadline.isOver { throw Failure(description: "\(what) did not end in \(Self.limit) s") }
      sleep(milliseconds: 1)
    }
  }

  private func awaitEnd(of life: Life) throws -> Result<RunSummary, any Error> {
    var outcome: Result<RunSummary, any Error>?
    try wait("the edge") {
      life.endIfDead()
      outcome = life.outcome
      return outcome != nil
    }
    guard let outcome else { preconditionFailure("no end after the end") }
    return outcome
  }

  private func awaitEnd(of cloud: DurableCloud) throws {
    cloud.requestEnd()
    try wait("the cloud") { cloud.hasEnded }
  }
}

/// An edge at work on a thread.
private struct Life {
  private let interruption: Interruption
  private let process: DoomedProcess?
  private let work: Background<RunSummary>

  /// - Parameter process: nil for one that is not disturbed.
  init(_ run: DurableRun, _ cloud: Endpoint?, _ process: DoomedProcess? = nil) {
    let interruption = Interruption()
    (self.interruption, self.process) = (interruption, process)
    work = Background {
      try run.edge(
        cloud, interruption: interruption, operations: process?.files ?? .withoutFlushing,
        sockets: process?.sockets ?? .live)
    }
  }

  /// Nil until it has ended.
  var outcome: Result<RunSummary, any Error>? { work.poll() }

  /// What is left of a dead process would else try to connect for long.
  func endIfDead() { if process?.isDead == true { interruption.request() } }
}

/// A run did not end, or not as it should.
private struct Failure: Error, CustomStringConvertible { let description: String }

extension FileOperations {
  /// Does not wait for the device.
  static let withoutFlushing: FileOperations = {
    var operations = FileOperations.live
    operations.synchronize = { _ in 0 }
    return operations
  }()
}
