import Logging
import Platform
import Training
import Transport
import Trust

/// Sees to it that a run has a connection: when it is lost, tries again, on a thread of its own, while training goes
/// on.
final class LinkKeeper: Sendable {
  private let link: EdgeLink
  private let dialer: EdgeDialer
  /// Seconds in which the cloud is tried to be reached; nil for no end.
  private let limit: Double?
  private let pauses: RetryPauses
  private let logger: Logger
  private let log: @Sendable (_ event: String, _ reason: String?) throws -> Void
  private let thread = Guarded<Thread?>(nil)

  /// - Parameters:
  ///   - limit: seconds in which a cloud that has gone is tried to be reached; nil for no end.
  ///   - pauses: between attempts.
  ///   - log: writes an event to the run's log.
  init(
    _ link: EdgeLink, _ dialer: EdgeDialer, limit: Double?, pauses: RetryPauses, logger: Logger,
    log: @escaping @Sendable (_ event: String, _ reason: String?) throws -> Void
  ) {
    self.link = link
    self.dialer = dialer
    self.limit = limit
    self.pauses = pauses
    self.logger = logger
    self.log = log
  }

  /// Starts the thread. Where the link has no connection yet, it makes the first one, too.
  ///
  /// - Throws: `ThreadError`.
  func start() throws {
    link.keepsConnecting(true)
    let started = try Thread { [self] in keep() }
    thread.withLock { $0 = started }
  }

  /// Ends the thread; the present connection stays.
  func stop() {
    link.end()
    thread.withLock { $0.take() }?.join()
  }

  private func keep() {
    do {
      while true {
        let loss = link.awaitLoss()
        if link.hasEnded { return }
        if let loss {
          guard limit != 0, Self.isPassing(loss) else { return link.fail(loss) }
          let reason = Role.edge.text(of: loss)
          logger.warning("the connection is lost: \(reason); trying again")
          try log("disconnected", reason)
          // No last word: the run goes on.
          link.detach(sending: nil)
        }
        guard try connect(after: loss) else { return }
        if loss != nil { try log("reconnected", nil) }
      }
    } catch { link.fail(error) }
  }

  /// - Returns: false if the link has ended.
  private func connect(after loss: (any Error)?) throws -> Bool {
    let start = MonotonicClock.seconds()
    var pauses = pauses
    var told: Set<String> = []
    // A cloud that has just gone is given a moment.
    if loss != nil, !link.rest(seconds: pauses.next()) { return false }
    while true {
      do {
        let (connection, welcome) = try dialer.dial(link.offer)
        do { try link.attach(connection, welcome) } catch {
          link.detach(sending: nil)
          throw error
        }
        return true
      } catch let error where Self.isPassing(error) {
        if let limit, MonotonicClock.seconds() - start >= limit { throw error }
        let reason = Role.edge.text(of: error)
        if told.insert(reason).inserted {
          logger.log(
            level: error is TrustError ? .warning : .notice, "waiting for the cloud at \(dialer.cloud): \(reason)")
        }
      }
      if !link.rest(seconds: pauses.next()) { return false }
    }
  }

  /// Whether a run that has begun may go on after this, once there is another connection.
  ///
  /// Whoever answers at the cloud's address ends no run as long as he has not proved to be the cloud; and this side's
  /// own files of trust may come back. The cloud itself may say that it does not know this edge any more.
  static func isPassing(_ error: any Error) -> Bool {
    switch error {
    case TrustError.refusedByCloud: false
    case is TrustError, is OpenSSLError, TrainingError.notATrainer, TrainingError.peerInterrupted: true
    case let failure as Failure: [ErrorKind.link, .cannotWriteRun, .system].contains { $0.failureCode == failure.code }
    case is SystemError, is ThreadError: true
    default: RetryPauses.isPassing(error)
    }
  }
}
