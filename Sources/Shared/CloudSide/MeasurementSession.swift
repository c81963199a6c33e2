import Compute
import Logging
import Platform
import Training
import Transport

/// Serves an edge that measures the cloud and the link, and leaves nothing behind.
final class MeasurementSession {
  private let connection: FramedConnection
  private let link: LinkShaping
  private let compute: ComputeSettings
  private let logger: Logger
  /// Throws if the cloud would not serve such a run.
  private let check: (RunConfiguration) throws -> Void

  /// - Parameters:
  ///   - connection: of an edge that waits for its welcome.
  ///   - link: how what is sent is held back.
  ///   - compute: how this machine computes.
  ///   - check: throws if the cloud would not serve a run of that configuration.
  init(
    _ connection: FramedConnection, link: LinkShaping, compute: ComputeSettings, logger: Logger,
    check: @escaping (RunConfiguration) throws -> Void
  ) {
    self.connection = connection
    self.link = link
    self.compute = compute
    self.logger = logger
    self.check = check
  }

  /// Welcomes the edge and answers its questions until it says goodbye.
  ///
  /// - Parameter interruption: ends the session with a goodbye.
  /// - Throws: what ended the session early; the edge has been told.
  func run(interruption: Interruption) throws {
    let token = interruption.add { [connection] in
      connection.cancellation?.cancel()
      connection.endShaping()
    }
    defer { interruption.remove(token) }
    do {
      try connection.send(
        .welcome(Welcome(maximumFrameBytes: connection.maximumFrameBytes, softwareVersion: Software.version)))
      try connection.shape(link)
      while let question = try nextQuestion() { try connection.send(answer(to: question, interruption)) }
    } catch {
      let error = interruption.verdict(on: error)
      connection.close(sending: Message(lastWordFor: error, of: .cloud), within: 2)
      throw error
    }
    connection.close()
  }

  /// - Returns: nil after the edge's goodbye.
  private func nextQuestion(until deadline: Deadline? = nil) throws -> Message? {
    let message = try connection.receive(deadline: deadline).message
    switch message {
    case .goodbye(let goodbye):
      guard goodbye.reason == .completed else { throw TrainingError.peerInterrupted(peer: .edge) }
      return nil
    case .failure(let failure): throw failure
    default: return message
    }
  }

  /// Checks that the edge still waits for its answer.
  ///
  /// - Throws: why it does not: it has gone, or says goodbye.
  private func requireEdge() throws {
    do { _ = try nextQuestion(until: Deadline(secondsFromNow: 0)) } catch ConnectionError.timedOut {
      // It says nothing, as it should.
    }
  }

  private func answer(to question: Message, _ interruption: Interruption) throws -> Message {
    switch question {
    case .filler(let filler):
      let frameBytes = Filler.frameByteCount(holding: filler.answerByteCount)
      guard frameBytes <= connection.maximumFrameBytes else {
        throw WireError.payload(
          type: .filler, field: "answer bytes", expected: "at most \(connection.maximumFrameBytes) in a frame",
          actual: "\(frameBytes)")
      }
      return .filler(Filler(sequence: filler.sequence, byteCount: filler.answerByteCount))
    case .probe(let probe): return .probeReport(try report(on: probe, interruption))
    default: throw WireError.unexpected(question, expected: "a question")
    }
  }

  private func report(on probe: Probe, _ interruption: Interruption) throws -> ProbeReport {
    let configuration = try probe.configuration(as: RunConfiguration.self)
    var ending: (any Error)?
    func checkAsker() throws {
      do {
        if interruption.isRequested { throw InterruptedError() }
        try requireEdge()
      } catch {
        ending = error
        throw error
      }
    }
    do {
      try check(configuration)
      return try CloudStepProbe(configuration, compute: compute).run(steps: probe.steps, check: checkAsker)
    } catch {
      if let ending { throw ending }
      logger.notice("not measured: \(error)")
      return ProbeReport(steps: 0, secondsPerStep: 0, refusal: "\(error)")
    }
  }
}
