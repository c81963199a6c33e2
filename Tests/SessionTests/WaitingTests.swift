import Logging
import TestSupport
import Testing

@testable import EdgeSide
@testable import Platform
@testable import Training
@testable import Transport

/// An edge that waits for its cloud.
@Suite struct WaitingTests {
  private let cloud = Endpoint(host: "cloud", port: 7070)

  @Test func pausesGrowUpToAMinute() {
    var (longest, shortest) = (RetryPauses(), RetryPauses())
    for expected in [1.0, 2, 4, 8, 16, 32, 60, 60] {
      let (upper, lower) = (longest.next(shortening: 0), shortest.next(shortening: 1))
      #expect(abs(upper - expected) < 1e-9)
      #expect(abs(lower - expected / 2) < 1e-9)
    }
  }

  @Test func whatPassesIsTriedAgain() throws {
    let errors: [any Error] = [
      ConnectionError.cannotConnect(endpoint: "cloud:7070", reason: "Connection refused"),
      ConnectionError.cannotResolve(host: "cloud", reason: "no address"),
      RefusedError(code: .busy, reason: "serving another edge"),
      RefusedError(code: .shuttingDown, reason: "the cloud was interrupted by its user"),
      ConnectionError.endOfStream, ConnectionError.timedOut(seconds: 60),
    ]
    var (attempts, pauses) = (0, 0)
    let connection = try EdgeConnector.waiting(for: cloud, logger: silentLogger, rest: { _ in pauses += 1 }) {
      attempts += 1
      if attempts <= errors.count { throw errors[attempts - 1] }
      return "connected"
    }
    #expect(connection == "connected")
    #expect(pauses == errors.count)
  }

  @Test func whatDoesNotPassEndsTheWait() {
    let errors: [any Error] = [
      ConnectionError.cancelled, RefusedError(code: .limitExceeded, reason: "too large"),
      ProtocolVersionError(cloud: 9, edge: 3), InterruptedError(),
    ]
    for error in errors {
      #expect(throws: (any Error).self, "\(error)") {
        try EdgeConnector.waiting(for: cloud, logger: silentLogger, rest: { _ in Issue.record("waits") }) {
          throw error
        }
      }
    }
  }

  @Test func interruptionEndsTheRest() throws {
    let interruption = Interruption()
    try interruption.rest(seconds: 0.001)
    let resting = Background { try interruption.rest(seconds: 600) }
    interruption.request()
    #expect(try resting.error() is InterruptedError)
  }
}
