import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

extension FileOperations {
  /// Without waiting for the device.
  static let unflushed: FileOperations = {
    var operations = FileOperations.live
    operations.synchronize = { _ in 0 }
    return operations
  }()
}

extension Spool {
  /// The spool of run "r-1" with segments of a few records.
  convenience init(
    _ directory: String, run: String = "r-1", limit: Int = 1 << 20, segmentBytes: Int = 150,
    renewable: UInt64 = .max, operations: FileOperations = .unflushed
  ) throws {
    try self.init(
      directory: directory, run: RunIdentifier(validating: run), renewable: renewable, limit: limit,
      segmentBytes: segmentBytes,
      operations: operations)
  }

  /// What the tests put into the record of this number; the payload may be empty.
  static func content(_ number: UInt64) -> SpoolRecord {
    let bytes = (0..<number * 7 % 23).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ number &* 31) }
    return SpoolRecord(number: number, kind: UInt8(truncatingIfNeeded: number % 3), payload: bytes)
  }

  /// Appends the next record, its payload in two pieces.
  func appendNext() throws {
    let record = Self.content(next)
    let half = record.payload.count / 2
    let number = try append(kind: record.kind, Array(record.payload[..<half]), record.payload[half...])
    #expect(number == record.number)
  }

  func appendNext(_ count: Int) throws { for _ in 0..<count { try appendNext() } }

  /// All records that are kept are what was appended.
  func expectRecords(sourceLocation: SourceLocation = #_sourceLocation) throws {
    for number in first..<next {
      let expected = Self.content(number)
      #expect(try record(number) == expected, sourceLocation: sourceLocation)
      #expect(
        checksum(of: number) == Spool.checksum(kind: expected.kind, expected.payload), sourceLocation: sourceLocation)
    }
  }
}

/// Files by name, to be put into a directory again and again.
struct Snapshot {
  var files: [String: [UInt8]]

  init(_ directory: String) throws {
    files = try Dictionary(uniqueKeysWithValues: names(in: directory).map { ($0, try contents(directory + "/" + $0)) })
  }

  var fileNames: [String] { files.keys.sorted() }

  /// Makes these the only files of the directory.
  func restore(to directory: String) throws {
    try FileOperations.live.ensureDirectory(directory)
    for name in try names(in: directory) where files[name] == nil { unlink(directory + "/" + name) }
    for (name, bytes) in files { try write(bytes, directory + "/" + name) }
  }
}

/// Replaces the content of a file. (Foundation flushes it to the device.)
func write(_ bytes: [UInt8], _ path: String) throws {
  let descriptor = try FileOperations.live.openFile(path, flags: O_WRONLY | O_CREAT | O_TRUNC)
  defer { close(descriptor) }
  try bytes.withUnsafeBytes { try FileOperations.live.writeAll($0, to: descriptor, path: path) }
}

/// A system whose n-th call that changes files fails. It knows what is on the device, and can lose what is not.
final class FailingSystem: Sendable {
  private struct State {
    var calls = 0
    var paths: [Int32: String] = [:]
    /// Bytes of a file that are on the device.
    var flushed: [String: Int] = [:]
    /// Files of which a flush has failed: nothing more of them gets to the device, whatever later flushes say.
    var lossy: Set<String> = []
  }

  private let failing: Int
  private let dies: Bool
  private let state = Guarded(State())

  /// - Parameters:
  ///   - failing: the number of the call that fails, from 1; 0 for none.
  ///   - dies: whether all calls after it fail, too.
  init(failing: Int = 0, dies: Bool = false) {
    self.failing = failing
    self.dies = dies
  }

  var calls: Int { state.withLock { $0.calls } }

  var operations: FileOperations {
    let live = FileOperations.live
    var operations = live
    operations.open = { path, flags, mode in
      // To read changes nothing; a directory is opened to be flushed.
      if flags & (O_ACCMODE | O_DIRECTORY) == 0 { return live.open(path, flags, mode) }
      return self.attempt {
        let descriptor = live.open(path, flags, mode)
        self.state.withLock { $0.paths[descriptor] = path }
        return descriptor
      }
    }
    operations.write = { descriptor, bytes, count in
      self.attempt(failing: { _ = live.write(descriptor, bytes, count / 2) }) { live.write(descriptor, bytes, count) }
    }
    operations.truncate = { descriptor, length in
      self.attempt {
        self.state.withLock {
          if let path = $0.paths[descriptor] { $0.flushed[path] = min($0.flushed[path] ?? 0, length) }
        }
        return live.truncate(descriptor, length)
      }
    }
    operations.synchronize = { descriptor in
      var status = stat()
      fstat(descriptor, &status)
      let size = Int(status.st_size)
      return self.attempt(
        failing: { self.state.withLock { if let path = $0.paths[descriptor] { $0.lossy.insert(path) } } },
        {
          self.state.withLock { state in
            if let path = state.paths[descriptor], !state.lossy.contains(path) { state.flushed[path] = size }
          }
          return 0
        })
    }
    operations.rename = { from, to in
      self.attempt {
        self.state.withLock { state in
          state.flushed[to] = state.flushed.removeValue(forKey: from)
          state.lossy.remove(to)
        }
        return live.rename(from, to)
      }
    }
    operations.unlink = { path in self.attempt { live.unlink(path) } }
    operations.makeDirectory = { path, mode in self.attempt { live.makeDirectory(path, mode) } }
    return operations
  }

  /// What a power cut leaves of the segments: what was not flushed is gone, or is zeros.
  func cutPower(in directory: String, zeros: Bool) throws {
    guard FileManager.default.fileExists(atPath: directory) else { return }
    for name in try names(in: directory) where name.hasSuffix(".spool") {
      let path = directory + "/" + name
      let bytes = try contents(path)
      let kept = bytes.prefix(state.withLock { $0.flushed[path] } ?? 0)
      try write(kept + [UInt8](repeating: 0, count: zeros ? bytes.count - kept.count : 0), path)
    }
  }

  private func attempt<Result: SignedInteger>(failing failure: () -> Void = {}, _ call: () -> Result) -> Result {
    let number = state.withLock { state in
      state.calls += 1
      return state.calls
    }
    guard failing > 0, number == failing || dies && number > failing else { return call() }
    if number == failing { failure() }
    errno = EIO
    return -1
  }
}

extension Snapshot {
  /// Files of a spool with two segments, five records in the first one and the rest in the second one.
  static func twoSegments(_ directory: String) throws -> Snapshot {
    let spool = try Spool(directory, segmentBytes: 200)
    while try names(in: directory).count < 2 { try spool.appendNext() }
    try spool.appendNext(2)
    let snapshot = try Snapshot(directory)
    #expect(snapshot.fileNames == [1, 6].map { SpoolFormat.fileName(first: $0) })
    return snapshot
  }
}
