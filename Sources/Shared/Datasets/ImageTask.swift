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

  package init(shape: FeatureShape, classes: Int, mean: [Float], deviation: [Float]) {
    self.shape = shape
    self.classes = classes
    self.mean = mean
    self.deviation = deviation
  }

  /// How many classes there may be: a label has two bytes.
  package static let classCounts = 2...65_535

  /// Of one image.
  package var imageBytes: Int { shape.values }

  package var description: String { "\(shape), \(classes) classes, mean \(mean), deviation \(deviation)" }

  /// CIFAR-10, and images that are drawn in its place. Mean and deviation are those of all pixels of the 50,000
  /// training images: the figures in general use, taken over and not computed from the files that are opened.
  package static let cifar10 = ImageTask(
    shape: FeatureShape(height: Canvas.height, width: Canvas.width, channels: Canvas.channels), classes: 10,
    mean: [0.4914, 0.4822, 0.4465],
    deviation: [0.2470, 0.2435, 0.2616])
}

/// The shape of CIFAR-10's images, as numbers known when compiled: the loops that draw such images are twice as fast.
enum Canvas {
  static let height = 32
  static let width = 32
  static let channels = 3
  /// Pixels.
  static let positions = height * width
}
