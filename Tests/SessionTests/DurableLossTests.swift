import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// A side of a run has lost what it would go on from.
@Suite(.serialized) struct DurableLossTests {
  /// A run that was interrupted on both sides, in its second epoch.
  private func interrupted(_ run: DurableRun) throws {
    let cloud = try run.cloud()
    try run.interrupt(cloud.endpoint)
    cloud.stop()
  }

  private func checkpoints(_ path: String, _ run: DurableRun) throws -> [String] {
    Checkpoint.files.map { "\(run.folder.path)/\(path)/\($0)" }.filter {
      FileManager.default.fileExists(atPath: $0)
    }
  }

  /// The newest checkpoint of the cloud is damaged: it goes on from the one before, since the edge keeps what that does
  /// not cover.
  @Test func cloudsNewestCheckpointIsDamaged() throws {
    let run = try DurableRun(.hierarchical, in: SessionFolder())
    let whole = try run.whole()
    try interrupted(run)
    let readers = try Checkpoint.read(
      RunDirectory(resuming: "\(run.folder.path)/cloud/run"), role: .cloud
    ) { Issue.record($0) }
    #expect(readers.count == 2)
    var bytes = try Data(contentsOf: URL(filePath: readers[0].path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(filePath: readers[0].path))
    let cloud = try run.cloud()
    try run.complete(with: cloud)
    try run.expectSame(as: whole)
  }

  /// The cloud has lost everything, and the edge has all of it.
  @Test(arguments: DurableTests.strategies) func cloudHasLostItsDisk(strategy: Strategy) throws {
    var run = try DurableRun(strategy, in: SessionFolder())
    run.spool = 1 << 26
    run.checkpointInterval = 3600
    let whole = try run.whole()
    try interrupted(run)
    try FileManager.default.removeItem(atPath: "\(run.folder.path)/cloud/run")
    let cloud = try run.cloud()
    try run.complete(with: cloud)
    try run.expectSameWeights(as: whole)
    #expect(try run.log("cloud/run") == run.log("cloud/whole"))
  }

  /// The cloud has lost everything, and the edge has sent what it does not have any more.
  @Test func nobodyHasTheFirstRecords() throws {
    var run = try DurableRun(.hierarchical, in: SessionFolder())
    run.spool = nil
    try interrupted(run)
    try FileManager.default.removeItem(atPath: "\(run.folder.path)/cloud/run")
    let cloud = try run.cloud()
    let error = #expect(throws: RefusedError.self) { try run.edge(cloud.endpoint) }
    cloud.stop()
    #expect(error?.code == .cannotResume)
    #expect(error?.reason.contains("the edge has only the records from") == true, "\(error?.reason ?? "")")
    #expect(error?.reason.contains("start it anew") == true)
    #expect(error.map(ErrorKind.init) == .refused)
    #expect(!run.folder.exists("cloud/run"))
  }

  /// Another run of the same name is not gone on with.
  @Test func otherConfiguration() throws {
    var run = try DurableRun(.hierarchical, in: SessionFolder())
    try interrupted(run)
    let before = try run.folder.bytes("cloud/run/metrics.jsonl")
    try FileManager.default.removeItem(atPath: "\(run.folder.path)/run")
    run.configuration.seed = 1
    let cloud = try run.cloud()
    let error = #expect(throws: RefusedError.self) { try run.edge(cloud.endpoint) }
    cloud.stop()
    #expect(error?.code == .unsupportedConfiguration)
    #expect(error?.reason.contains("another configuration here") == true, "\(error?.reason ?? "")")
    #expect(try run.folder.bytes("cloud/run/metrics.jsonl") == before)
  }

  /// Both checkpoints of the cloud are damaged in every way; the edge has everything, so the run begins once more.
  @Test func cloudsCheckpointsAreDamaged() throws {
    var run = try DurableRun(.cloudStream, in: SessionFolder())
    run.checkpointInterval = 3600
    let whole = try run.whole()
    try interrupted(run)
    for path in try checkpoints("cloud/run", run) { try Data("none".utf8).write(to: URL(filePath: path)) }
    let cloud = try run.cloud()
    try run.complete(with: cloud)
    try run.expectSameWeights(as: whole)
  }

  /// The spool is damaged: the error names the file.
  @Test func spoolIsDamaged() throws {
    let run = try DurableRun(.hierarchical, in: SessionFolder())
    _ = try run.edge(nil)
    let spool = "\(run.folder.path)/run/spool"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: spool).first)
    var bytes = try Data(contentsOf: URL(filePath: "\(spool)/\(name)"))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(filePath: "\(spool)/\(name)"))
    let cloud = try run.cloud()
    let error = #expect(throws: SpoolError.self) { try run.edge(cloud.endpoint) }
    cloud.stop()
    #expect("\(error as Any)".contains(name))
    #expect(error.map(ErrorKind.init) == .data)
  }
}
