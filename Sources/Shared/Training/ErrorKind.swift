import Datasets
import NeuralNetwork
import Platform
import RunFiles
import Transport
import Trust
import WeightFiles

/// The kinds of trouble that end a run: they decide a program's exit code, and what the other side is told.
package enum ErrorKind: CaseIterable, Sendable {
  case usage
  case data
  case link
  case diverged
  /// Of this program or its system: no further thread, or an error that should not happen.
  case system
  case cannotCreateRun
  case cannotWriteRun
  case refused
  case protocolError
  /// The sides do not trust each other.
  case untrusted
  case interrupted

  /// The kind of an error; one that no line of `ClassifiedError` knows is the program's own fault.
  package init(_ error: any Error) { self = (error as? any ClassifiedError)?.kind ?? .system }

  /// The code under which the other side is told of a failure.
  package var failureCode: String {
    switch self {
    case .usage: "configuration"
    case .data: "data"
    case .link: "link"
    case .diverged: "diverged"
    case .system: "system"
    case .cannotCreateRun, .cannotWriteRun: "storage"
    case .refused: "refused"
    case .protocolError: "protocol"
    case .untrusted: "untrusted"
    case .interrupted: "interrupted"
    }
  }
}

/// An error that knows what kind of trouble it is.
package protocol ClassifiedError: Error { var kind: ErrorKind { get } }

extension InterruptedError: ClassifiedError { package var kind: ErrorKind { .interrupted } }
extension ThreadError: ClassifiedError { package var kind: ErrorKind { .system } }
extension FileError: ClassifiedError { package var kind: ErrorKind { .cannotWriteRun } }
extension SystemError: ClassifiedError { package var kind: ErrorKind { .link } }
extension ShapeError: ClassifiedError { package var kind: ErrorKind { .usage } }
extension ConfigurationError: ClassifiedError { package var kind: ErrorKind { .usage } }
extension EndpointError: ClassifiedError { package var kind: ErrorKind { .usage } }
extension DatasetError: ClassifiedError { package var kind: ErrorKind { .data } }
extension SafetensorsError: ClassifiedError { package var kind: ErrorKind { .data } }
extension WeightsFileError: ClassifiedError { package var kind: ErrorKind { .data } }

extension RefusedError: ClassifiedError {
  package var kind: ErrorKind { code == .encryptionRequired ? .untrusted : .refused }
}

extension ProtocolVersionError: ClassifiedError { package var kind: ErrorKind { .protocolError } }
extension WireError: ClassifiedError { package var kind: ErrorKind { .protocolError } }
extension TLSError: ClassifiedError { package var kind: ErrorKind { .link } }
extension OpenSSLError: ClassifiedError { package var kind: ErrorKind { .system } }
extension LedgerMismatchError: ClassifiedError { package var kind: ErrorKind { .protocolError } }
extension RejectedClientError: ClassifiedError { package var kind: ErrorKind { ErrorKind(cause) } }

extension ConnectionError: ClassifiedError { package var kind: ErrorKind { self == .cancelled ? .interrupted : .link } }

extension TrustError: ClassifiedError {
  package var kind: ErrorKind {
    switch self {
    case .noStateDirectory, .noSuchKey: .usage
    case .cloudFailed: .link
    default: .untrusted
    }
  }
}

extension RunDirectoryError: ClassifiedError {
  package var kind: ErrorKind {
    switch self {
    case .holdsEarlierRun, .cannotCreate, .cannotWrite, .inUse: .cannotCreateRun
    case .complete: .usage
    case .incomplete: .data
    case .finished: .cannotWriteRun
    }
  }
}

extension SpoolError: ClassifiedError {
  package var kind: ErrorKind {
    switch self {
    case .full: .cannotWriteRun
    case .closed, .invalidNumber, .tooLong: .system
    case .cannotRead, .damaged, .otherRun, .otherVersion, .unexpectedFile, .notKept: .data
    }
  }
}

extension CodecError: ClassifiedError {
  package var kind: ErrorKind {
    switch self {
    case .unsupportedBits, .unsupportedFullScale: .usage
    case .nonFinite: .diverged
    default: .protocolError
    }
  }
}

extension TrainingError: ClassifiedError {
  package var kind: ErrorKind {
    switch self {
    case .diverged, .divergedInEvaluation, .nonFiniteFeatures, .nonFiniteGradient: .diverged
    case .notATrainer: .protocolError
    case .peerInterrupted: .link
    }
  }
}

/// What the other side tells of: that the run itself has failed, or that the peer has gone.
extension Failure: ClassifiedError {
  package var kind: ErrorKind { [.diverged, .protocolError].first { $0.failureCode == code } ?? .link }
}
