import Foundation

/// The two programs under test, as they were built beside this test bundle.
enum TestedProgram: String, CaseIterable {
  case edge = "edge-trainer"
  case cloud = "cloud-trainer"

  /// - Throws: `NotBuiltError` if no directory above the test bundle holds the program.
  func path() throws -> String {
    // The bundle is .build/<configuration>/<package>PackageTests.xctest on Linux; elsewhere it is a folder.
    let starts = [CommandLine.arguments[0], Bundle.main.bundlePath, Bundle.main.executablePath ?? ""]
    for start in starts where !start.isEmpty {
      var directory = URL(fileURLWithPath: start).standardizedFileURL
      while directory.path != "/" {
        directory.deleteLastPathComponent()
        let candidate = directory.appendingPathComponent(rawValue).path
        if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
      }
    }
    throw NotBuiltError(program: rawValue, searched: starts)
  }
}

struct NotBuiltError: Error, CustomStringConvertible {
  let program: String
  let searched: [String]

  var description: String { "\(program) is in no directory above \(searched)" }
}

/// A directory for the files of one test; removed with everything in it at the end.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array((NSTemporaryDirectory() + "/end-to-end-XXXXXX").utf8CString)
    guard let created = template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) else {
      throw CocoaError(.fileWriteUnknown)
    }
    path = String(cString: created)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of something in this directory.
  func path(_ name: String) -> String { path + "/" + name }

  /// Makes a subdirectory.
  func subdirectory(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }
}
