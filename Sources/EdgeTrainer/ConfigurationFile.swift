import CommandLineSupport
import Datasets
import Platform
import Training

/// The file of `train --config`, which stands for the options that it names.
enum ConfigurationFile {
  /// The arguments of the program, with the options of the file that `train --config` names before those that are
  /// given, which so win.
  ///
  /// - Throws: `ConfigurationFileError`.
  static func expanding(_ arguments: [String]) throws -> [String] {
    guard arguments.first == "train", let path = file(of: arguments) else { return arguments }
    return ["train"] + (try options(of: path, beside: Set(arguments.map(optionName)))) + arguments.dropFirst()
  }

  /// What `--config` says; nil where it is not, or has no value, which the parser complains about.
  private static func file(of arguments: [String]) -> String? {
    for (index, argument) in arguments.enumerated() {
      if argument == "--config" { return arguments.dropFirst(index + 1).first }
      if argument.hasPrefix("--config=") { return String(argument.dropFirst("--config=".count)) }
    }
    return nil
  }

  /// "--bits" of "--bits=4".
  private static func optionName(_ argument: String) -> String {
    argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
  }

  /// - Parameter given: the options of the command line.
  private static func options(of path: String, beside given: Set<String>) throws -> [String] {
    let bytes: [UInt8]
    do { bytes = try FileOperations.live.contents(of: path) } catch {
      throw ConfigurationFileError(path, "\(error)", expected: "a JSON object of options, as config.json of a run")
    }
    guard let outline = JSONOutline(bytes), outline.values[0].kind == .object, outline.repeatedPath == nil else {
      throw ConfigurationFileError(
        path, "it is none, or has a name twice", expected: "a JSON object of options, as config.json of a run")
    }
    let left = given.reduce(into: Set<String>()) { $0.formUnion(replaced[$1] ?? []) }
    var options: [String] = []
    for member in outline.members where !ignored.contains(member.name) && !left.contains(member.name) {
      options += try arguments(for: member, in: path)
    }
    return options
  }

  /// What the data tells, and what it makes no sense to say twice.
  private static let ignored: Set = ["role", "task", "config"]

  /// What is not taken from the file where an option of the command line says something else about the same.
  private static let replaced: [String: Set<String>] = [
    "--cloud": ["local", "one_core_each", "offline"],
    "--local": ["cloud", "offline", "tls", "tls_certificate", "tls_key", "tls_authority"],
    "--offline": ["cloud", "local", "one_core_each"],
    "--data": ["data", "train_images", "test_images"],
    "--train-limit": ["train_images"],
    "--test-limit": ["test_images"],
    // A run has the full scale of its bits.
    "--bits": ["full_scale"],
  ]

  private static func arguments(for member: JSONOutline.Member, in path: String) throws -> [String] {
    let option = "--" + (names[member.name] ?? member.name.replacing("_", with: "-"))
    switch member.kind {
    case .word where member.text == "true": return [option]
    case .word: return []
    case .number: return ["\(option)=\(member.text)\(units[member.name] ?? "")"]
    case .string:
      // The cloud, and runs from before there was a command, tell the kind of the images only.
      let isKind = member.name == "data" && member.text != DatasetKind.synthetic.rawValue
      return isKind && DatasetKind(rawValue: member.text) != nil ? [] : ["\(option)=\(member.text)"]
    case .array, .object:
      throw ConfigurationFileError(path, "\(member.name) is none", expected: "a string, a number, true or false")
    }
  }

  private static let names = ["train_images": "train-limit", "test_images": "test-limit"]
  private static let units = ["link_rate": "bit", "link_delay": "s"]
}

/// The file of `--config` cannot be read.
struct ConfigurationFileError: ClassifiedError, CustomStringConvertible {
  let description: String
  var kind: ErrorKind { .data }

  init(_ path: String, _ problem: String, expected: String) {
    description = "--config \(path): \(problem); expected \(expected)"
  }
}
