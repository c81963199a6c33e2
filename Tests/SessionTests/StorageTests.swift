import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// Files that cannot be written: the side that has them ends with that error, and the other side is told.
@Suite(.serialized) struct SessionsStorageTests {
  private func cannotWrite(_ path: String) -> FileError {
    FileError(path: path, operation: "write", errorNumber: ENOSPC)
  }

  @Test func edgesDiskIsFullInMidEpoch() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 2)
    // The event "started" and one step.
    #expect(throws: cannotWrite("\(folder.path)/edge/metrics.jsonl")) {
      try runEdge(
        quickConfiguration(), cloud.endpoint, folder, operations: .full("metrics.jsonl", afterWrites: 2))
    }
    _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "next") }
    let error = try #require(cloud.end().error as? Failure)
    #expect(error.code == "storage")
    #expect(error.reason.contains("No space left on device"))

    #expect(ErrorKind(cannotWrite("")) == .cannotWriteRun)
    #expect(try folder.metrics("edge").steps.map(\.step) == [1])
    // What still can be written, is.
    #expect(
      try folder.summary("edge").outcome == .failed("\(cannotWrite("\(folder.path)/edge/metrics.jsonl"))"))
  }

  @Test func cloudsDiskIsFullInMidEpoch() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, operations: .full("metrics.jsonl", afterWrites: 2))
    let error = #expect(throws: Failure.self) { try runEdge(quickConfiguration(), cloud.endpoint, folder) }
    #expect(error?.code == "storage")
    #expect(error?.reason.contains("No space left on device") == true)
    #expect(error.map(ErrorKind.init) == .link)
    let path = "\(folder.path)/cloud/edge/metrics.jsonl"
    #expect(cloud.end().error as? FileError == cannotWrite(path))
    #expect(try folder.metrics("cloud/edge").steps.map(\.step) == [1])
    #expect(try folder.metrics("edge").events == ["started", "failed"])
  }

  @Test func edgesCheckpointCannotBeWritten() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder)
    #expect(throws: cannotWrite("\(folder.path)/edge/edge.safetensors")) {
      try runEdge(
        quickConfiguration(), cloud.endpoint, folder, operations: .full("edge.safetensors", afterWrites: 1))
    }
    #expect((cloud.end().error as? Failure)?.code == "storage")
    let summary = try folder.summary("edge")
    // Without its weights the epoch is not complete; its time is in it once.
    #expect(summary.completedEpochs == 0)
    #expect(summary.exitAccuracy == nil)
    #expect(summary.trainingSeconds > 0)
    #expect(summary.trainingSeconds <= summary.wallSeconds)
    #expect(
      try Set(FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/edge")) == [
        "checkpoint-2.safetensors", "config.json", "metrics.jsonl", "summary.json",
      ])
  }

  @Test func cloudsCheckpointCannotBeWritten() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, operations: .full("cloud.safetensors", afterWrites: 0))
    let error = #expect(throws: Failure.self) { try runEdge(quickConfiguration(), cloud.endpoint, folder) }
    #expect(error?.code == "storage")
    #expect(
      cloud.end().error as? FileError == cannotWrite("\(folder.path)/cloud/edge/cloud.safetensors"))
    let summary = try folder.summary("cloud/edge")
    #expect(summary.completedEpochs == 0)
    #expect(summary.trainingSeconds > 0)
    #expect(summary.trainingSeconds <= summary.wallSeconds)
  }

  @Test func cloudsDirectoryCannotBeCreated() throws {
    let folder = try SessionFolder()
    // A file where the directory of all runs should be.
    #expect(FileManager.default.createFile(atPath: "\(folder.path)/cloud", contents: nil))
    let cloud = try TestCloud(folder)
    let error = #expect(throws: Failure.self) { try runEdge(quickConfiguration(), cloud.endpoint, folder) }
    #expect(error?.code == "storage")
    #expect(error?.reason.contains("\(folder.path)/cloud") == true)
    // The edge's own --run-dir is not at fault.
    #expect(error?.reason.contains("--run-dir") == false)
    let failure = try #require(cloud.end().error)
    #expect(ErrorKind(failure) == .cannotCreateRun)
    #expect(!folder.exists("edge/metrics.jsonl"))
  }

  @Test func cloudNeverOverwritesARun() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    _ = try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "same")
    let before = try folder.bytes("cloud/same/metrics.jsonl")
    try FileManager.default.removeItem(atPath: "\(folder.path)/same")
    let error = #expect(throws: RefusedError.self) {
      try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "same") }
    }
    #expect(error?.code == .cannotResume)
    #expect(error?.reason.contains("it is complete here") == true)
    #expect(try folder.bytes("cloud/same/metrics.jsonl") == before)
    #expect(cloud.stop().completed.count == 1)
  }

  @Test func edgesDirectoryHoldsARun() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    _ = try runEdge(quickConfiguration(), cloud.endpoint, folder)
    let error = #expect(throws: RunDirectoryError.self) {
      try runEdge(quickConfiguration(), cloud.endpoint, folder)
    }
    #expect(error == .holdsEarlierRun(path: "\(folder.path)/edge", file: "metrics.jsonl"))
    #expect(error.map(ErrorKind.init) == .cannotCreateRun)
    #expect(cloud.stop().completed.count == 1)
  }
}

extension FileOperations {
  /// A disk on which writing to files with this in their name fails, after so many writes.
  static func full(_ name: String, afterWrites writes: Int) -> FileOperations {
    let disk = FullDisk(writes)
    var operations = FileOperations.live
    operations.open = { path, flags, mode in
      let descriptor = FileOperations.live.open(path, flags, mode)
      if descriptor >= 0, path.contains(name) {
        disk.state.withLock { _ = $0.descriptors.insert(descriptor) }
      }
      return descriptor
    }
    operations.close = { descriptor in
      disk.state.withLock { _ = $0.descriptors.remove(descriptor) }
      return FileOperations.live.close(descriptor)
    }
    operations.write = { descriptor, bytes, count in
      let isFull = disk.state.withLock { state in
        guard state.descriptors.contains(descriptor) else { return false }
        state.writes -= 1
        return state.writes < 0
      }
      guard isFull else { return FileOperations.live.write(descriptor, bytes, count) }
      errno = ENOSPC
      return -1
    }
    return operations
  }

  private final class FullDisk: Sendable {
    let state: Guarded<(descriptors: Set<Int32>, writes: Int)>
    init(_ writes: Int) { state = Guarded((descriptors: [], writes: writes)) }
  }
}
