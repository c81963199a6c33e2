import Foundation
import Platform

/// Runs `body` with the path of an empty directory that is removed afterwards.
@discardableResult
package func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let path = NSTemporaryDirectory() + "runs-tests-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}

/// The names in a directory, hidden ones included, sorted.
package func names(in path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

package func contents(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

package func text(_ path: String) throws -> String { String(decoding: try contents(path), as: UTF8.self) }

/// A line of JSON as a dictionary.
package func object(_ line: some StringProtocol) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
  guard let object = value as? [String: Any] else { throw CocoaError(.coderInvalidValue) }
  return object
}

extension FileOperations {
  /// A disk with this many bytes of room: the write that crosses the end is short, the next one fails.
  package static func disk(bytes: Int) -> FileOperations {
    let room = Guarded(bytes)
    let shared = Shared(room)
    var operations = FileOperations.live
    operations.write = { descriptor, start, count in
      let allowed = shared.mutex.withLock { room in
        let allowed = min(room, count)
        room -= allowed
        return allowed
      }
      if allowed == 0 {
        errno = ENOSPC
        return -1
      }
      return FileOperations.live.write(descriptor, start, allowed)
    }
    return operations
  }

  private final class Shared: Sendable {
    let mutex: Guarded<Int>
    init(_ mutex: Guarded<Int>) { self.mutex = mutex }
  }
}

/// Counts from 0.
package final class Counter: Sendable {
  package init() {}

  private let value = Guarded(0)

  package func next() -> Int {
    value.withLock {
      $0 += 1
      return $0 - 1
    }
  }
}

/// The order in which things happened.
package final class Trace: Sendable {
  package init() {}

  private let entries = Guarded<[String]>([])

  package var names: [String] { entries.withLock { $0 } }

  package func append<Value>(_ name: String, _ value: Value) -> Value {
    entries.withLock { $0.append(name) }
    return value
  }
}

/// A directory of one test, removed with this object.
package final class SessionFolder: Sendable {
  package let path = NSTemporaryDirectory() + "session-tests-\(UUID().uuidString)"

  package init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func bytes(_ file: String) throws -> [UInt8] { try contents("\(path)/\(file)") }

  /// The same, to be compared: that is slow with an array in a debug build.
  package func data(_ file: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(path)/\(file)")) }

  package func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }
}
