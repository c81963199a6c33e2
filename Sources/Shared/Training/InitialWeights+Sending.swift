import Datasets
import NeuralNetwork
import Platform
import WeightFiles

extension InitialWeights {
  /// Writes what the files hold of a side's part of the network as one file: that side then begins with the same
  /// weights as if it had them all.
  ///
  /// - Parameters:
  ///   - role: whose part it is.
  ///   - path: an existing file is replaced.
  /// - Throws: `WeightsFileError.nothingMatches`, `SafetensorsError`, `FileError`, `ShapeError`.
  package func write(
    partOf role: Role, _ configuration: RunConfiguration, to path: String, operations: FileOperations = .live
  ) throws {
    try requireMatch(configuration, role: role)
    let parts = try configuration.layers(of: role)
    let classifiers = Self.classifiers(parts, configuration)
    var tensors: [NamedTensor] = []
    var metadata: [String: String] = [:]
    func add(_ name: String, of reader: SafetensorsReader) throws {
      guard let entry = reader.entries[name] else { return }
      let shape = entry.shape
      if entry.elementType == .int64 {
        tensors.append(
          NamedTensor(name: name, shape: shape, content: .integers(try reader.integers(name, shape: shape))))
        return
      }
      tensors.append(
        NamedTensor(
          name: name, shape: shape,
          content: .generated { first, chunk in try reader.read(name, from: first, into: chunk) }))
    }
    for parameter in parts.flatMap({ $0.parameters + $0.statistics }) {
      let isClassifier = classifiers.contains(parameter.name)
      switch beginning(of: parameter, isClassifier: isClassifier, configuration) {
      case .tensor(let file), .classes(_, let file, _):
        try add(parameter.name, of: file.reader)
        if let bias = file.reader.biasBefore(parameter) { try add(bias, of: file.reader) }
        // It says which classes they are.
        if isClassifier, let json = file.reader.metadata[WeightsFile.configurationKey] {
          metadata[WeightsFile.configurationKey] = json
        }
      case .anew: break
      }
    }
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path, operations: operations)
  }

  /// The most bytes that `write(partOf:)` makes for a configuration, whatever the files are.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package static func mostBytes(partOf role: Role, _ configuration: RunConfiguration) throws -> Int {
    let parts = try configuration.layers(of: role)
    // Each statistic may bring a bias, and each classifier as many classes as there can be.
    let numbers =
      parts.flatMap(\.parameters).reduce(0) { $0 + $1.count } + 2
      * parts.flatMap(\.statistics).reduce(0) { $0 + $1.count }
    let classifiers = parts.flatMap(\.layers).compactMap { $0 as? Linear }
    let rows = classifiers.reduce(0) { $0 + ($1.inputs + 1) * ImageTask.classCounts.upperBound }
    return 4 * (numbers + rows) + mostHeaderBytes
  }

  /// Of the file's header: the configuration in it, with the names of all classes, fits into a hello, which has a
  /// quarter of that.
  package static let mostHeaderBytes = 1 << 22
}
