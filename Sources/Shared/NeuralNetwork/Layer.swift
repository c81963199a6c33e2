import Compute

/// A differentiable part of a network, on batches in NHWC.
///
/// Life: `prepare` once, then any number of `forward`, each followed by at most one `backward`.
package protocol Layer: AnyObject {
  /// One line: kind and sizes.
  var description: String { get }

  /// What is trained, in the order of the network.
  var parameters: [Parameter] { get }

  /// What is kept but not trained (running statistics), in the order of the network.
  var statistics: [Parameter] { get }

  /// The shape that comes out for a shape that goes in.
  ///
  /// - Throws: `ShapeError` if the layer cannot take it.
  func outputShape(for input: FeatureShape) throws -> FeatureShape

  /// Multiplications of one image's forward pass, each with its addition; elementwise work is not counted.
  func multiplyAccumulates(for input: FeatureShape) throws -> Int

  /// The convolutions inside, with the shape of the features that each takes, for a shape that goes in.
  ///
  /// - Throws: `ShapeError` if the layer cannot take it.
  func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)]

  /// Allocates what `forward` and `backward` need for at most `maximumCount` images of the shape.
  func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws

  /// Computes the output, which the layer owns and keeps until the next `forward`.
  ///
  /// - Parameters:
  ///   - input: must stay as it is until `backward` has run, if it will.
  ///   - training: take batch statistics and keep what `backward` needs.
  func forward(_ input: Tensor, training: Bool) -> Tensor

  /// Writes (not adds) the gradient of each parameter, and gives the gradient of the input.
  ///
  /// - Parameters:
  ///   - outputGradient: the layer consumes it: it may overwrite it, return it, or release it.
  ///   - needsInputGradient: false skips that work, as for the first layer.
  /// - Returns: the input's gradient, which the caller consumes or releases; nil if not needed.
  func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor?
}

extension Layer {
  package var parameters: [Parameter] { [] }
  package var statistics: [Parameter] { [] }
  package func multiplyAccumulates(for input: FeatureShape) throws -> Int { 0 }
  package func convolutions(for input: FeatureShape) throws -> [(layer: Convolution, input: FeatureShape)] { [] }
}

/// A layer cannot take the features it would get.
package struct ShapeError: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
