import Training

/// Exit codes of both programs. The numbers follow `sysexits.h` where it has one that fits.
package enum RunExit: Int32, CaseIterable, Sendable {
  case success = 0
  case usage = 64
  case data = 65
  case link = 69
  case diverged = 70
  case system = 71
  case cannotCreateRun = 73
  case cannotWriteRun = 74
  case refused = 75
  case protocolError = 76
  case untrusted = 77
  case interrupted = 130

  /// For an error that ended a run: the code named as its kind.
  package init(_ error: any Error) {
    switch ErrorKind(error) {
    case .usage: self = .usage
    case .data: self = .data
    case .link: self = .link
    case .diverged: self = .diverged
    case .system: self = .system
    case .cannotCreateRun: self = .cannotCreateRun
    case .cannotWriteRun: self = .cannotWriteRun
    case .refused: self = .refused
    case .protocolError: self = .protocolError
    case .untrusted: self = .untrusted
    case .interrupted: self = .interrupted
    }
  }

  /// One line for the help text and the README.
  package var documentation: String {
    switch self {
    case .success: "everything that was asked for is done"
    case .usage: "wrong options or option values"
    case .data:
      """
      the data set, an image, a file of weights or of options, or a run's files are missing, incomplete or do not fit
      """
    case .link:
      """
      the other side cannot be reached, failed, went away, or made no progress within --timeout; or cloud-trainer \
      cannot listen on its address
      """
    case .diverged: "training diverged: a loss or a gradient was not finite"
    case .system: "the system gives no further thread; or an error that should not happen: please report it"
    case .cannotCreateRun:
      """
      the run directory cannot be created, holds an earlier run, or another process is at work in it
      """
    case .cannotWriteRun: "a file or standard output cannot be written (disk full, for example)"
    case .refused: "the other side refused the run and said why (busy, beyond its limits, or other initial weights)"
    case .protocolError: "the other side broke the protocol, or speaks another version of it"
    case .untrusted:
      "the other side is not trusted, or does not trust this one; or this side's key or certificate cannot be used"
    case .interrupted: "interrupted (Ctrl-C, SIGTERM or SIGHUP); the logs are complete so far"
    }
  }
}
