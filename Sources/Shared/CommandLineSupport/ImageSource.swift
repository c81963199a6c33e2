import ArgumentParser
import Datasets
import Platform

/// Where the images come from: the value of `--data`, or its default.
package enum ImageSource: Equatable, Sendable, CustomStringConvertible {
  /// Drawn by the program.
  case synthetic
  /// CIFAR-10 in its binary format, in this folder.
  case cifar10(directory: String)

  /// - Parameter option: the value of `--data`; nil means `$CIFAR10_DIR`, or, if that is not set,
  ///   `~/.cache/cifar-10-batches-bin`, where `scripts/run-local.sh` puts its download.
  /// - Throws: `ValidationError` if the user has no home.
  package init(option: String?) throws {
    switch option {
    case "synthetic": self = .synthetic
    case let directory?: self = .cifar10(directory: directory)
    case nil: self = .cifar10(directory: try Self.defaultDirectory())
    }
  }

  /// What config.json calls it.
  package var name: String {
    switch self {
    case .synthetic: "synthetic"
    case .cifar10: "cifar10"
    }
  }

  /// The value of `--data` that gives the same source from any directory.
  package var option: String {
    switch self {
    case .synthetic: "synthetic"
    case .cifar10(let directory):
      realpath(directory, nil).map { path in
        defer { free(path) }
        return String(cString: path)
      } ?? directory
    }
  }

  package var description: String {
    switch self {
    case .synthetic: "synthetic data"
    case .cifar10(let directory): "CIFAR-10 in \(directory)"
    }
  }

  /// Opens both parts.
  ///
  /// - Parameters:
  ///   - trainLimit: the number of training images; nil for all.
  ///   - testLimit: the number of test images; nil for all.
  ///   - testOption: the option that gave it.
  ///   - seed: of the images that are drawn.
  /// - Returns: the training and the test images.
  /// - Throws: `DatasetError`; `ValidationError` for more images than there are.
  package func open(
    trainLimit: Int? = nil, testLimit: Int?, testOption: String = "--test-limit", seed: UInt64
  ) throws -> (train: any LabeledImages, test: any LabeledImages) {
    switch self {
    case .synthetic:
      return (
        SyntheticImages(split: .train, count: trainLimit ?? SyntheticImages.defaultTrainCount, seed: seed),
        SyntheticImages(split: .test, count: testLimit ?? SyntheticImages.defaultTestCount, seed: seed)
      )
    case .cifar10(let directory):
      let (train, test) = try CIFAR10.open(directory: directory)
      return (
        try Self.limited(train, trainLimit, "--train-limit", "training"),
        try Self.limited(test, testLimit, testOption, "test")
      )
    }
  }

  private static func limited(
    _ images: any LabeledImages, _ limit: Int?, _ option: String, _ part: String
  ) throws -> any LabeledImages {
    guard let limit else { return images }
    guard (1...images.count).contains(limit) else {
      throw ValidationError(
        "\(option) \(limit) is out of range: 1 to \(images.count), all \(part) images of CIFAR-10")
    }
    return try images.limited(to: limit)
  }

  private static func defaultDirectory() throws -> String {
    if let directory = environment("CIFAR10_DIR") { return directory }
    guard let home = HomeFolder.path() else {
      throw ValidationError(
        "HOME is \(environment("HOME") ?? "not set"), expected a folder, and the user database has none for user "
          + "\(getuid()); set HOME, or say where the images are, with --data or CIFAR10_DIR")
    }
    return home + "/.cache/cifar-10-batches-bin"
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
