import Platform

extension FramedConnection {
  /// Ends the connection politely: finishes a frame that was interrupted, sends a last message, ends the stream, reads
  /// on until the peer has ended its stream too, and closes. Never throws and never waits longer than `seconds`;
  /// `cancellation` does not interrupt it. A shaped link is not shaped any more: what is still on its way, and the last
  /// message, go at once.
  ///
  /// - Parameters:
  ///   - message: `goodbye`, `failure` or `refusal`; left out if it is not legal any more.
  ///   - seconds: for everything together.
  /// - Returns: whether the message has been sent.
  @discardableResult package func close(sending message: Message? = nil, within seconds: Double = 1) -> Bool {
    let deadline = Deadline(secondsFromNow: seconds)
    let stream = stream
    stream.release()
    // Another thread may be stuck in a send; without the turn there is no way to send anything.
    let isSent = output.take(until: deadline) { sendLast(message, &$0, Patience(deadline: deadline)) }
    if isSent != nil {
      stream.shutdownWriting(patience: Patience(deadline: deadline))
      // Without this, unread bytes would make the kernel reset the connection, and the peer might lose our message. If
      // another thread is receiving, it does the reading.
      input.take(until: deadline) { drain(&$0, Patience(deadline: deadline)) }
    }
    stream.close()
    return isSent ?? false
  }

  /// Closes at once, without a word; threads inside a call wake up and throw. The second call does nothing.
  package func abandon() { stream.close() }

  private func sendLast(_ message: Message?, _ output: inout Output, _ patience: Patience) -> Bool {
    do {
      if let (rest, type) = output.unfinished {
        var bytes = rest
        try write(&bytes, patience)
        output.unfinished = nil
        countSent(type, bytes.count)
      }
      guard let message else { return false }
      _ = try send(try message.outgoingFrame(), message, &output, patience)
      return true
    } catch {
      return false  // The peer cannot be told any more; the connection is closed all the same.
    }
  }

  private func drain(_ input: inout Input, _ patience: Patience) {
    input.isBrokenInsideFrame = true
    stream.drain(maximumBytes: 16 << 20, patience: patience)
  }
}
