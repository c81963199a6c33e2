import Datasets
import NeuralNetwork
import Transport

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
  case peerInterrupted(peer: String)

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

extension Role {
  /// An error's text as this side reports it: the other side is called by its name instead of "the peer".
  package func text(of error: any Error) -> String {
    "\(error)".replacing("the peer", with: self == .edge ? "the cloud" : "the edge")
  }
}

extension Message {
  /// What the other side is told when an error ends the run; nil if it was the other side that ended it.
  init?(lastWordFor error: any Error, of role: Role) {
    switch error {
    case is InterruptedError: self = .goodbye(Goodbye(reason: .interrupted))
    case is Failure, TrainingError.peerInterrupted: return nil
    default:
      // A way out by an option of this side is none for the other.
      let reason = (error as? RunDirectoryError)?.problem ?? role.text(of: error)
      self = .failure(Failure(code: RunExit(error).failureCode, reason: reason))
    }
  }
}

extension RunExit {
  /// The exit code for an error that ended a run.
  package init(_ error: any Error) {
    switch error {
    case is InterruptedError, ConnectionError.cancelled: self = .interrupted
    case is ConfigurationError, is ShapeError, CodecError.unsupportedBits, CodecError.unsupportedFullScale,
      is EndpointError, is NothingLeftError:
      self = .usage
    case is DatasetError, is SafetensorsError, is CheckpointError: self = .data
    case CodecError.nonFinite, TrainingError.diverged, TrainingError.divergedInEvaluation,
      TrainingError.nonFiniteFeatures, TrainingError.nonFiniteGradient:
      self = .diverged
    case is RefusedError: self = .refused
    case is ProtocolVersionError, is WireError, is LedgerMismatchError, is CodecError,
      TrainingError.notATrainer:
      self = .protocolError
    case let error as RunDirectoryError: self = error.exit
    case let failure as Failure: self = Self(failureCode: failure.code)
    case let rejected as RejectedClientError: self = Self(rejected.cause)
    case let failed as FailedSessionsError: self = Self(failed.last)
    default: self = .link
    }
  }

  /// The code under which the other side is told of a failure.
  package var failureCode: String {
    switch self {
    case .success: "completed"
    case .usage: "configuration"
    case .data: "data"
    case .link: "link"
    case .diverged: "diverged"
    case .cannotCreateRun, .cannotWriteRun: "storage"
    case .refused: "refused"
    case .protocolError: "protocol"
    case .interrupted: "interrupted"
    }
  }

  /// The exit code for a failure that the other side told of: what it says about the run, or that the peer has gone.
  private init(failureCode: String) {
    let shared: [RunExit] = [.diverged, .protocolError]
    self = shared.first { $0.failureCode == failureCode } ?? .link
  }
}
