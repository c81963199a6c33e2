import Logging
import NeuralNetwork
import Platform
import Trust
import WeightFiles

/// Files from which a run's network begins, in place of its seeded weights: those that these programs write, or others
/// in the format with torchvision's names. What matches a tensor by name and shape is taken; of a classifier with other
/// classes, what both know.
package struct InitialWeights {
  /// The SHA-256 of each file, in hexadecimal digits, separated by commas.
  package let digest: String
  /// The first one that has a tensor gives it.
  let files: [File]

  struct File {
    let reader: SafetensorsReader
    /// By index; none if it does not say.
    let classNames: [String]

    var path: String { reader.path }
  }

  /// Opens the files, and reads them once.
  ///
  /// - Parameter paths: at least one.
  /// - Throws: `SafetensorsError`.
  package init(_ paths: [String]) throws { try self.init(paths.map(SafetensorsReader.init(path:))) }

  /// Reads the files once.
  ///
  /// - Parameter files: at least one.
  /// - Throws: `SafetensorsError`.
  package init(_ files: [SafetensorsReader]) throws {
    precondition(!files.isEmpty, "no file of weights")
    self.files = files.map { File(reader: $0, classNames: $0.classNames) }
    digest = try files.map { file in
      let hash = SHA256()
      try file.readBytes(hash.update)
      return Hexadecimal.encode(hash.finish())
    }.joined(separator: ",")
  }

  /// The paths of the files, as errors and log lines have them.
  private var names: String { files.map(\.path).joined(separator: ", ") }

  // MARK: What matches

  /// What a tensor of the network begins with.
  enum Beginning {
    case tensor(of: File)
    /// What is known of a classifier's classes; the others keep their seeded weights.
    case classes(ClassMapping, of: File, old: Int)
    /// Its seeded values.
    case anew(reason: String)
  }

  func beginning(of parameter: Parameter, isClassifier: Bool, _ configuration: RunConfiguration) -> Beginning {
    let shape = parameter.layout.storedShape
    var reason: String?
    for file in files {
      guard let entry = file.reader.entries[parameter.name] else { continue }
      let found = entry.shape
      let isRows = isClassifier && entry.elementType == .float32 && found.count == shape.count
      do {
        if isRows, found.dropFirst() == shape.dropFirst(),
          let mapping = mapping(of: file, from: found[0], configuration)
        {
          if mapping.known > 0 { return .classes(mapping, of: file, old: found[0]) }
          reason = reason ?? "none of its classes is one of those in \(file.path)"
          continue
        }
        try file.reader.check(parameter)
        return .tensor(of: file)
      } catch { reason = reason ?? "\(found) in \(file.path), expected \(shape)" }
    }
    return .anew(reason: reason ?? "not in \(names)")
  }

  /// How the classes of a file become those of the run: by their names where both have some; else by their index, if it
  /// is a file of these programs. What another file's classes are nobody knows.
  ///
  /// - Returns: nil if they are to be the same.
  private func mapping(of file: File, from old: Int, _ configuration: RunConfiguration) -> ClassMapping? {
    let task = configuration.task
    if file.classNames.count == old, !task.classNames.isEmpty {
      return file.classNames == task.classNames ? nil : ClassMapping(from: file.classNames, to: task.classNames)
    }
    let isOurs = file.reader.metadata[WeightsFile.configurationKey] != nil
    return old == task.classes || !isOurs ? nil : ClassMapping(from: old, to: task.classes)
  }

  /// The names of the tensors that have one row for each class.
  static func classifiers(_ parts: [Sequential], _ configuration: RunConfiguration) -> Set<String> {
    var names: Set<String> = []
    for layer in parts.flatMap(\.layers) {
      guard let layer = layer as? Linear, layer.outputs == configuration.task.classes else { continue }
      names.formUnion(layer.parameters.map(\.name))
    }
    return names
  }

  /// Whether anything matches a side's part of the network. Nothing is allocated to know it.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package func match(_ configuration: RunConfiguration, role: Role) throws -> Bool {
    let parts = try configuration.layers(of: role)
    let classifiers = Self.classifiers(parts, configuration)
    return parts.flatMap { $0.parameters + $0.statistics }.contains {
      if case .anew = beginning(of: $0, isClassifier: classifiers.contains($0.name), configuration) { return false }
      return true
    }
  }

  /// - Throws: `WeightsFileError.nothingMatches` unless something matches a side's part of the network; `ShapeError` if
  ///   the configuration makes no network.
  package func requireMatch(_ configuration: RunConfiguration, role: Role) throws {
    guard try match(configuration, role: role) else { throw noMatch(try configuration.layers(of: role), role) }
  }

  private func noMatch(_ parts: [Sequential], _ role: Role) -> WeightsFileError {
    .nothingMatches(
      paths: names, role: role, expected: parts.flatMap(\.parameters).first?.name ?? "none",
      actual: files.compactMap { $0.reader.entries.keys.min() }.min() ?? "none")
  }

  // MARK: Loading

  /// Gives a side's layers, which have their seeded weights, what matches. The log is told how much that is, what
  /// begins anew, and what of the files has no place in the network.
  ///
  /// - Throws: `WeightsFileError.nothingMatches`; `SafetensorsError`, `WeightsFileError.value` for numbers that no
  ///   training writes; some tensors may be replaced then.
  package func load(_ parts: [Sequential], _ configuration: RunConfiguration, role: Role, _ logger: Logger) throws {
    let all = try configuration.layers(of: .edge) + configuration.layers(of: .cloud)
    let known = Set(all.flatMap { $0.parameters + $0.statistics }.map(\.name))
    let classifiers = Self.classifiers(parts, configuration)
    var report = InitialWeightsReport()
    var folded: Set<String> = []
    for parameter in parts.flatMap({ $0.parameters + $0.statistics }) {
      report.names.append(parameter.name)
      switch beginning(of: parameter, isClassifier: classifiers.contains(parameter.name), configuration) {
      case .tensor(let file):
        try file.reader.read(parameter)
        if let bias = file.reader.biasBefore(parameter), !known.contains(bias) {
          try file.reader.subtract(bias, from: parameter)
          folded.insert(bias)
        }
        report.taken += 1
      case .classes(let mapping, let file, let old):
        try file.reader.read(parameter, mapping, old: old)
        report.partly.append((parameter.name, mapping.known, old))
        report.classes = mapping.sources.count
      case .anew(let reason): report.anew.append((parameter.name, reason))
      }
    }
    let unknown = files.flatMap { $0.reader.entries.keys.sorted() }.filter {
      !known.contains($0) && !folded.contains($0)
    }
    guard report.taken + report.partly.count > 0 else { throw noMatch(parts, role) }
    for line in report.lines(files: names, unknown: unknown) { logger.info("\(line)") }
  }
}

