import Datasets
import FoundationEssentials
import NeuralNetwork
import Platform
import RunFiles
import WeightFiles

extension WeightsFile {
  /// What a file says about itself.
  package struct Metadata: Equatable, Sendable {
    package let role: Role
    package let configuration: RunConfiguration
    /// Completed epochs.
    package let epoch: Int
    /// Completed steps of the whole run.
    package let step: Int
  }

  /// An open file whose metadata are checked. Its network can be built from them before the weights are loaded.
  package struct Reader {
    package let metadata: Metadata
    private let file: SafetensorsReader

    /// - Throws: `SafetensorsError` if the file cannot be read or is damaged, `WeightsFileError.noMetadata` or
    ///   `.metadata`.
    package init(path: String, role: Role) throws {
      file = try SafetensorsReader(path: path)
      metadata = try Metadata(file.metadata, path: path, role: role)
    }

    /// - Throws: `WeightsFileError.otherConfiguration` naming the first setting, by name, that differs.
    package func require(_ configuration: RunConfiguration) throws {
      guard configuration != metadata.configuration else { return }
      let (expected, actual) = (try settings(configuration), try settings(metadata.configuration))
      let setting = Set(expected.keys).union(actual.keys).sorted().first { expected[$0] != actual[$0] }
      throw WeightsFileError.otherConfiguration(
        path: file.path, setting: setting ?? "configuration", expected: setting.flatMap { expected[$0] } ?? "none",
        actual: setting.flatMap { actual[$0] } ?? "none")
    }

    /// - Throws: `WeightsFileError.otherConfiguration` unless this file and `other` are of one run, as far as their
    ///   configurations tell, and of one epoch.
    package func requireSameRun(as other: Reader) throws {
      try require(other.metadata.configuration)
      for (setting, expected, actual) in [
        ("epoch", other.metadata.epoch, metadata.epoch), ("step", other.metadata.step, metadata.step),
      ] where expected != actual {
        throw WeightsFileError.otherConfiguration(
          path: file.path, setting: setting, expected: "\(expected)", actual: "\(actual)")
      }
    }

    /// Reads all parameters and running statistics of the parts.
    ///
    /// - Throws: as `SafetensorsReader.load`.
    package func load(_ parts: [Sequential]) throws { try file.load(parts.flatMap { $0.parameters + $0.statistics }) }

    /// The settings by name, as text.
    private func settings(_ configuration: RunConfiguration) throws -> [String: String] {
      let json = Data(try RunJSON.encode(configuration, pretty: false))
      return try JSONDecoder().decode([String: Setting].self, from: json).mapValues(\.text)
    }
  }
}

extension WeightsFile.Metadata {
  /// - Throws: `WeightsFileError.noMetadata`; `WeightsFileError.metadata` for the first entry that is missing or
  ///   malformed.
  fileprivate init(_ entries: [String: String], path: String, role: Role) throws {
    let entries = FileMetadata(entries, path: path)
    try entries.requireAny(of: ["role", "configuration", "epoch", "step"])
    try entries.require("role", role.rawValue)
    self.role = role
    configuration = try entries.configuration()
    epoch = try entries.count("epoch")
    step = try entries.count("step")
  }
}

/// A value of the configuration's JSON object, as text.
private struct Setting: Decodable {
  let text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self.text = text
    } else if let truth = try? container.decode(Bool.self) {
      text = "\(truth)"
    } else if let integer = try? container.decode(UInt64.self) {
      text = "\(integer)"
    } else if let number = try? container.decode(Float.self) {
      text = "\(number)"
    } else {
      text = "\(try container.decode(ImageTask.self))"
    }
  }
}
