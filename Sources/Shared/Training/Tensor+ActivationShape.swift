import Compute
import Transport

extension ActivationShape {
  /// The shape on the wire of so many images' features.
  package init(_ shape: FeatureShape, count: Int) {
    self.init(count: count, height: shape.height, width: shape.width, channels: shape.channels)
  }
}

extension Tensor {
  /// The shape as the codec has it.
  package var activationShape: ActivationShape { ActivationShape(shape, count: count) }
}