extension SafetensorsReader {
  /// The name of the bias of the convolution before a normalization, given its running mean: torchvision's VGG numbers
  /// layers, and its convolutions have one.
  ///
  /// - Returns: nil if there is none.
  func biasBefore(_ runningMean: Parameter) -> String? {
    let words = runningMean.name.split(separator: ".")
    guard words.count >= 2, words.last == "running_mean", let number = Int(words[words.count - 2]), number > 0 else {
      return nil
    }
    let bias = (words.dropLast(2).map(String.init) + ["\(number - 1)", "bias"]).joined(separator: ".")
    return entries[bias]?.shape == runningMean.layout.storedShape ? bias : nil
  }

  /// A bias before a normalization only moves the mean that it takes away; our convolutions have none.
  ///
  /// - Throws: `SafetensorsError`, `WeightsFileError.value`.
  fileprivate func subtract(_ bias: String, from runningMean: Parameter) throws {
    let values = try floats(bias, shape: runningMean.layout.storedShape)
    for (index, value) in values.enumerated() { runningMean.value[index] -= value }
    try checkFinite(runningMean)
  }

  /// Reads the known classes of a classifier's weight or bias.
  ///
  /// - Parameter old: classes in the file.
  /// - Throws: `SafetensorsError`, `WeightsFileError.value`.
  fileprivate func read(_ parameter: Parameter, _ mapping: ClassMapping, old: Int) throws {
    let inputs = parameter.layout.storedShape.dropFirst()
    let stored = try floats(parameter.name, shape: [old] + inputs)
    let (width, classes) = (inputs.reduce(1, *), mapping.sources.count)
    for (new, source) in mapping.sources.enumerated() {
      guard let source else { continue }
      // Ours are [inputs, classes].
      for input in 0..<width { parameter.value[input * classes + new] = stored[source * width + input] }
    }
    try checkFinite(parameter)
  }
}
