import Datasets

extension ImageTask {
  /// Checks that other images have this shape and these classes; how they are normalized does not matter.
  ///
  /// - Parameters:
  ///   - other: of images that somebody has given.
  ///   - owner: what this task is of, for the error.
  /// - Throws: `ConfigurationError` naming what differs.
  package func requireClasses(of other: ImageTask, _ owner: String) throws(ConfigurationError) {
    guard other.shape == shape else {
      throw ConfigurationError("\(owner) are for images of \(shape), but these are of \(other.shape)")
    }
    guard other.classes == classes else {
      throw ConfigurationError(
        "\(owner) are for \(classes) classes, but the images have \(other.classes); give the run's own with --data")
    }
    guard !classNames.isEmpty, !other.classNames.isEmpty else { return }
    if let (expected, actual) = zip(classNames, other.classNames).first(where: { $0 != $1 }) {
      throw ConfigurationError("\(owner) are for the class \(expected), where the images have the class \(actual)")
    }
  }
}
