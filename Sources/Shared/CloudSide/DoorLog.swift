import Logging
import Platform
import Transport
import Trust

/// What the log is told of those who come to the door and do not come in: nothing of those who only look whether
/// anybody is there, and of others no more than can be read.
final class DoorLog: Sendable {
  private struct State {
    /// Clients that were not let in, by what was wrong.
    var rejected = RepeatedLines()
    /// Edges whose key is not known, by the key: whoever makes very many gets no more lines.
    var strangers = RepeatedLines(mostKinds: 16)
    /// Clients that came when there were too many, by what there were too many of: addresses cost an attacker nothing.
    var crowd = RepeatedLines()
    /// Edges that are to come back later, by their address.
    var busy = RepeatedLines()
    /// When the system was last short of something, in nanoseconds of the monotonic clock.
    var shortage: UInt64?
  }

  /// Shortages that follow one another so fast are one.
  private static let shortageGap = MonotonicClock.nanoseconds(60)

  private let logger: Logger
  private let state = Guarded(State())

  init(_ logger: Logger) { self.logger = logger }

  /// A client was not let in.
  func rejected(_ error: any Error) {
    let rejected = error as? RejectedClientError
    if rejected?.saidNothing == true { return }
    let cause = rejected?.cause ?? error
    let line = state.withLock { state in
      if case TrustError.unknownEdge(let key) = cause { return state.strangers.add("\(error)", of: key.description) }
      return state.rejected.add("\(error)", of: Self.kind(of: cause))
    }
    // On loopback it comes again inside TLS.
    let level: Logger.Level = cause is PlainTextError && rejected?.client?.isLoopback == true ? .notice : .warning
    if let line { logger.log(level: level, "\(line)") }
  }

  /// What is wrong, in as many words as the client cannot choose: each reason has its line, and garbage is garbage.
  private static func kind(of cause: any Error) -> String {
    switch cause {
    case is TrustError, is FileError, is SystemError, is OpenSSLError: "\(cause)"
    default: "\(type(of: cause))"
    }
  }

  /// A client was not listened to.
  func crowd(_ client: Endpoint?, _ reason: String) {
    let line = "refused \(Self.name(client)): \(reason)"
    if let line = state.withLock({ $0.crowd.add(line, of: reason) }) { logger.warning("\(line)") }
  }

  /// An edge is to come back later.
  func busy(_ client: Endpoint?, _ reason: String) {
    let line = "refused \(Self.name(client)): \(reason)"
    if let line = state.withLock({ $0.busy.add(line, of: client?.host ?? "?") }) { logger.notice("\(line)") }
  }

  /// There is no room for clients: one line for as long as that lasts.
  func shortage(_ error: SystemError) {
    let now = MonotonicClock.nanoseconds()
    let isNew = state.withLock { state in
      defer { state.shortage = now }
      return state.shortage.map { now - $0 > Self.shortageGap } ?? true
    }
    guard isNew else { return }
    logger.warning(
      "\(error); clients wait until there is room again: if it lasts, raise the limit (ulimit -n), or add memory")
  }

  /// Tells of what was counted, if it is time.
  ///
  /// - Parameter isEnd: whether it is now or never.
  func flush(isEnd: Bool = false) {
    let (strangers, busy) = state.withLock { state in
      (
        state.rejected.takeDue(isEnd: isEnd) + state.strangers.takeDue(isEnd: isEnd)
          + state.crowd.takeDue(isEnd: isEnd), state.busy.takeDue(isEnd: isEnd)
      )
    }
    for line in strangers { logger.warning("\(line)") }
    for line in busy { logger.notice("\(line)") }
  }

  static func name(_ client: Endpoint?) -> String { client.map { "\($0)" } ?? "a client without an address" }
}
