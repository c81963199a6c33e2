import Platform

/// The few system calls that make connections, move their bytes and end them, replaceable in tests (a link that breaks
/// in one of them).
///
/// Each closure has the convention of its C function: a negative result means failure with the reason in `errno`.
package struct SocketOperations: Sendable {
  /// `connect(descriptor, address, length)`.
  var connect: @Sendable (_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32
  /// `accept(descriptor)`, without asking for the address.
  var accept: @Sendable (_ descriptor: Int32) -> Int32
  /// `recv(descriptor, bytes, count)`.
  var receive: @Sendable (_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int
  /// `sendmsg(descriptor, message)`, without a signal.
  var send: @Sendable (_ descriptor: Int32, _ message: UnsafePointer<msghdr>) -> Int
  /// `shutdown(descriptor, how)`.
  var shutdown: @Sendable (_ descriptor: Int32, _ how: Int32) -> Int32

  /// The calls of this system.
  package static let live = SocketOperations(
    connect: { descriptor, address, length in Glibc.connect(descriptor, address, length) },
    accept: { descriptor in Glibc.accept(descriptor, nil, nil) },
    receive: { descriptor, bytes, count in recv(descriptor, bytes, count, 0) },
    send: { descriptor, message in sendmsg(descriptor, message, Int32(MSG_NOSIGNAL)) },
    shutdown: { descriptor, how in Glibc.shutdown(descriptor, how) })
}
