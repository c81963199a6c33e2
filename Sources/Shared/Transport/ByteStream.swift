/// What a peer owes a side that reads.
package enum Expectation: Comparable, Sendable {
  /// It is not at fault for its silence.
  case nothing
  /// Something must move: bytes that come, or that go.
  case progress
  /// Bytes must come.
  case word
}

/// The bytes of one connection in both directions, as frames need them: a socket, or what is put around one.
///
/// One thread may read while another writes. Any thread may call the others; `close` wakes those that wait.
package protocol ByteStream: Sendable {
  /// Seconds without progress after which a waiting call throws `ConnectionError.timedOut`.
  var timeout: Double { get }
  /// The peer in numbers; `nil` if it has no address.
  var remoteEndpoint: Endpoint? { get }
  /// Bytes that are on their way and that the peer's kernel has not acknowledged yet: after a while, those that the
  /// link has lost. Bytes that the peer leaves unread are none of them. 0 if it is not known.
  var bytesInFlight: Int { get }

  /// Reads what is there, at least one byte; waits for it.
  ///
  /// - Parameters:
  ///   - buffer: where the bytes go; not empty.
  ///   - patience: what else ends the wait.
  ///   - expecting: asked again and again: what keeps the time without progress from running out.
  /// - Returns: the number of bytes; 0 at the end of the stream.
  /// - Throws: `ConnectionError`, `SystemError`.
  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int

  /// Writes what is left of `bytes`, and returns when the stream has taken all of it, which may be before it has
  /// arrived. After an error `bytes` knows how far it got.
  ///
  /// - Throws: `ConnectionError`, `SystemError`.
  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws

  /// Tells the peer that nothing more will come, behind all that was written; reading goes on. Does nothing on a closed
  /// stream.
  ///
  /// - Parameter patience: how long what was written may take to get on its way.
  func shutdownWriting(patience: Patience)

  /// Closes; threads inside a call wake up and throw. The second call does nothing.
  func close()

  // MARK: A link that is held back

  /// Ends all holding back: what waits goes at once, and so does all that follows.
  func release()

  /// Rests, before a write, until a moment of the monotonic clock at most; may end early without a reason.
  ///
  /// - Parameters:
  ///   - moment: nanoseconds.
  ///   - wakeUp: ends the rest, and is cleared then.
  ///   - patience: what else ends the rest.
  /// - Returns: whether the stream has an error for the next write to report.
  /// - Throws: `ConnectionError` (`cancelled`, `timedOut` at the deadline, `closed`), `SystemError`.
  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool

  /// Lets the connection be without progress for so much longer than its timeout, because its link is slow.
  func allowSilence(seconds: Double)

  /// This stream with a slower link around it, or inside.
  ///
  /// - Throws: `SystemError`, `ThreadError` when the process has no more descriptors or threads.
  func shaped(_ shaping: LinkShaping) throws -> any ByteStream
}

extension ByteStream {
  package var bytesInFlight: Int { 0 }

  package func shaped(_ shaping: LinkShaping) throws -> any ByteStream { try ShapedStream(shaping, around: self) }

  /// Fills `buffer`.
  ///
  /// - Parameters:
  ///   - buffer: where the bytes go; all of it is filled.
  ///   - patience: what else ends the wait.
  ///   - expecting: asked while no byte of the buffer has come: what keeps the time without progress from running out.
  /// - Throws: `ConnectionError` (`endOfStream` only when not a single byte came), `SystemError`.
  package func readExactly(
    into buffer: UnsafeMutableRawBufferPointer, patience: Patience = Patience(),
    expecting: () -> Expectation = { .progress }
  ) throws {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let hasStarted = filled > 0
      let count = try read(into: rest, patience: patience) { hasStarted ? max(.progress, expecting()) : expecting() }
      if count == 0 {
        if filled == 0 { throw ConnectionError.endOfStream }
        throw ConnectionError.endOfStreamInsideFrame(received: filled, expected: buffer.count)
      }
      filled += count
    }
  }

  /// Reads and forgets until the end of the stream, an error, `maximumBytes` or the deadline, whichever comes first.
  package func drain(maximumBytes: Int, patience: Patience) {
    // Small: it is on the stack, of which there may be little.
    withUnsafeTemporaryAllocation(byteCount: 1 << 13, alignment: 16) { buffer in
      var left = maximumBytes
      while left > 0, patience.deadline?.isOver != true,
        let count = try? read(into: buffer, patience: patience, expecting: { .progress }), count > 0
      { left -= count }
    }
  }

  /// Writes all of `bytes`.
  ///
  /// - Throws: `ConnectionError`, `SystemError`.
  package func writeAll(_ bytes: [UInt8], patience: Patience = Patience()) throws {
    var outgoing = OutgoingBytes(head: bytes, body: [])
    try write(&outgoing, patience: patience)
  }
}
