import ArgumentParser
import CommandLineSupport
import Datasets

extension CIFAR100.Labels: ExpressibleByArgument {}
extension NormalizationFigures: ExpressibleByArgument {}

/// Which images are used.
struct DataOptions: ParsableArguments {
  static let kinds = DatasetKind.allCases.filter { $0 != .synthetic }.map(\.rawValue).joined(separator: ", ")

  @Option(
    help: ArgumentHelp(
      """
      Folder of images: CIFAR-10 or CIFAR-100 in their binary format, train/<class>/ and test/<class>/ with JPEG or \
      PNG files, Tiny ImageNet; or "synthetic" for drawn images. kind:dir if it is not recognized (\(Self.kinds)). \
      (default: $CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin)
      """, valueName: "dir|synthetic"), completion: .directory)
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Use the first <n> training images only. (default: all; synthetic: 10000)", valueName: "n"))
  var trainLimit: Int?

  @Option(
    help: ArgumentHelp("Use the first <n> test images only. (default: all; synthetic: 2000)", valueName: "n"))
  var testLimit: Int?

  @OptionGroup var dataset: DatasetOptions

  var source: ImageSource { get throws { try ImageSource(option: data, settings: dataset.settings) } }

  func validate() throws {
    if data == "" { throw ValidationError("--data is empty: expected a folder, or synthetic") }
    for (option, limit) in [("--train-limit", trainLimit), ("--test-limit", testLimit)] {
      if let limit, limit < 1 { throw ValidationError("\(option) \(limit) is out of range: at least 1") }
    }
  }
}

/// What the images of a data set become.
struct DatasetOptions: ParsableArguments {
  @OptionGroup var size: ImageSizeOption

  @Option(
    help: ArgumentHelp(
      "Use the images of the first <n> classes only; with synthetic data, draw so many. (default: all; synthetic: 10)",
      valueName: "n"))
  var classes: Int?

  @Option(
    help: ArgumentHelp("CIFAR-100: its 100 fine classes or its 20 coarse ones. (default: fine)", valueName: "which"))
  var labels: CIFAR100.Labels?

  @Option(
    help: ArgumentHelp(
      "Image folders without test or val: keep this part of train for testing, chosen by the files' names.",
      valueName: "x"))
  var testFraction: Double?

  @Option(
    help: ArgumentHelp(
      """
      Mean and deviation that the values are normalized with: those of the data, of cifar10 or of imagenet, which \
      torchvision's weights expect. (default: data)
      """, valueName: "which"))
  var normalization: NormalizationFigures?

  @Flag(help: "Leave out image files that cannot be read, instead of ending.")
  var skipUnreadable = false

  var settings: DatasetSettings {
    var settings = DatasetSettings()
    settings.imageSize = size.imageSize
    settings.classes = classes
    settings.labels = labels ?? .fine
    settings.testFraction = testFraction
    settings.normalization = normalization ?? .data
    settings.skipsUnreadable = skipUnreadable
    return settings
  }

  func validate() throws {
    try ClassesOption.check(classes)
    if let testFraction, !(testFraction > 0 && testFraction < 1) {
      throw ValidationError("--test-fraction \(testFraction) is out of range: more than 0, less than 1")
    }
  }
}

/// How large the images are that a network sees.
struct ImageSizeOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Pixels of a side that image files are resized to, and synthetic images are drawn with, \
      \(ImageSize.range.lowerBound) to \(ImageSize.range.upperBound). (default: \(ImageSize.standard); Tiny ImageNet: 64)
      """, valueName: "n"))
  var imageSize: Int?

  func validate() throws {
    if let imageSize, !ImageSize.range.contains(imageSize) {
      throw ValidationError(
        "--image-size \(imageSize) is out of range: \(ImageSize.range.lowerBound) to \(ImageSize.range.upperBound)")
    }
  }
}

/// How many classes a network tells apart, where there are no images that say so.
struct ClassesOption: ParsableArguments {
  @Option(help: ArgumentHelp("Classes that the network tells apart. (default: 10)", valueName: "n"))
  var classes: Int?

  func validate() throws { try Self.check(classes) }

  static func check(_ classes: Int?) throws {
    if let classes, !ImageTask.classCounts.contains(classes) {
      throw ValidationError(
        "--classes \(classes) is out of range: \(ImageTask.classCounts.lowerBound) to \(ImageTask.classCounts.upperBound)"
      )
    }
  }
}
