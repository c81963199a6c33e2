import Platform

extension Socket {
  /// Connects to an endpoint: tries all its addresses in turn until one answers.
  ///
  /// - Parameters:
  ///   - endpoint: where to.
  ///   - timeout: seconds for all attempts together, shared evenly among the addresses that are left; then the socket's
  ///     limit on the time without progress.
  ///   - cancellation: wakes the call, which then throws.
  ///   - operations: the system calls.
  /// - Returns: the connection.
  /// - Throws: `ConnectionError` (`cannotResolve`, `cannotConnect`, `cancelled`), `SystemError`.
  package static func connect(
    to endpoint: Endpoint, timeout: Double, cancellation: Cancellation? = nil, operations: SocketOperations = .live
  ) throws -> Socket {
    precondition(timeout > 0, "the timeout must be positive")
    guard endpoint.port != 0 else {
      throw ConnectionError.cannotConnect(endpoint: "\(endpoint)", reason: "port 0 is no port to connect to")
    }
    let addresses = try SocketAddress.resolve(endpoint, forListening: false)
    let deadline = Deadline(secondsFromNow: timeout)
    var reasons: [String] = []
    for (index, address) in addresses.enumerated() {
      let now = MonotonicClock.nanoseconds()
      let left = deadline.nanoseconds > now ? deadline.nanoseconds - now : 0
      let share = left / UInt64(addresses.count - index)
      let descriptor: Int32
      do throws(SystemError) {
        descriptor = try SystemCall.run("socket") { socket(address.family, SocketAddress.streamSocketType, 0) }
      } catch {
        reasons.append("\(error)")
        continue
      }
      do {
        try attempt(descriptor, address, until: now + share, cancellation, operations)
      } catch let error as SystemError {
        SystemCall.close(descriptor)
        let reason = SystemError.text(of: error.errnoCode)
        reasons.append(addresses.count == 1 ? reason : "\(address.endpoint?.host ?? "?"): \(reason)")
        continue
      } catch {
        SystemCall.close(descriptor)
        throw error
      }
      return try Socket(connected: descriptor, timeout: timeout, operations: operations)
    }
    throw ConnectionError.cannotConnect(endpoint: "\(endpoint)", reason: reasons.joined(separator: "; "))
  }

  /// One attempt. `SystemError` means that the next address may do better.
  private static func attempt(
    _ descriptor: Int32, _ address: SocketAddress, until end: UInt64, _ cancellation: Cancellation?,
    _ operations: SocketOperations
  ) throws {
    try makeNonBlocking(descriptor)
    let isConnected = address.withPointer { operations.connect(descriptor, $0, $1) == 0 }
    if isConnected { return }
    // After EINTR too the attempt goes on in the background.
    let errnoCode = errno
    guard errnoCode == EINPROGRESS || errnoCode == EINTR else {
      throw SystemError(operation: "connect", errnoCode: errnoCode)
    }
    while true {
      if MonotonicClock.nanoseconds() >= end { throw SystemError(operation: "connect", errnoCode: ETIMEDOUT) }
      if try Poll.wait(for: Int16(POLLOUT), on: descriptor, until: end, cancellation: cancellation) { break }
    }
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    try SystemCall.run("getsockopt") { getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) }
    if code != 0 { throw SystemError(operation: "connect", errnoCode: code) }
  }
}
