import ArgumentParser
import Datasets
import Logging
import Platform
import Terminal
import Training

/// Where the images come from: the value of `--data`, or its default.
package struct ImageSource: Equatable, Sendable, CustomStringConvertible {
  package let kind: DatasetKind
  /// Empty for synthetic images.
  package let directory: String
  package let settings: DatasetSettings

  /// - Parameters:
  ///   - option: the value of `--data`, a directory, `kind:directory` or `synthetic`; nil means `$CIFAR10_DIR`, or, if
  ///     that is not set, `~/.cache/cifar-10-batches-bin`, where `scripts/run-local.sh` puts its download.
  ///   - settings: what is wanted of it.
  /// - Throws: `ValidationError` if the user has no home, or for settings that the kind has no use for.
  package init(option: String?, settings: DatasetSettings = DatasetSettings()) throws {
    let option = try option ?? Self.defaultDirectory()
    if let (kind, path) = Self.named(option) {
      (self.kind, directory) = (kind, path)
    } else {
      (kind, directory) = option == "synthetic" ? (.synthetic, "") : (DatasetKind.recognize(option), option)
    }
    self.settings = settings
    try check()
  }

  /// The parts of `kind:directory`; nil for anything else.
  private static func named(_ option: String) -> (DatasetKind, String)? {
    guard let colon = option.firstIndex(of: ":"), let kind = DatasetKind(rawValue: String(option[..<colon])),
      kind != .synthetic
    else { return nil }
    return (kind, String(option[option.index(after: colon)...]))
  }

  private func check() throws {
    func require(_ holds: Bool, _ option: String, _ kinds: String) throws {
      if !holds { throw ValidationError("\(option): these images are \(kind.rawValue); it is for \(kinds)") }
    }
    let hasSize = kind.isMadeOfFiles || kind == .synthetic
    try require(settings.imageSize == nil || hasSize, "--image-size", "image files, and synthetic images")
    try require(settings.labels == .fine || kind == .cifar100, "--labels coarse", "cifar100")
    try require(
      settings.testFraction == nil || kind == .folder, "--test-fraction", "folders without a part for testing")
    try require(!settings.skipsUnreadable || kind.isMadeOfFiles, "--skip-unreadable", "image files")
  }

  /// What config.json calls it.
  package var name: String { kind.rawValue }

  /// The value of `--data` that gives the same source from any directory.
  package var option: String {
    guard kind != .synthetic else { return "synthetic" }
    let path = Self.resolved(directory)
    // What is in the directory tells the kind, unless somebody has to.
    return DatasetKind.recognize(path) == kind && Self.named(path) == nil ? path : "\(kind.rawValue):\(path)"
  }

  package var description: String {
    switch kind {
    case .synthetic: "synthetic data"
    case .cifar10: "CIFAR-10 in \(directory)"
    case .cifar100: "CIFAR-100 in \(directory)"
    case .folder: "image folders in \(directory)"
    case .tinyImageNet: "Tiny ImageNet in \(directory)"
    }
  }

  /// What the images will be, as far as it is known before any is opened: of image files the size.
  package var expectedTask: ImageTask {
    var task: ImageTask
    switch kind {
    case .cifar10: task = .cifar10
    case .cifar100: task = CIFAR100.task(settings.labels)
    case .synthetic, .folder, .tinyImageNet:
      task = SyntheticImages.task(
        size: settings.imageSize ?? kind.imageSize, classes: settings.classes ?? ImageTask.synthetic.classes)
    }
    if let classes = settings.classes, classes < task.classes { task = task.limited(to: classes) }
    return settings.normalization.normalizing(task)
  }

  /// What opening the images takes beside the source.
  package struct Work {
    let threads: Int
    let interruption: Interruption
    let logger: Logger

    package init(threads: Int, _ interruption: Interruption, _ logger: Logger) {
      self.threads = threads
      self.interruption = interruption
      self.logger = logger
    }
  }

  /// Opens both parts, which are decoded first if they are image files that were not decoded before, and says what they
  /// are.
  ///
  /// - Parameters:
  ///   - trainLimit: the number of training images; nil for all.
  ///   - testLimit: the number of test images; nil for all.
  ///   - testOption: the option that gave it; nil if none did, so that fewer are no error.
  ///   - seed: of the images that are drawn.
  /// - Throws: `DatasetError`, `FileError`, `InterruptedError`; `ValidationError` for more images than there are.
  package func open(
    trainLimit: Int? = nil, testLimit: Int?, testOption: String? = "--test-limit", seed: UInt64, _ work: Work
  ) throws -> (train: any LabeledImages, test: any LabeledImages) {
    guard kind != .synthetic else {
      let task = expectedTask
      return (
        SyntheticImages(split: .train, count: trainLimit ?? SyntheticImages.defaultTrainCount, seed: seed, task: task),
        SyntheticImages(split: .test, count: testLimit ?? SyntheticImages.defaultTestCount, seed: seed, task: task)
      )
    }
    let dataset = try open(work)
    if let unreadable = dataset.cache?.unreadable, let first = unreadable.first {
      work.logger.warning(
        "\(Formatting.count(unreadable.count, "image")) left out, among them \(Formatting.singleLine("\(first)"))")
    }
    let train = try Self.limited(dataset.train, trainLimit, "--train-limit", "training")
    if let trainLimit, trainLimit < dataset.train.count { Self.warn(ofClassesMissingIn: train, work.logger) }
    guard let testOption else {
      return (train, try dataset.test.limited(to: min(testLimit ?? .max, dataset.test.count)))
    }
    return (train, try Self.limited(dataset.test, testLimit, testOption, "test"))
  }

  /// The first images of a folder may be of few classes: they are in the order of the files' names.
  private static func warn(ofClassesMissingIn images: any LabeledImages, _ logger: Logger) {
    let missing = images.countsByClass().enumerated().filter { $0.element == 0 }.map { images.task.name(of: $0.offset) }
    guard let first = missing.first else { return }
    logger.warning(
      """
      the first \(Formatting.count(images.count, "training image")) have none of \
      \(Formatting.count(missing.count, "class", "classes")) of \(images.task.classes), among them \
      \(Formatting.singleLine(first)); take a larger --train-limit
      """)
  }

  /// Opens the whole data set, which is not synthetic, and leaves it to the caller to tell what was left out.
  ///
  /// - Throws: as above.
  package func open(_ work: Work) throws -> OpenDataset {
    var cache = ImageCache.Settings(directory: kind.isMadeOfFiles ? try Self.cacheDirectory() : "")
    cache.threads = work.threads
    cache.interruption = work.interruption
    let progress = ProgressReporter()
    cache.progress = { done, all in progress.count("decoding images", "image", done: done, all: all) }
    defer { progress.finish() }
    let dataset = try kind.open(kind.isMadeOfFiles ? Self.resolved(directory) : directory, settings, cache: cache)
    if let made = dataset.cache, !made.wasThere { work.logger.info("decoded images are kept in \(made.path)") }
    return dataset
  }

  /// The path without links, from the root; as it is if there is nothing.
  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func limited(
    _ images: any LabeledImages, _ limit: Int?, _ option: String, _ part: String
  ) throws -> any LabeledImages {
    guard let limit else { return images }
    guard (1...images.count).contains(limit) else {
      throw ValidationError("\(option) \(limit) is out of range: 1 to \(images.count), all \(part) images there are")
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

  private static func cacheDirectory() throws -> String {
    guard let base = HomeFolder.base("XDG_CACHE_HOME", otherwise: ".cache") else {
      throw ValidationError("no home, so no place for decoded images; set HOME or XDG_CACHE_HOME to a folder")
    }
    return "\(base)/hierarchical-trainer"
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
