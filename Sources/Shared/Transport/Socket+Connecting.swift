import Platform

extension Socket {
  /// Connects to an endpoint: to that of its addresses that answers first.
  ///
  /// - Parameters:
  ///   - endpoint: where to.
  ///   - timeout: seconds until there must be a connection; then the socket's limit on the time without progress.
  ///   - cancellation: wakes the call, which then throws.
  ///   - operations: the system calls.
  ///   - report: told what is waited for, if it takes long.
  /// - Returns: the connection.
  /// - Throws: `ConnectionError` (`cannotResolve`, `cannotConnect`, `cancelled`), `SystemError`, `ThreadError`.
  package static func connect(
    to endpoint: Endpoint, timeout: Double, cancellation: Cancellation? = nil, operations: SocketOperations = .live,
    report: (String) -> Void = { _ in }
  ) throws -> Socket {
    try connect(
      to: endpoint, timeout: timeout, cancellation: cancellation, operations: operations, resolver: .system,
      report: report)
  }

  static func connect(
    to endpoint: Endpoint, timeout: Double, cancellation: Cancellation? = nil, operations: SocketOperations = .live,
    resolver: Resolver, report: (String) -> Void = { _ in }
  ) throws -> Socket {
    precondition(timeout > 0, "the timeout must be positive")
    guard endpoint.port != 0 else {
      throw ConnectionError.cannotConnect(endpoint: "\(endpoint)", reason: "port 0 is no port to connect to")
    }
    let deadline = Deadline(secondsFromNow: timeout)
    var race = ConnectionRace(
      try resolver.resolve(
        endpoint, forListening: false, until: deadline, cancellation: cancellation, report: report), operations)
    guard let descriptor = try race.run(until: deadline, cancellation, report: report) else {
      throw ConnectionError.cannotConnect(endpoint: "\(endpoint)", reason: race.failure)
    }
    return try Socket(connected: descriptor, timeout: timeout, operations: operations)
  }
}
