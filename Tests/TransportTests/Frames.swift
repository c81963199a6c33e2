import Platform

@testable import Transport

extension Message {
  /// The whole frame in one array; for tests and tools. Connections send batches without this copy.
  ///
  /// - Throws: `WireError` when the message cannot be written, for instance for a loss that is not finite.
  func encodedFrame() throws(WireError) -> [UInt8] {
    let frame = try outgoingFrame()
    return frame.head + frame.body
  }

  /// Reads the first frame of `bytes`, which may hold more.
  ///
  /// - Returns: the message and the bytes of its frame.
  /// - Throws: `WireError`.
  static func decode(
    frame bytes: [UInt8], maximumFrameBytes: Int = FrameHeader.defaultMaximumFrameBytes
  ) throws(WireError) -> (message: Message, frameByteCount: Int) {
    let header = try bytes.withUnsafeBytesTyped { bytes throws(WireError) in
      try FrameHeader(
        decoding: bytes, maximumPayloadBytes: maximumFrameBytes - FrameHeader.byteCount)
    }
    let end = FrameHeader.byteCount + header.payloadByteCount
    guard bytes.count >= end else { throw .truncated(expected: end, actual: bytes.count) }
    return (try Message(header, payload: Array(bytes[FrameHeader.byteCount..<end])), end)
  }
}

extension Socket {
  /// Two ends of one stream inside this process.
  ///
  /// - Throws: `SystemError`.
  static func pair(timeout: Double) throws(SystemError) -> (Socket, Socket) {
    var ends: [Int32] = [-1, -1]
    try SystemCall.run("socketpair") { socketpair(AF_UNIX, SocketAddress.streamSocketType, 0, &ends) }
    let first = ends[0]
    let second = ends[1]
    return (
      try Socket(connected: first, timeout: timeout), try Socket(connected: second, timeout: timeout)
    )
  }
}
