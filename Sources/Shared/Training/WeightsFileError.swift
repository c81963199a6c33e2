import Platform
import Terminal

/// Why a file of weights does not fit, beyond what `SafetensorsError` says of its format, its names and its shapes.
package enum WeightsFileError: Error, Equatable, CustomStringConvertible {
  /// What the file says about itself is missing, or has another form.
  case metadata(path: String, field: String, expected: String, actual: String)
  /// The file says nothing about itself.
  case noMetadata(path: String, fields: [String])
  /// The file was written with another setting.
  case otherConfiguration(path: String, setting: String, expected: String, actual: String)
  /// The file holds a tensor that the network does not have.
  case unexpectedTensor(path: String, name: String)
  /// The file holds only a part of a network, and nothing can be computed without another one.
  case incomplete(path: String, holds: String, hint: String)
  /// A tensor holds a number that no training writes.
  case value(path: String, tensor: String, expected: String, actual: String)
  /// No tensor of the files is one of this side's.
  case nothingMatches(paths: String, role: Role, expected: String, actual: String)

  package var description: String {
    switch self {
    case .metadata(let path, let field, let expected, let actual):
      "\(path): \(field) is \(Self.shown(actual)), expected \(expected); "
        + "take a file that edge-trainer or cloud-trainer has written"
    case .noMetadata(let path, let fields):
      "\(path): its header has no __metadata__ with \(fields.joined(separator: ", ")): a tool that drops it has rewritten "
        + "the file; let it be kept: save_file(tensors, path, metadata=safe_open(original, \"pt\").metadata())"
    case .otherConfiguration(let path, let setting, let expected, let actual):
      "\(path): written with \(setting) \(Self.shown(actual)), expected \(expected); take the files of one run and one epoch"
    case .unexpectedTensor(let path, let name):
      "\(path): tensor \(Self.shown(name)) is not in the network of the file's configuration"
    case .incomplete(let path, let holds, let hint): "\(path): holds \(holds); \(hint)"
    case .nothingMatches(let paths, let role, let expected, let actual):
      "\(paths): nothing in it has the name and the shape of a tensor of \(role.rawValue)-trainer's part of the network: "
        + "found \(Self.shown(actual)) and so on, expected \(expected) and so on; "
        + "take weights of the same --architecture, with torchvision's names"
    case .value(let path, let tensor, let expected, let actual):
      "\(path): tensor \(tensor) holds \(actual), expected \(expected)"
    }
  }

  /// Text from a file, fit for one line.
  private static func shown(_ text: String) -> String {
    let line = Formatting.singleLine(String(text.prefix(80)))
    return text.count > 80 ? line + "…" : line
  }
}
