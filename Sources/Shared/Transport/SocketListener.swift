import Platform

/// A listening TCP socket.
package final class SocketListener: Sendable {
  /// Where it listens, in numbers; with port 0 asked for, the port that the system chose.
  package let localEndpoint: Endpoint
  private let descriptor: OwnedDescriptor
  private let operations: SocketOperations

  /// Listens on the first address of `endpoint` that can be bound. A name such as `localhost` may have an IPv6 and an
  /// IPv4 address: `localEndpoint` tells which was taken.
  ///
  /// - Parameters:
  ///   - timeout: seconds in which the name must be found.
  ///   - cancellation: wakes the call, which then throws.
  ///   - operations: the system calls of the connections.
  /// - Throws: `ConnectionError` (`cannotResolve`, `cannotListen`, `cancelled`), `SystemError`, `ThreadError`.
  package init(
    on endpoint: Endpoint, timeout: Double = 60, cancellation: Cancellation? = nil,
    operations: SocketOperations = .live
  ) throws {
    self.operations = operations
    var reason = "it has no address"
    let addresses = try Resolver.system.resolve(
      endpoint, forListening: true, until: Deadline(secondsFromNow: timeout), cancellation: cancellation)
    for address in addresses {
      do throws(SystemError) {
        let (owner, local) = try Self.listen(on: address)
        if let local {
          descriptor = owner
          localEndpoint = local
          return
        }
      } catch { reason = SystemError.text(of: error.errnoCode) }
    }
    throw ConnectionError.cannotListen(endpoint: "\(endpoint)", reason: reason)
  }

  private static func listen(on address: SocketAddress) throws(SystemError) -> (OwnedDescriptor, Endpoint?) {
    let descriptor = try SystemCall.run("socket") { socket(address.family, SocketAddress.streamSocketType, 0) }
    let owner = OwnedDescriptor(descriptor)
    try Socket.makeNonBlocking(descriptor)
    try Socket.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    try SystemCall.run("bind") { address.withPointer { bind(descriptor, $0, $1) } }
    try SystemCall.run("listen") { Glibc.listen(descriptor, 16) }
    let local = try SocketAddress("getsockname", of: descriptor) { getsockname($0, $1, $2) }
    return (owner, local.endpoint)
  }

  /// Waits for the next client, as long as it takes.
  ///
  /// - Parameters:
  ///   - timeout: the new socket's limit on the time without progress, in seconds.
  ///   - cancellation: wakes the call, which then throws.
  ///   - meanwhile: called about once a second while nobody comes.
  /// - Returns: the connection to the client.
  /// - Throws: `ConnectionError` (`cancelled`, `closed`), `SystemError`: where it `isShortage`, the client still waits.
  package func accept(timeout: Double, cancellation: Cancellation? = nil, meanwhile: () -> Void = {}) throws -> Socket {
    try descriptor.use { descriptor in
      while true {
        if cancellation?.isCancelled == true { throw ConnectionError.cancelled }
        do throws(SystemError) {
          let client = try SystemCall.run("accept") { operations.accept(descriptor) }
          // One that has gone meanwhile may be no socket any more.
          if let socket = try? Socket(connected: client, timeout: timeout, operations: operations) { return socket }
        } catch {
          if self.descriptor.isClosing { throw ConnectionError.closed }
          guard Self.concernsTheClient(error.errnoCode) else { throw error }
        }
        meanwhile()
        _ = try Poll.wait(
          for: Int16(POLLIN), on: descriptor, until: MonotonicClock.nanoseconds() + 1_000_000_000,
          cancellation: cancellation)
      }
    }
  }

  /// Whether an error of accept says that there is no client, or that one has gone again; the listener goes on then.
  ///
  /// It is what Linux's and other systems' manuals of accept name, a firewall's veto (`EPERM`) included.
  static func concernsTheClient(_ errnoCode: Int32) -> Bool {
    [
      EAGAIN, EWOULDBLOCK, ECONNABORTED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, ENONET,
      ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM, EPROTO, EPROTONOSUPPORT, ESOCKTNOSUPPORT, ETIMEDOUT,
    ].contains(errnoCode)
  }

  /// Stops listening; a thread inside `accept` wakes up and throws. The second call does nothing.
  package func close() { descriptor.close { _ = operations.shutdown($0, Int32(SHUT_RDWR)) } }
}
