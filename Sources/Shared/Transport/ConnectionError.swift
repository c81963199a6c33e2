import Platform

/// What can happen to a connection as a whole; errors of single bytes in it are `WireError`s.
package enum ConnectionError: PeerNamingError, Equatable {
  /// Nothing was received, sent or drained from the send queue for this many seconds.
  case timedOut(seconds: Double)
  /// The peer says that it hears nothing, and its kernel has not acknowledged so many bytes.
  case notArriving(bytes: Int)
  /// `Cancellation.cancel()` was called.
  case cancelled
  /// The peer ended the stream between two frames.
  case endOfStream
  /// The peer ended the stream inside a frame (or inside whatever `readExactly` was to read).
  case endOfStreamInsideFrame(received: Int, expected: Int)
  /// The peer's machine says that nobody is there any more (`ECONNRESET`, `EPIPE`), or the route to it is gone.
  case peerGone(operation: String, errnoCode: Int32)
  /// This end was closed, by this program.
  case closed
  /// A cancelled or failed call left part of a frame behind, so the stream has lost its place.
  case brokenInsideFrame
  /// The host name has no address.
  case cannotResolve(host: String, reason: String)
  /// No address of the endpoint accepted a connection.
  case cannotConnect(endpoint: String, reason: String)
  /// The endpoint cannot be listened on.
  case cannotListen(endpoint: String, reason: String)

  package func description(peer: String) -> String {
    switch self {
    case .timedOut(let seconds):
      "\(peer) made no progress for \(Self.text(seconds)) s; check the link, or allow more with --timeout"
    case .notArriving(let bytes):
      """
      \(peer) can be heard, but the last \(bytes) bytes sent to it did not arrive; if that happens on each connection, \
      the link loses large packets: lower the MTU of this machine's interface
      """
    case .cancelled: "cancelled"
    case .endOfStream: "\(peer) closed the connection without a goodbye; its log may say why"
    case .endOfStreamInsideFrame(let received, let expected):
      "\(peer) closed the connection inside a frame, after \(received) of \(expected) bytes; see its log"
    case .peerGone(let operation, let errnoCode):
      "\(peer) has gone (\(operation): \(SystemError.text(of: errnoCode))); its log may say why"
    case .closed: "the connection is already closed on this side"
    case .brokenInsideFrame: "the connection cannot go on: an earlier call stopped inside a frame"
    case .cannotResolve(let host, let reason):
      "cannot find the address of \"\(host)\": \(reason); correct the name, or give the address in numbers"
    case .cannotConnect(let endpoint, let reason):
      "cannot connect to \(endpoint): \(reason); start cloud-trainer there first, or give another address with --cloud"
    case .cannotListen(let endpoint, let reason): "cannot listen on \(endpoint): \(reason); choose another --listen"
    }
  }

  static func text(_ seconds: Double) -> String {
    let text = "\(seconds)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
