import Compute

/// What there is to learn: images of one shape, each of one of several classes. Whoever opens images knows it, and the
/// configuration of a run tells it to the other side.
package struct ImageTask: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Of an image, whose values are bytes.
  package let shape: FeatureShape
  /// In `classCounts`.
  package let classes: Int
  /// [channels], of values from 0 to 1.
  package let mean: [Float]
  /// [channels], of values from 0 to 1: the standard deviation, more than 0.
  package let deviation: [Float]
  /// [classes], or empty if the classes have numbers only.
  package let classNames: [String]

  private enum CodingKeys: String, CodingKey {
    case shape, classes, mean, deviation
    /// Absent if they have none.
    case classNames = "class_names"
  }

  package init(shape: FeatureShape, classes: Int, mean: [Float], deviation: [Float], classNames: [String] = []) {
    self.shape = shape
    self.classes = classes
    self.mean = mean
    self.deviation = deviation
    self.classNames = classNames
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      shape: try values.decode(FeatureShape.self, forKey: .shape),
      classes: try values.decode(Int.self, forKey: .classes),
      mean: try values.decode([Float].self, forKey: .mean),
      deviation: try values.decode([Float].self, forKey: .deviation),
      classNames: try values.decodeIfPresent([String].self, forKey: .classNames) ?? [])
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(shape, forKey: .shape)
    try values.encode(classes, forKey: .classes)
    try values.encode(mean, forKey: .mean)
    try values.encode(deviation, forKey: .deviation)
    if !classNames.isEmpty { try values.encode(classNames, forKey: .classNames) }
  }

  /// How many classes there may be: a label has two bytes.
  package static let classCounts = 2...65_535

  /// How many bytes of UTF-8 a class's name may have.
  package static let classNameBytes = 1...255

  /// Of one image.
  package var imageBytes: Int { shape.values }

  /// What people call a class: its name, or its number.
  package func name(of label: Int) -> String { label < classNames.count ? classNames[label] : "\(label)" }

  package var description: String { "\(shape), \(classes) classes, mean \(mean), deviation \(deviation)" }

  /// The first `classes` classes alone.
  package func limited(to classes: Int) -> ImageTask {
    ImageTask(
      shape: shape, classes: classes, mean: mean, deviation: deviation, classNames: Array(classNames.prefix(classes)))
  }

  /// CIFAR-10. Mean and deviation are those of all pixels of the 50,000 training images: the figures in general use,
  /// taken over and not computed from the files that are opened.
  package static let cifar10 = ImageTask(
    shape: FeatureShape(height: Canvas.height, width: Canvas.width, channels: Canvas.channels), classes: 10,
    mean: [0.4914, 0.4822, 0.4465], deviation: [0.2470, 0.2435, 0.2616],
    classNames: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])

  /// Images that are drawn in CIFAR-10's place.
  package static let synthetic = SyntheticImages.task(size: Canvas.height, classes: SyntheticClass.allCases.count)

  /// That of a run whose configuration has none, by the name of its data.
  package static func standard(data: String) -> ImageTask { data == "synthetic" ? .synthetic : .cifar10 }
}

/// The shape of CIFAR-10's images, as numbers known when compiled: the loops that draw such images are twice as fast.
enum Canvas {
  static let height = 32
  static let width = 32
  static let channels = 3
  /// Pixels.
  static let positions = height * width
}
