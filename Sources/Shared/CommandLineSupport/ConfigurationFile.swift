import Datasets
import Platform
import Training

/// The file of `train --config`, which stands for the options that it names.
package enum ConfigurationFile {
  /// The arguments of the program, with the options of the file that `train --config` names before those that are
  /// given, which so win.
  ///
  /// - Parameter options: those of `train`.
  /// - Throws: `ConfigurationFileError`.
  package static func expanding(_ arguments: [String], options: @autoclosure () -> Set<String>) throws -> [String] {
    guard arguments.first == "train", !arguments.contains("--help"), !arguments.contains("-h") else { return arguments }
    let paths = files(of: arguments)
    guard let path = paths.first else { return arguments }
    if paths.count > 1 {
      throw ConfigurationFileError("--config \(paths.joined(separator: ", --config ")): expected one file", .usage)
    }
    let known = options().subtracting(["--config", "--help", "--version"])
    return ["train"] + (try read(path, known, beside: Set(arguments.map(optionName)))) + arguments.dropFirst()
  }

  /// What `--config` says; nothing where it has no value, which the parser complains about.
  private static func files(of arguments: [String]) -> [String] {
    arguments.enumerated().compactMap { index, argument in
      if argument == "--config" { return arguments.dropFirst(index + 1).first }
      return argument.hasPrefix("--config=") ? String(argument.dropFirst("--config=".count)) : nil
    }
  }

  /// "--bits" of "--bits=4".
  private static func optionName(_ argument: String) -> String {
    argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
  }

  /// The longest text that is taken from a pipe: more than the names of as many classes as there can be.
  private static let maximumBytes = 64 << 20
  /// Seconds in which whoever writes a pipe has to write something.
  private static let patience = 10.0

  /// The options that a file names.
  ///
  /// - Parameters:
  ///   - known: the options that it may name.
  ///   - given: the options of the command line.
  private static func read(_ path: String, _ known: Set<String>, beside given: Set<String>) throws -> [String] {
    let expected = "expected a JSON object of options, as config.json of a run"
    let bytes: [UInt8]
    do { bytes = try InputFile.contents(of: path, limit: maximumBytes, patience: patience) } catch {
      throw ConfigurationFileError("--config \(path): \(error); \(expected)")
    }
    guard let outline = JSONOutline(bytes), outline.values[0].kind == .object else {
      throw ConfigurationFileError("--config \(path): it is no JSON object; \(expected)")
    }
    if let name = outline.repeatedPath {
      throw ConfigurationFileError("--config \(path): \(name.joined(separator: ".")) is there twice; \(expected)")
    }
    var left = given.reduce(into: ignored) { $0.formUnion(replaced[$1] ?? []) }
    // Another run is another one.
    if outline.members.contains(where: { $0.name == "role" }) { left.insert("name") }
    return try outline.members.filter { !left.contains($0.name) }.flatMap { try arguments(for: $0, known, in: path) }
  }

  /// What the images tell, and what nobody chooses: another run has a number of its own.
  private static let ignored: Set = ["role", "run_id", "task"]

  /// What is not taken from the file where an option of the command line does not go with it.
  private static let replaced: [String: Set<String>] = {
    let certificates: Set = ["tls_certificate", "tls_key", "tls_authority"]
    let local: Set = ["local", "one_core_each", "cloud_run_dir"]
    return [
      "--cloud": local.union(["offline"]),
      "--local": certificates.union(["cloud", "offline", "tls", "wait", "send_weights"]),
      "--offline": local.union(["cloud", "wait"]), "--wait": ["offline"],
      "--one-core-each": ["threads"], "--threads": ["one_core_each"],
      "--tls": ["insecure"], "--insecure": certificates.union(["tls"]),
      // How many there were of others.
      "--data": ["data", "train_images", "test_images"],
      // It is that of the bits and the scale, unless somebody sets it.
      "--bits": ["full_scale"], "--scale": ["full_scale"],
    ]
  }()

  private static func arguments(for member: JSONOutline.Member, _ known: Set<String>, in path: String) throws
    -> [String]
  {
    let option = "--" + (names[member.name] ?? member.name.replacing("_", with: "-"))
    guard known.contains(option) else {
      throw ConfigurationFileError(
        "--config \(path): \(member.name) is no option of train; expected one of 'edge-trainer train --help', with _ for -"
      )
    }
    switch member.kind {
    case .word: return member.text == "true" ? [option] : []
    case .number: return ["\(option)=\(withoutExponent(member.text))\(units[member.name] ?? "")"]
    case .string where member.name == "data": return ["\(option)=\(try data(member.text, in: path))"]
    case .string: return ["\(option)=\(member.text)"]
    case .array, .object:
      throw ConfigurationFileError(
        "--config \(path): \(member.name) is \(member.kind == .array ? "an array" : "an object"); expected a string, a number, true or false"
      )
    }
  }

  /// The cloud's config.json, and that of an earlier version, tell what kind of images there were, and not where.
  private static func data(_ text: String, in path: String) throws -> String {
    guard text != DatasetKind.synthetic.rawValue, DatasetKind(rawValue: text) != nil, access(text, F_OK) != 0 else {
      return text
    }
    throw ConfigurationFileError(
      "--config \(path): data is \(text), which is no folder; say where the images are, with --data")
  }

  /// "0.00005" of "5e-05": an option's number has a unit behind it, and no exponent.
  static func withoutExponent(_ number: String) -> String {
    let parts = number.lowercased().split(separator: "e").map(String.init)
    guard parts.count == 2, let exponent = Int(parts[1]), abs(exponent) <= 30 else { return number }
    let sign = parts[0].hasPrefix("-") ? "-" : ""
    let digits = parts[0].drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let (whole, fraction) = (digits[0], digits.count > 1 ? digits[1] : "")
    let all = String(repeating: "0", count: 31) + whole + fraction + String(repeating: "0", count: 31)
    let point = all.index(all.startIndex, offsetBy: 31 + whole.count + exponent)
    let before = all[..<point].drop { $0 == "0" }
    let after = all[point...].prefix(through: all[point...].lastIndex { $0 != "0" } ?? point)
    return sign + (before.isEmpty ? "0" : before) + "." + after
  }

  private static let names = ["train_images": "train-limit", "test_images": "test-limit"]
  private static let units = ["link_rate": "bit", "link_delay": "s"]
}

/// What `--config` says cannot be taken.
package struct ConfigurationFileError: ClassifiedError, CustomStringConvertible {
  package let description: String
  package let kind: ErrorKind

  init(_ description: String, _ kind: ErrorKind = .data) { (self.description, self.kind) = (description, kind) }
}
