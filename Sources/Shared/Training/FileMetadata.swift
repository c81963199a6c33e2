import Platform
import RunFiles

/// What a safetensors file says about itself, entry by entry; what is missing or malformed is thrown as
/// `WeightsFileError.metadata`.
struct FileMetadata {
  private let entries: [String: String]
  private let path: String

  init(_ entries: [String: String], path: String) {
    self.entries = entries
    self.path = path
  }

  /// Checks that not all of these entries are missing.
  ///
  /// - Throws: `WeightsFileError.noMetadata`.
  func requireAny(of fields: [String]) throws {
    if fields.allSatisfy({ entries[$0] == nil }) { throw WeightsFileError.noMetadata(path: path, fields: fields) }
  }

  /// - Parameter expected: what an error says should be there.
  func text(_ field: String, _ expected: String) throws -> String {
    guard let value = entries[field] else { throw error(field, expected, "missing") }
    return value
  }

  /// Checks that an entry has a certain value.
  func require(_ field: String, _ expected: String) throws {
    let actual = try text(field, expected)
    guard actual == expected else { throw error(field, expected, actual) }
  }

  func count(_ field: String, minimum: Int = 0) throws -> Int {
    let text = try text(field, "a count")
    guard let value = Int(text), value >= minimum else { throw error(field, "a count", text) }
    return value
  }

  /// The configuration of the run, every setting checked.
  func configuration() throws -> RunConfiguration {
    let json = try text("configuration", "the run's configuration")
    return try value("configuration", "the configuration of a run") {
      let configuration = try JSONMismatch.decode(RunConfiguration.self, from: Array(json.utf8))
      try configuration.validate()
      return configuration
    }
  }

  /// Runs `body`, which makes a value of an entry.
  func value<Value>(_ field: String, _ expected: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw self.error(field, expected, "one that cannot be used (\(Self.reason(error)))")
    }
  }

  private func error(_ field: String, _ expected: String, _ actual: String) -> WeightsFileError {
    .metadata(path: path, field: field, expected: expected, actual: actual)
  }

  private static func reason(_ error: any Error) -> String {
    func key(_ context: DecodingError.Context) -> String { context.codingPath.last?.stringValue ?? "the whole" }
    return switch error {
    case DecodingError.keyNotFound(let key, _): "no \(key.stringValue)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "another type for \(key(context))"
    case DecodingError.dataCorrupted(let context): "\(key(context)): \(context.debugDescription)"
    default: "\(error)"
    }
  }
}
