/// What has become of a side's tensors that were looked for in files.
struct InitialWeightsReport {
  /// Of all tensors.
  var names: [String] = []
  var taken = 0
  var partly: [(name: String, known: Int, old: Int)] = []
  var anew: [(name: String, reason: String)] = []
  /// Of the network.
  var classes = 0

  /// The most names in a line.
  private static let mostNames = 24

  /// Lines for the log.
  ///
  /// - Parameters:
  ///   - files: whose tensors they are.
  ///   - unknown: tensors of the files that have no place in the network.
  func lines(files: String, unknown: [String]) -> [String] {
    var lines = ["initial weights: \(taken + partly.count) of \(names.count) tensors of this side are from \(files)"]
    var kept: [String: [String]] = [:]
    for tensor in partly {
      let new = tensor.known < classes ? "; the other classes start anew" : ""
      kept["\(tensor.known) of \(classes) classes are known, of \(tensor.old) in the file\(new)", default: []]
        .append(tensor.name)
    }
    for (reason, names) in kept.sorted(by: { $0.key < $1.key }) {
      lines.append("initial weights: \(Self.list(names)): \(reason)")
    }
    if !anew.isEmpty {
      let reasons = anew.reduce(into: [String]()) { if !$0.contains($1.reason) { $0.append($1.reason) } }
      let groups = reasons.map { reason in
        "\(Self.list(layers(anew.filter { $0.reason == reason }.map(\.name)))) (\(reason))"
      }
      lines.append("initial weights: start anew: \(groups.joined(separator: "; "))")
    }
    if !unknown.isEmpty { lines.append("initial weights: not in this network: \(Self.list(unknown))") }
    return lines
  }

  /// The tensors, with the name of a layer in place of those of all its tensors.
  private func layers(_ tensors: [String]) -> [String] {
    let some = Set(tensors)
    var result: [String] = []
    for tensor in tensors {
      let layer = Self.layer(of: tensor)
      let all = names.filter { Self.layer(of: $0) == layer }
      let name = all.count > 1 && all.allSatisfy(some.contains) ? layer : tensor
      if !result.contains(name) { result.append(name) }
    }
    return result
  }

  private static func layer(of tensor: String) -> String {
    tensor.split(separator: ".").dropLast().joined(separator: ".")
  }

  private static func list(_ names: [String]) -> String {
    let more = names.count - mostNames
    return names.prefix(mostNames).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }
}
