import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport

/// Errors: their kinds, their texts, and what the other side is told.
@Suite struct ErrorTests {
  @Test func cancelledCallsAreInterruptions() {
    #expect((ConnectionError.cancelled as any Error).orInterruption is InterruptedError)
    #expect((ConnectionError.closed as any Error).orInterruption as? ConnectionError == .closed)
    #expect(InterruptedError().orInterruption is InterruptedError)
  }

  @Test func interruptionIsTheVerdict() {
    let interruption = Interruption()
    let error = TrainingError.peerInterrupted(peer: .cloud)
    #expect(interruption.verdict(on: error) as? TrainingError == error)
    interruption.request()
    #expect(interruption.verdict(on: error) is InterruptedError)
  }

  @Test func notANumberHasNoSign() {
    let error = TrainingError.diverged(step: 1, loss: -Double.nan)
    #expect(error.description.contains("is nan;"), "\(error)")
  }

  // MARK: Exit codes

  @Test func exitOfEveryKindOfError() throws {
    let wire = WireError.magic(actual: [0, 0, 0, 0])
    let full = FileError(path: "p", operation: "write", errorNumber: 28)
    let table: [(any Error, ErrorKind)] = [
      (InterruptedError(), .interrupted), (ConnectionError.cancelled, .interrupted),
      (ConfigurationError("x"), .usage), (ShapeError("x"), .usage), (CodecError.unsupportedBits(9), .usage),
      (EndpointError(text: "x", problem: "y"), .usage),
      (DatasetError.notADirectory(path: "d"), .data), (DatasetError.loaderStopped, .data),
      (CodecError.nonFinite(index: 0, value: "nan"), .diverged),
      (TrainingError.diverged(step: 1, loss: .nan), .diverged),
      (TrainingError.divergedInEvaluation(step: 1, loss: .infinity), .diverged),
      (TrainingError.nonFiniteFeatures(step: 1, reason: "x"), .diverged),
      (RefusedError(code: .busy, reason: "x"), .refused),
      (RefusedError(code: .limitExceeded, reason: "x"), .refused),
      (ProtocolVersionError(cloud: 2, edge: 1), .protocolError), (wire, .protocolError),
      (
        LedgerMismatchError(direction: "d", here: ByteCounts(), there: ByteCounts(payload: 1)), .protocolError
      ),
      (CodecError.unexpected(field: "f", expected: "e", actual: "a"), .protocolError),
      (CodecError.zstd("x"), .protocolError),
      (full, .cannotWriteRun), (RunDirectoryError.finished(path: "p"), .cannotWriteRun),
      (RunDirectoryError.holdsEarlierRun(path: "p", file: "f"), .cannotCreateRun),
      (RunDirectoryError.cannotCreate(path: "p", operation: "mkdir", errorNumber: 13), .cannotCreateRun),
      (RunDirectoryError.cannotWrite(path: "p", operation: "open", errorNumber: 13), .cannotCreateRun),
      (TrainingError.peerInterrupted(peer: .edge), .link), (ConnectionError.timedOut(seconds: 1), .link),
      (ConnectionError.endOfStream, .link),
      (ConnectionError.cannotConnect(endpoint: "e", reason: "r"), .link),
      (SystemError(operation: "bind", errnoCode: 13), .link),
      (RejectedClientError(client: nil, cause: wire, saidNothing: false, refusal: nil), .protocolError),
      (TrainingError.notATrainer(address: "a", reason: "r"), .protocolError),
      (ThreadError(errnoCode: 11), .system),
      // An error that nobody has classified is the program's own fault, and no fault of the link.
      (RunIdentifierError.length(0), .system), (CancellationError(), .system),
    ]
    for (error, exit) in table { #expect(ErrorKind(error) == exit, "\(error)") }
  }

  /// What each side tells the other of its own failure, and what the other ends with.
  @Test func exitOfAFailureThatThePeerToldOf() {
    for exit in ErrorKind.allCases {
      let failure = Failure(code: exit.failureCode, reason: "x")
      let expected: ErrorKind = exit == .diverged || exit == .protocolError ? exit : .link
      #expect(ErrorKind(failure) == expected, "\(exit)")
    }
    #expect(ErrorKind(Failure(code: "unheard-of", reason: "x")) == .link)
  }

  @Test func lastWords() {
    func word(_ error: any Error, of role: Role = .edge) -> Message? {
      Message(lastWordFor: error, of: role)
    }
    #expect(word(InterruptedError()) == .goodbye(Goodbye(reason: .interrupted)))
    #expect(
      word(TrainingError.diverged(step: 3, loss: .infinity))
        == .failure(
          Failure(
            code: "diverged",
            reason: "training diverged: the loss of step 3 is inf; try a smaller --learning-rate")))
    // Each side calls the other by its name.
    for (role, peer) in [(Role.edge, "cloud"), (.cloud, "edge")] {
      guard case .failure(let failure) = word(ConnectionError.timedOut(seconds: 60), of: role) else {
        Issue.record("no failure")
        continue
      }
      #expect(failure.code == "link")
      #expect(failure.reason.hasPrefix("the \(peer) made no progress for 60 s"))
    }
    // Who has said its last word is not answered.
    #expect(word(Failure(code: "link", reason: "x")) == nil)
    #expect(word(TrainingError.peerInterrupted(peer: .edge), of: .cloud) == nil)
  }
}
