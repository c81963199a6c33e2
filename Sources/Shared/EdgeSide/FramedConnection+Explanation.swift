import Training
import Transport

extension FramedConnection {
  /// An error that ended the connection, or what this side knows better: a cloud that has heard nothing can still be
  /// heard itself, and what was sent to it is lost.
  func explanation(of error: any Error) -> any Error {
    guard let failure = error as? Failure, failure.code == ErrorKind.link.failureCode else { return error }
    let bytes = bytesInFlight
    return bytes > 0 ? ConnectionError.notArriving(bytes: bytes) : error
  }
}
