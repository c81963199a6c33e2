/// The shape of an activation tensor, float32, NHWC, contiguous: `[count, height, width, channels]`.
package struct ActivationShape: Hashable, Sendable, CustomStringConvertible {
  /// Images in the batch.
  package let count: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Values in the tensor.
  package let valueCount: Int

  /// Every side is at least 1, and the number of values fits an `Int`.
  package init(count: Int, height: Int, width: Int, channels: Int) {
    precondition(
      count > 0 && height > 0 && width > 0 && channels > 0,
      "activation shape \(count)×\(height)×\(width)×\(channels) has an empty side")
    self.count = count
    self.height = height
    self.width = width
    self.channels = channels
    valueCount = count * height * width * channels
  }

  package var description: String { "\(count)×\(height)×\(width)×\(channels)" }
}
