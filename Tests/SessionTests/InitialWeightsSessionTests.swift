import Foundation
import TestSupport
import Testing

@testable import CloudSide
@testable import Datasets
@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import WeightFiles

/// Runs whose sides begin from files of weights.
@Suite(.serialized) struct InitialWeightsSessionTests {
  /// Runs, one after the other in one folder, that begin with the weights of the first of them.
  private func beginning(_ strategy: Strategy, in folder: SessionFolder) throws -> DurableRun {
    var run = try DurableRun(strategy, in: folder)
    var first = run
    first.configuration.seed = 99
    first.name = "first"
    if strategy.needsCloud {
      let cloud = try run.cloud()
      try first.complete(with: cloud)
    } else {
      _ = try first.edge(nil)
    }
    if strategy.trainsOnEdge { run.initialWeights.edge = ["\(folder.path)/first/edge.safetensors"] }
    if strategy.needsCloud { run.initialWeights.cloud = ["\(folder.path)/cloud/first/cloud.safetensors"] }
    return run
  }

  /// The same files and seed give the same bits, also after an interruption; others than without files. What each side
  /// began from is in its summary.
  @Test(arguments: DurableTests.strategies) func sameFilesSameBits(strategy: Strategy) throws {
    var run = try beginning(strategy, in: SessionFolder())
    let whole = try run.whole()
    let cloud = try run.cloud()
    try run.interrupt(cloud.endpoint)
    _ = try whileBusy { try run.edge(cloud.endpoint) }
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
    #expect(try run.folder.summary("run").initialWeights == InitialWeights.digest(run.initialWeights.edge))
    #expect(try run.folder.summary("cloud/run").initialWeights == InitialWeights.digest(run.initialWeights.cloud))

    run.initialWeights = ([], [])
    run.name = "seeded"
    let seeded = try run.cloud()
    try run.complete(with: seeded)
    for path in ["run/edge", "cloud/run/cloud"] where run.folder.exists("\(path).safetensors") {
      let same =
        try run.folder.bytes("\(path).safetensors")
        == run.folder.bytes("\(path.replacing("run", with: "seeded")).safetensors")
      #expect(!same, "\(path)")
    }
  }

  /// The cloud has lost everything: the run begins once more with the files of then, and with no others.
  @Test(arguments: [Strategy.hierarchical, .cloudStream]) func cloudHasLostItsDisk(strategy: Strategy) throws {
    var run = try beginning(strategy, in: SessionFolder())
    run.spool = 1 << 26
    run.checkpointInterval = 3600
    let whole = try run.whole()
    let first = try run.cloud()
    try run.interrupt(first.endpoint)
    first.stop()
    try FileManager.default.removeItem(atPath: "\(run.folder.path)/cloud/run")
    var forgetful = run
    forgetful.initialWeights.cloud = []
    let other = try forgetful.cloud()
    let error = #expect(throws: RefusedError.self) { try run.edge(other.endpoint) }
    other.stop()
    #expect(error?.code == .cannotResume)
    #expect(error?.reason.contains("start cloud-trainer with the --initial-weights of then") == true)
    #expect(!run.folder.exists("cloud/run"))
    let right = try run.cloud()
    try run.complete(with: right)
    try run.expectSameWeights(as: whole)
  }

  /// A run that began with what the seed makes does not go on with files, unless it goes on.
  @Test func cloudHasFilesNow() throws {
    let files = try beginning(.cloudStream, in: SessionFolder())
    var run = files
    run.initialWeights.cloud = []
    let whole = try run.whole()
    let first = try run.cloud()
    try run.interrupt(first.endpoint)
    first.stop()
    let second = try files.cloud()
    try run.complete(with: second)
    try run.expectSame(as: whole)
  }

  /// Nothing fits: the edge is told why, and the cloud serves the next one.
  @Test func nothingFitsInTheCloud() throws {
    let run = try DurableRun(.hierarchical, in: SessionFolder())
    let path = "\(run.folder.path)/other.safetensors"
    try SafetensorsWriter.write([.scalar(name: "step", 3)], metadata: [:], to: path)
    var other = run
    other.initialWeights.cloud = [path]
    let cloud = try other.cloud()
    let error = #expect(throws: RefusedError.self) { try run.edge(cloud.endpoint) }
    cloud.stop()
    #expect(error?.reason.contains("nothing in it has the name and the shape of a tensor of cloud-trainer's") == true)
    #expect(!run.folder.exists("cloud/run"))
    #expect(throws: WeightsFileError.self) {
      var own = run
      own.initialWeights.edge = [path]
      _ = try own.edge(nil)
    }
  }

  /// The front stays as it was, to the last bit of its running statistics; exit and rest are trained, also over an
  /// interruption.
  @Test func frontIsFrozen() throws {
    var run = try beginning(.hierarchical, in: SessionFolder())
    run.configuration.freezesFront = true
    let whole = try run.whole()
    let cloud = try run.cloud()
    try run.interrupt(cloud.endpoint)
    _ = try whileBusy { try run.edge(cloud.endpoint) }
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
    let before = try SafetensorsReader(path: run.initialWeights.edge[0])
    let after = try SafetensorsReader(path: "\(run.folder.path)/run/edge.safetensors")
    for (name, entry) in before.entries {
      let isSame =
        if entry.elementType == .int64 {
          try before.integers(name, shape: entry.shape) == after.integers(name, shape: entry.shape)
        } else {
          try before.floats(name, shape: entry.shape).map(\.bitPattern)
            == after.floats(name, shape: entry.shape).map(\.bitPattern)
        }
      #expect(isSame == !name.hasPrefix("exit."), "\(name)")
    }
    #expect(
      try values(run.initialWeights.cloud[0]) != values("\(run.folder.path)/cloud/run/cloud.safetensors"))
    for path in ["run", "cloud/run"] {
      #expect(
        String(decoding: try run.folder.bytes("\(path)/config.json"), as: UTF8.self).contains(#""freeze_front" : true"#)
      )
    }
  }

  /// Strategies that train the same network begin with the same weights, whatever side has them.
  @Test func everyStrategyBeginsAlike() throws {
    let folder = try SessionFolder()
    var run = try beginning(.edgeOnly, in: folder)
    run.name = "edge"
    _ = try run.edge(nil)
    let expected = try values("\(folder.path)/edge/edge.safetensors")
    for strategy in [Strategy.cloudStream, .cloudUploadOnce] {
      var other = try DurableRun(strategy, in: folder)
      other.name = strategy.rawValue
      other.initialWeights.cloud = run.initialWeights.edge
      let cloud = try other.cloud()
      try other.complete(with: cloud)
      let same = try values("\(folder.path)/cloud/\(strategy.rawValue)/cloud.safetensors") == expected
      #expect(same, "\(strategy)")
    }
  }

  /// The bytes of a file behind its header.
  private func values(_ path: String) throws -> ArraySlice<UInt8> {
    let bytes = try contents(path)
    return bytes[(8 + Int(bytes[0]) + Int(bytes[1]) << 8 + Int(bytes[2]) << 16)...]
  }
}

extension InitialWeights {
  fileprivate static func digest(_ paths: [String]) throws -> String? {
    paths.isEmpty ? nil : try InitialWeights(paths).digest
  }
}
