import Platform

/// Finds the addresses of a host.
struct Resolver: Sendable {
  /// Blocks as long as it takes.
  let ask: @Sendable (Endpoint, _ forListening: Bool) throws(ConnectionError) -> [SocketAddress]

  /// Asks whom the system asks.
  static let system = Resolver { (endpoint, forListening) throws(ConnectionError) in
    try SocketAddress.resolve(endpoint, forListening: forListening)
  }

  /// All addresses of an endpoint, in the system's order of preference.
  ///
  /// Names are asked for on a thread of its own, which is given up when the time is over: nothing ends `getaddrinfo`,
  /// which waits ten seconds or more for name servers that do not answer.
  ///
  /// - Parameters:
  ///   - deadline: for the answer.
  ///   - cancellation: wakes the call, which then throws.
  ///   - report: told once what it waits for, if that takes long.
  /// - Throws: `ConnectionError` (`cannotResolve`, `cancelled`), `SystemError`, `ThreadError`.
  func resolve(
    _ endpoint: Endpoint, forListening: Bool, until deadline: Deadline, cancellation: Cancellation?,
    report: (String) -> Void = { _ in }
  ) throws -> [SocketAddress] {
    if let known = try? SocketAddress.resolve(endpoint, forListening: forListening, isNumeric: true) { return known }
    let answer = Guarded<Result<[SocketAddress], ConnectionError>?>(nil)
    let isThere = try WakeUp()
    let thread = try Thread { [ask] in
      let result = Result { () throws(ConnectionError) in try ask(endpoint, forListening) }
      answer.withLock { $0 = result }
      isThere.signal()
    }
    let result: Result<[SocketAddress], ConnectionError>
    do {
      var reporting = MonotonicClock.nanoseconds() + MonotonicClock.nanoseconds(ConnectionRace.patienceSeconds)
      while true {
        if let found = answer.withLock({ $0 }) {
          result = found
          break
        }
        if deadline.isOver {
          throw ConnectionError.cannotResolve(
            host: endpoint.host, reason: "no answer within \(ConnectionError.text(deadline.seconds)) s")
        }
        if MonotonicClock.nanoseconds() >= reporting {
          report("nobody has told the address of \"\(endpoint.host)\" yet")
          reporting = .max
        }
        _ = try Poll.wait(
          for: Int16(POLLIN), on: isThere.readDescriptor, until: min(deadline.nanoseconds, reporting),
          cancellation: cancellation)
      }
    } catch {
      thread.detach()
      throw error
    }
    thread.join()
    return try result.get()
  }
}
