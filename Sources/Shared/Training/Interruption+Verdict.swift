import Platform
import Transport

extension Interruption {
  /// What to report of an error that ended a run: the user's wish comes before whatever came of it, so that console,
  /// exit code and log agree.
  package func verdict(on error: any Error) -> any Error { isRequested ? InterruptedError() : error.orInterruption }
}

extension Error {
  /// What to report: the user's interruption where it cancelled a call (nothing else does), else the error itself.
  package var orInterruption: any Error { self as? ConnectionError == .cancelled ? InterruptedError() : self }
}
