import Platform
import Synchronization

/// A message that was received.
package struct ReceivedMessage: Equatable, Sendable {
  package let message: Message
  /// Bytes of the frame, header included.
  package let frameByteCount: Int
  /// What had been received before this frame; to compare with the ledger that a message carries.
  package let receivedBefore: ByteCounts
  /// What has been received up to and including this frame.
  package let receivedWith: ByteCounts
  /// When its first byte was there, in nanoseconds of the monotonic clock.
  package let firstByteNanoseconds: UInt64
}

/// Messages over a stream of bytes: framed, checked, counted, and in legal order.
///
/// Any thread may send; whole frames are sent one after another. One thread at a time receives. Every message goes
/// through the conversation's state machine, so that neither side can say, or accept, something out of order.
package final class FramedConnection: Sendable {
  /// The longest frame, header included, that this side accepts.
  package let maximumFrameBytes: Int
  package let cancellation: Cancellation?

  private struct State {
    var stream: any ByteStream
    var conversation: ConversationStateMachine
    var ledger = ByteLedger()
    /// The longest frame that the peer accepts, once its `welcome` has said so.
    var peerMaximumFrameBytes = Int.max
  }

  struct Input { var isBrokenInsideFrame = false }

  struct Output {
    /// Whether an error has interrupted a frame: the state of the conversation is ahead of the stream.
    var isBroken = false
    /// That frame, if some of it has been sent. Nothing else can be sent before the rest of it.
    var unfinished: (bytes: OutgoingBytes, type: FrameType)?
  }

  private let state: Guarded<State>
  let input = Turn(Input())
  let output = Turn(Output())
  private let sendingNanoseconds = Atomic<UInt64>(0)

  /// Takes over `stream`.
  ///
  /// - Parameters:
  ///   - stream: connected, and used by nobody else.
  ///   - role: this side.
  ///   - maximumFrameBytes: at least the 24 bytes of a header.
  ///   - cancellation: wakes `send` and `receive`, which then throw.
  package init(
    _ stream: any ByteStream, role: Role, maximumFrameBytes: Int = FrameHeader.defaultMaximumFrameBytes,
    cancellation: Cancellation? = nil
  ) {
    precondition(maximumFrameBytes >= FrameHeader.byteCount, "a frame has at least a header")
    self.maximumFrameBytes = maximumFrameBytes
    self.cancellation = cancellation
    state = Guarded(State(stream: stream, conversation: ConversationStateMachine(role: role)))
  }

  var stream: any ByteStream { state.withLock { $0.stream } }

  /// The peer in numbers; `nil` if it has no address.
  package var remoteEndpoint: Endpoint? { stream.remoteEndpoint }

  /// Bytes that the peer's kernel has not acknowledged: see `ByteStream`.
  package var bytesInFlight: Int { stream.bytesInFlight }

  /// Seconds without progress after which a waiting call throws `ConnectionError.timedOut`.
  package var timeout: Double { stream.timeout }

  /// The state of the conversation now.
  package var conversation: ConversationStateMachine { state.withLock { $0.conversation } }

  /// The bytes of all whole frames so far.
  package var ledger: ByteLedger { state.withLock { $0.ledger } }

  /// Whether no part of a frame has been received that is not whole.
  var isBetweenFrames: Bool { input.take { !$0.isBrokenInsideFrame } }

  /// Seconds in which frames were being sent: from a frame's first byte until the link, if it is shaped, or else the
  /// kernel has taken its last one.
  package var sendingSeconds: Double { Double(sendingNanoseconds.load(ordering: .relaxed)) * 1e-9 }

  /// Holds back what is sent from now on. To be called once at most.
  ///
  /// - Throws: `SystemError`, `ThreadError` when the process has no more descriptors or threads.
  package func shape(_ shaping: LinkShaping) throws {
    guard shaping != .none else { return }
    let stream = stream
    precondition(!(stream is ShapedStream), "a link is shaped once")
    let shaped = try stream.shaped(shaping)
    state.withLock { $0.stream = shaped }
  }

  /// Ends the shaping: what is held back in a `send`, or still on its way, goes at once, and so does all that follows.
  package func endShaping() { stream.release() }

  /// Sends one message, and returns when the kernel, or the shaped link, has taken all of it.
  ///
  /// - Returns: bytes of the frame.
  /// - Throws: `WireError` (`order`, `length` beyond the peer's limit, a value that JSON cannot hold; nothing is sent
  ///   then), `ConnectionError`, `SystemError`.
  @discardableResult package func send(_ message: Message) throws -> Int {
    let frame = try message.outgoingFrame()
    return try output.take { output in
      if output.isBroken { throw ConnectionError.brokenInsideFrame }
      return try send(frame, message, &output, Patience(cancellation: cancellation))
    }
  }

  func send(_ frame: OutgoingBytes, _ message: Message, _ output: inout Output, _ patience: Patience) throws -> Int {
    try state.withLock { state in
      let limit = state.peerMaximumFrameBytes
      guard frame.count <= limit else { throw WireError.length(limit: limit, actual: frame.count) }
      try state.conversation.willSend(message)
    }
    var frame = frame
    do { try write(&frame, patience) } catch {
      output.isBroken = true
      if frame.written > 0 { output.unfinished = (frame, message.type) }
      throw error
    }
    countSent(message.type, frame.count)
    return frame.count
  }

  func write(_ frame: inout OutgoingBytes, _ patience: Patience) throws {
    let start = MonotonicClock.nanoseconds()
    defer { sendingNanoseconds.add(MonotonicClock.nanoseconds() - start, ordering: .relaxed) }
    try stream.write(&frame, patience: patience)
  }

  func countSent(_ type: FrameType, _ frameByteCount: Int) {
    state.withLock { state in state.ledger.sent.count(type, payloadByteCount: frameByteCount - FrameHeader.byteCount) }
  }

  /// Waits for the next message.
  ///
  /// The stream's time without progress runs only while it is the peer's turn (`expectation`), and always inside a
  /// frame. Until the cloud's `welcome`, no frame may be longer than a control frame.
  ///
  /// - Parameter deadline: the moment by which the whole message must be here.
  /// - Returns: the message and the bytes counted.
  /// - Throws: `WireError`, `ConnectionError` (`endOfStream` between two frames), `SystemError`. After an error inside
  ///   a frame, all later calls throw `brokenInsideFrame`.
  package func receive(deadline: Deadline? = nil) throws -> ReceivedMessage {
    try input.take { input in
      if input.isBrokenInsideFrame { throw ConnectionError.brokenInsideFrame }
      let patience = Patience(cancellation: cancellation, deadline: deadline)
      var firstByteNanoseconds: UInt64 = 0
      let headerBytes = try [UInt8](unsafeUninitializedCapacity: FrameHeader.byteCount) { buffer, count in
        var hasStarted = false
        defer { input.isBrokenInsideFrame = hasStarted }
        // The first byte alone, because an error before it leaves the stream in order.
        let first = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<1])
        try stream.readExactly(into: first, patience: patience) { self.conversation.expectation }
        hasStarted = true
        firstByteNanoseconds = MonotonicClock.nanoseconds()
        let rest = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[1..<FrameHeader.byteCount])
        try readInsideFrame(into: rest, alreadyRead: 1, patience)
        count = FrameHeader.byteCount
      }
      let isEstablished = state.withLock { state in
        state.conversation.phase != .opening && state.conversation.phase != .greeted
      }
      let limit = maximumFrameBytes - FrameHeader.byteCount
      let header = try headerBytes.withUnsafeBytesTyped { bytes throws(WireError) in
        try FrameHeader(
          decoding: bytes,
          maximumPayloadBytes: isEstablished ? limit : min(limit, FrameHeader.maximumControlPayloadBytes))
      }
      let size = header.payloadByteCount
      let payload = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let whole = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size])
        try readInsideFrame(into: whole, alreadyRead: FrameHeader.byteCount, patience)
        count = size
      }
      let message = try Message(header, payload: payload)
      let received = try accept(message, payloadByteCount: size, firstByteNanoseconds)
      input.isBrokenInsideFrame = false
      return received
    }
  }

  private func readInsideFrame(into buffer: UnsafeMutableRawBufferPointer, alreadyRead: Int, _ patience: Patience)
    throws
  {
    do {
      try stream.readExactly(into: buffer, patience: patience) { max(.progress, self.conversation.expectation) }
    } catch ConnectionError.endOfStream {
      throw ConnectionError.endOfStreamInsideFrame(received: alreadyRead, expected: alreadyRead + buffer.count)
    } catch ConnectionError.endOfStreamInsideFrame(let received, _) {
      throw ConnectionError.endOfStreamInsideFrame(
        received: alreadyRead + received, expected: alreadyRead + buffer.count)
    }
  }

  private func accept(_ message: Message, payloadByteCount: Int, _ firstByteNanoseconds: UInt64) throws(WireError)
    -> ReceivedMessage
  {
    let outcome = state.withLock { state -> Result<ReceivedMessage, WireError> in
      do throws(WireError) { try state.conversation.didReceive(message) } catch { return .failure(error) }
      if case .welcome(let welcome) = message { state.peerMaximumFrameBytes = welcome.maximumFrameBytes }
      let before = state.ledger.received
      state.ledger.received.count(message.type, payloadByteCount: payloadByteCount)
      return .success(
        ReceivedMessage(
          message: message, frameByteCount: FrameHeader.byteCount + payloadByteCount, receivedBefore: before,
          receivedWith: state.ledger.received, firstByteNanoseconds: firstByteNanoseconds))
    }
    return try outcome.get()
  }
}
