import Platform
import RunFiles
import Transport

extension Role {
  /// An error's text as this side reports it: the other side is called by its name instead of "the peer".
  package func text(of error: any Error) -> String {
    (error as? any PeerNamingError)?.description(peer: "the \(peer)") ?? "\(error)"
  }
}

extension Message {
  /// What the other side is told when an error ends the run; nil if it was the other side that ended it.
  package init?(lastWordFor error: any Error, of role: Role) {
    switch error {
    case is InterruptedError: self = .goodbye(Goodbye(reason: .interrupted))
    case is Failure, TrainingError.peerInterrupted: return nil
    default:
      // A way out by an option of this side is none for the other.
      let problem = (error as? RunDirectoryError)?.problem ?? (error as? FileError)?.problem
      let reason = problem ?? role.text(of: error)
      self = .failure(Failure(code: ErrorKind(error).failureCode, reason: reason))
    }
  }
}
