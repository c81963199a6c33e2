import NeuralNetwork
import Transport

/// What is used where nobody says otherwise. The options' help is made of it, and README's table is checked against it.
package enum Defaults {
  package static let strategy = Strategy.hierarchical
  package static let architecture = Architecture.vgg8
  package static let cut = 2
  package static let exitHead = ExitHead.deep
  package static let bits = 4
  package static let scale = ScaleGranularity.tensor
  package static let compression = ActivationCompression.none
  package static let window = 4
  package static let epochs = 10
  package static let batchSize = 128
  package static let learningRate: Float = 0.1
  package static let momentum: Float = 0.9
  package static let weightDecay: Float = 5e-4
  package static let labelSmoothing = 0.0
  package static let schedule = LearningRateSchedule.oneCycle
  package static let seed: UInt64 = 0
  package static let keptWeights = KeptWeights.last
  /// Seconds.
  package static let checkpointInterval = 60.0
}
