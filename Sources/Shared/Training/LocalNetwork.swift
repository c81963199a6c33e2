import Compute
import NeuralNetwork

/// The parts of a run's network that a machine trains, all in one context of computing.
package struct LocalNetwork {
  private let configuration: RunConfiguration
  private let split: SplitNetwork
  private let context: ComputeContext

  /// Builds the layers; a part has memory and weights once it is asked for.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network, `ThreadError`.
  package init(_ configuration: RunConfiguration, compute: ComputeSettings) throws {
    self.configuration = configuration
    split = try SplitNetwork(configuration.network)
    context = try ComputeContext(compute)
  }

  /// The shape of one image's features at the cut.
  package var cutShape: FeatureShape { split.cutShape }

  /// From the image to the features at the cut.
  package func front() throws -> TrainedPart {
    try part(split.front, configuration.task.shape, isFrozen: configuration.freezesFront)
  }

  /// From the features at the cut to the logits of the early exit.
  package func exit() throws -> TrainedPart { try part(split.exit, split.cutShape) }

  /// From the features at the cut to the logits.
  package func rest() throws -> TrainedPart { try part(split.rest, split.cutShape) }

  /// From the image to the logits, without an exit.
  package func whole() throws -> TrainedPart {
    try part(Sequential(split.front.layers + split.rest.layers), configuration.task.shape)
  }

  private func part(_ layers: Sequential, _ input: FeatureShape, isFrozen: Bool = false) throws -> TrainedPart {
    try TrainedPart(
      layers, input: input, batchSize: configuration.batchSize, seed: configuration.seed,
      weightDecay: configuration.weightDecay, labelSmoothing: configuration.labelSmoothing, isFrozen: isFrozen,
      context: context)
  }
}
