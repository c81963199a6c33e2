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

    /// - Throws: `SafetensorsError` if the file cannot be read or is damaged, `WeightsFileError.metadata`.
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
    /// - Throws: `SafetensorsError` for a missing tensor or another shape, `WeightsFileError.unexpectedTensor`; nothing
    ///   is changed then. `SafetensorsError.cannotRead`, `WeightsFileError.value` for a number that is not finite or a
    ///   count that is none; what has been read until then stays.
    package func load(_ parts: [Sequential]) throws {
      let parameters = parts.flatMap { $0.parameters + $0.statistics }
      for parameter in parameters { try check(parameter) }
      let names = Set(parameters.map(\.name))
      if let name = file.entries.keys.filter({ !names.contains($0) }).min() {
        throw WeightsFileError.unexpectedTensor(path: file.path, name: name)
      }
      for parameter in parameters { try read(parameter) }
    }

    private func check(_ parameter: Parameter) throws {
      guard let entry = file.entries[parameter.name] else {
        throw SafetensorsError.missingTensor(path: file.path, name: parameter.name)
      }
      let layout = parameter.layout
      guard entry.elementType == layout.storedType, entry.shape == layout.storedShape else {
        throw SafetensorsError.wrongTensor(
          path: file.path, name: parameter.name, expected: "\(layout.storedType.rawValue) \(layout.storedShape)",
          actual: "\(entry.elementType.rawValue) \(entry.shape)")
      }
    }

    private func read(_ parameter: Parameter) throws {
      let (name, values) = (parameter.name, parameter.value)
      switch parameter.layout {
      case .scalar:
        let count = try file.integers(name, shape: [])[0]
        // The layers count in floats, which stop at 2²⁴.
        guard (0...1 << 24).contains(count) else {
          throw WeightsFileError.value(
            path: file.path, tensor: name, expected: "a count of 0 to \(1 << 24)", actual: "\(count)")
        }
        values[0] = Float(count)
      case .vector(let count): try file.read(name, shape: [count], into: values)
      case .linear(let inputs, let outputs): try restore(parameter, kernelSize: 1, inputs, outputs)
      case .convolution(let kernelSize, let inputs, let outputs):
        try restore(parameter, kernelSize: kernelSize, inputs, outputs)
      }
      if let value = values.first(where: { !$0.isFinite }) {
        throw WeightsFileError.value(path: file.path, tensor: name, expected: "finite numbers", actual: "\(value)")
      }
    }

    /// From PyTorch's order to ours.
    private func restore(_ parameter: Parameter, kernelSize: Int, _ inputs: Int, _ outputs: Int) throws {
      let stored = try file.floats(parameter.name, shape: parameter.layout.storedShape)
      guard let weights = parameter.value.baseAddress else { preconditionFailure("\(parameter.name) is empty") }
      let order = ConvolutionOrder(
        kernelHeight: kernelSize, kernelWidth: kernelSize, inputChannels: inputs, outputChannels: outputs)
      stored.withUnsafeBufferPointer { order.restore($0, to: weights) }
    }

    /// The settings by name, as text.
    private func settings(_ configuration: RunConfiguration) throws -> [String: String] {
      let json = Data(try RunJSON.encode(configuration, pretty: false))
      return try JSONDecoder().decode([String: Setting].self, from: json).mapValues(\.text)
    }
  }
}

extension WeightsFile.Metadata {
  /// - Throws: `WeightsFileError.metadata` for the first entry that is missing or malformed.
  fileprivate init(_ entries: [String: String], path: String, role: Role) throws {
    func entry(_ field: String, _ expected: String) throws -> String {
      guard let value = entries[field] else {
        throw WeightsFileError.metadata(path: path, field: field, expected: expected, actual: "missing")
      }
      return value
    }
    func count(_ field: String) throws -> Int {
      let text = try entry(field, "a count")
      guard let value = Int(text), value >= 0 else {
        throw WeightsFileError.metadata(path: path, field: field, expected: "a count", actual: text)
      }
      return value
    }
    let storedRole = try entry("role", role.rawValue)
    guard storedRole == role.rawValue else {
      throw WeightsFileError.metadata(path: path, field: "role", expected: role.rawValue, actual: storedRole)
    }
    let json = try entry("configuration", "the run's configuration")
    self.role = role
    do {
      configuration = try JSONDecoder().decode(RunConfiguration.self, from: Data(json.utf8))
      try configuration.validate()
    } catch {
      throw WeightsFileError.metadata(
        path: path, field: "configuration", expected: "the configuration of a run",
        actual: "one that cannot be used (\(Self.reason(error)))")
    }
    epoch = try count("epoch")
    step = try count("step")
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

extension Parameter.Layout {
  /// The shape in the file: PyTorch's.
  fileprivate var storedShape: [Int] {
    switch self {
    case .scalar: []
    case .vector(let count): [count]
    case .linear(let inputs, let outputs): [outputs, inputs]
    case .convolution(let kernelSize, let inputs, let outputs): [outputs, inputs, kernelSize, kernelSize]
    }
  }

  fileprivate var storedType: SafetensorsElementType { if case .scalar = self { .int64 } else { .float32 } }
}

/// A value of the configuration's JSON object, as text.
private struct Setting: Decodable {
  let text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self.text = text
    } else if let integer = try? container.decode(UInt64.self) {
      text = "\(integer)"
    } else if let number = try? container.decode(Float.self) {
      text = "\(number)"
    } else {
      text = "\(try container.decode(ImageTask.self))"
    }
  }
}
