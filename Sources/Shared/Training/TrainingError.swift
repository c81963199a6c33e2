import Platform

/// What ends a run early on either side, apart from the errors of the modules below.
package enum TrainingError: Error, Equatable, CustomStringConvertible {
  /// The loss of a step is not a number, or infinite.
  case diverged(step: Int, loss: Double)
  /// The loss of a test batch, after this many steps, is not a number, or infinite.
  case divergedInEvaluation(step: Int, loss: Double)
  /// The features at the cut hold a value that is not finite.
  case nonFiniteFeatures(step: Int, reason: String)
  /// The gradient with respect to the features holds a value that is not finite.
  case nonFiniteGradient(step: Int, reason: String)
  /// Whoever answers at the cloud's address does not speak this protocol.
  case notATrainer(address: String, reason: String)
  /// The other side was ended by its user.
  case peerInterrupted(peer: Role)

  package var description: String {
    switch self {
    case .diverged(let step, let loss):
      "training diverged: the loss of step \(step) is \(Self.text(loss)); try a smaller --learning-rate"
    case .divergedInEvaluation(let step, let loss):
      "training diverged: the loss of a test batch after step \(step) is \(Self.text(loss)); try a smaller --learning-rate"
    case .nonFiniteFeatures(let step, let reason):
      "training diverged: the features of step \(step) are not finite (\(reason)); try a smaller --learning-rate"
    case .nonFiniteGradient(let step, let reason):
      "training diverged: the gradient of the features of step \(step) is not finite (\(reason)); try a smaller --learning-rate"
    case .notATrainer(let address, let reason): "no cloud-trainer at \(address): \(reason)"
    case .peerInterrupted(let peer): "the \(peer) was interrupted by its user"
    }
  }

  /// Without the sign that not-a-number may have.
  private static func text(_ loss: Double) -> String { loss.isNaN ? "nan" : "\(loss)" }
}
