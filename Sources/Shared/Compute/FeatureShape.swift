/// The shape of one image's features: `height × width × channels`, stored channels-last (NHWC).
package struct FeatureShape: Hashable, Sendable, Codable, CustomStringConvertible {
  package var height: Int
  package var width: Int
  package var channels: Int

  package init(height: Int, width: Int, channels: Int) {
    precondition(height > 0 && width > 0 && channels > 0, "empty shape \(height)x\(width)x\(channels)")
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// A vector of `channels` values, as a linear layer has it.
  package init(channels: Int) { self.init(height: 1, width: 1, channels: channels) }

  /// Pixels of one image: `height · width`.
  package var positions: Int { height * width }

  /// Values of one image: `height · width · channels`.
  package var values: Int { positions * channels }

  package var description: String { "\(height)x\(width)x\(channels)" }
}
