import EdgeSide
import Logging
import Platform
import Training
import Transport
import Trust

/// A cloud that is measured, as the edge sees it.
final class CloudProbe {
  /// The longest frame that the cloud accepts.
  let maximumFrameBytes: Int
  private let connection: FramedConnection
  private let interruption: Interruption
  private let token: Int
  private var sequence: UInt64 = 0

  /// Seconds that the passage of the largest filler takes at least, if a frame can be so large.
  private static let passageSeconds = 1.0
  private static let smallestFiller = 4096
  private static let largestFiller = 1 << 25

  /// Connects.
  ///
  /// - Parameters:
  ///   - cloud: its address.
  ///   - trust: how the connection is protected.
  ///   - configuration: of the runs that are planned; its link is measured.
  ///   - timeout: seconds without progress of the cloud.
  ///   - interruption: ends what is under way.
  /// - Throws: as `EdgeConnector.connect`.
  init(
    _ cloud: Endpoint, _ trust: TrustSettings, _ configuration: RunConfiguration, timeout: Double,
    interruption: Interruption, logger: Logger
  ) throws {
    let hello = try Hello(runID: "\(RunIdentifier.generate())", exchange: .measurements, configuration: configuration)
    let (connection, greeting) = try EdgeConnector.connect(
      cloud, trust, hello, link: configuration.link, maximumFrameBytes: FrameHeader.defaultMaximumFrameBytes,
      timeout: timeout,
      interruption: interruption, logger: logger)
    self.connection = connection
    self.interruption = interruption
    maximumFrameBytes = greeting.welcome.maximumFrameBytes
    token = interruption.add {
      connection.cancellation?.cancel()
      connection.endShaping()
    }
  }

  /// Runs `body`, which asks, and says goodbye; if it throws, tells the cloud why.
  ///
  /// - Throws: what `body` throws, or the user's interruption.
  func asking<Result>(_ body: (CloudProbe) throws -> Result) throws -> Result {
    defer { interruption.remove(token) }
    do {
      let result = try body(self)
      connection.close(sending: .goodbye(Goodbye(reason: .completed)))
      return result
    } catch {
      let error = interruption.verdict(on: error)
      connection.close(sending: Message(lastWordFor: error, of: .edge), within: 2)
      throw error
    }
  }

  /// Times steps in the cloud.
  ///
  /// - Parameters:
  ///   - configuration: of a run.
  ///   - steps: to be timed.
  /// - Throws: what ended the connection.
  func report(on configuration: RunConfiguration, steps: Int) throws -> ProbeReport {
    let answer = try ask(.probe(try Probe(steps: steps, configuration: configuration)))
    guard case .probeReport(let report) = answer else {
      throw WireError.unexpected(answer, expected: "an answer to a question")
    }
    return report
  }

  /// Measures the link, in both directions one after the other.
  ///
  /// - Throws: what ended the connection.
  func linkSpeed() throws -> LinkSpeed {
    let roundTrip = StepTiming.median(try StepTiming.run(steps: 5) { _ in try passage(up: 0, down: 0) })
    return LinkSpeed(
      roundTripSeconds: roundTrip, upBytesPerSecond: try bytesPerSecond(roundTrip) { try passage(up: $0, down: 0) },
      downBytesPerSecond: try bytesPerSecond(roundTrip) { try passage(up: 0, down: $0) })
  }

  /// - Parameters:
  ///   - roundTrip: seconds that are not the bytes'.
  ///   - passage: sends so many bytes one way and waits for the answer, or the other way round.
  private func bytesPerSecond(_ roundTrip: Double, _ passage: (Int) throws -> Double) throws -> Double {
    let limit = min(maximumFrameBytes, connection.maximumFrameBytes, Self.largestFiller)
    let largest = limit - Filler.frameByteCount(holding: 0)
    var count = min(Self.smallestFiller, largest)
    while true {
      let seconds = try passage(count)
      if seconds >= Self.passageSeconds || count == largest {
        // One that was held up by something else does not count.
        let middle = StepTiming.median([seconds, try passage(count), try passage(count)])
        return Double(Filler.frameByteCount(holding: count)) / max(middle - roundTrip, 1e-9)
      }
      count = min(count * (seconds < Self.passageSeconds / 8 ? 4 : 2), largest)
    }
  }

  /// Seconds from the first byte of a filler to the last one of its answer.
  private func passage(up: Int, down: Int) throws -> Double {
    sequence += 1
    let filler = Message.filler(Filler(sequence: sequence, byteCount: up, answerByteCount: down))
    let start = MonotonicClock.seconds()
    _ = try ask(filler)
    return MonotonicClock.seconds() - start
  }

  private func ask(_ question: Message) throws -> Message {
    try connection.send(question)
    let answer = try connection.receive().message
    switch answer {
    case .probeReport, .filler: return answer
    case .failure(let failure): throw failure
    case .goodbye: throw TrainingError.peerInterrupted(peer: .cloud)
    default: throw WireError.unexpected(answer, expected: "an answer to a question")
    }
  }
}
