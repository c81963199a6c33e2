import Datasets
import NeuralNetwork
import Testing

@testable import HierarchicalTraining
@testable import Transport

/// The small parts around the sessions.
@Suite struct SessionsPartsTests {
  // MARK: Interruption

  @Test func requestCallsEveryActionOnce() {
    let interruption = Interruption()
    let called = SessionList<Int>()
    _ = interruption.add { called.append(1) }
    let second = interruption.add { called.append(2) }
    _ = interruption.add { called.append(3) }
    interruption.remove(second)
    #expect(!interruption.isRequested)
    #expect(called.all.isEmpty)
    interruption.request()
    #expect(interruption.isRequested)
    #expect(called.all.sorted() == [1, 3])
  }

  @Test func requestBeforeAdd() {
    let interruption = Interruption()
    interruption.request()
    let called = SessionList<Int>()
    let number = interruption.add { called.append(1) }
    #expect(called.all == [1])
    interruption.remove(number)
    interruption.remove(number)
    interruption.request()
    #expect(called.all == [1])
  }

  /// An action may take the lock again.
  @Test func actionMayAskAndRemove() {
    let interruption = Interruption()
    let seen = SessionList<Bool>()
    let number = interruption.add { seen.append(interruption.isRequested) }
    _ = interruption.add { interruption.remove(number) }
    interruption.request()
    #expect(seen.all.allSatisfy { $0 })
  }

  @Test func requestFromAnotherThreadIsSeenByOneOfBoth() throws {
    for _ in 0..<200 {
      let interruption = Interruption()
      let called = SessionList<Int>()
      let thread = SessionThread { interruption.request() }
      _ = interruption.add { called.append(1) }
      try thread.value()
      #expect(called.all == [1])
    }
  }

  @Test func cancelledCallsAreInterruptions() {
    #expect((ConnectionError.cancelled as any Error).orInterruption is InterruptedError)
    #expect((ConnectionError.closed as any Error).orInterruption as? ConnectionError == .closed)
    #expect(InterruptedError().orInterruption is InterruptedError)
  }

  @Test func interruptionIsTheVerdict() {
    let interruption = Interruption()
    let error = TrainingError.peerInterrupted(peer: "cloud")
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
    let table: [(any Error, RunExit)] = [
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
      (TrainingError.peerInterrupted(peer: "edge"), .link), (ConnectionError.timedOut(seconds: 1), .link),
      (ConnectionError.endOfStream, .link),
      (ConnectionError.cannotConnect(endpoint: "e", reason: "r"), .link),
      (SystemError(operation: "bind", errnoCode: 13), .link),
      (RejectedClientError(client: nil, cause: wire, refusal: nil), .protocolError),
      (TrainingError.notATrainer(address: "a", reason: "r"), .protocolError),
      (FailedSessionsError(failed: 1, sessions: 2, last: full), .cannotWriteRun),
    ]
    for (error, exit) in table { #expect(RunExit(error) == exit, "\(error)") }
  }

  /// What each side tells the other of its own failure, and what the other ends with.
  @Test func exitOfAFailureThatThePeerToldOf() {
    for exit in RunExit.allCases {
      let failure = Failure(code: exit.failureCode, reason: "x")
      let expected: RunExit = exit == .diverged || exit == .protocolError ? exit : .link
      #expect(RunExit(failure) == expected, "\(exit)")
    }
    #expect(RunExit(Failure(code: "unheard-of", reason: "x")) == .link)
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
    #expect(word(TrainingError.peerInterrupted(peer: "edge"), of: .cloud) == nil)
  }

  // MARK: The clock

  @Test func clockSplitsTheTime() {
    var clock = TrainingClock()
    #expect(!clock.isRunning)
    // Outside training nothing counts.
    #expect(clock.waiting { 5 } == 5)
    #expect(clock.idleSeconds == 0)
    clock.begin()
    #expect(clock.isRunning)
    clock.waiting { sleep(milliseconds: 2) }
    sleep(milliseconds: 1)
    clock.end()
    #expect(!clock.isRunning)
    #expect(clock.idleSeconds > 0)
    #expect(clock.trainingSeconds > clock.idleSeconds)
    #expect(clock.busySeconds == clock.trainingSeconds - clock.idleSeconds)
    let before = clock.trainingSeconds
    clock.end()
    #expect(clock.trainingSeconds == before)
  }

  @Test func clockCountsAWaitThatThrows() {
    var clock = TrainingClock()
    clock.begin()
    #expect(throws: CancellationError.self) {
      try clock.waiting {
        sleep(milliseconds: 1)
        throw CancellationError()
      }
    }
    #expect(clock.idleSeconds > 0)
  }

  @Test func clocksAdd() {
    var first = TrainingClock()
    first.begin()
    first.waiting { sleep(milliseconds: 1) }
    first.end()
    let sum = first + first + TrainingClock()
    #expect(sum.trainingSeconds == 2 * first.trainingSeconds)
    #expect(sum.idleSeconds == 2 * first.idleSeconds)
    #expect(!sum.isRunning)
  }
}
