import Platform
import TestSupport
import Testing

@testable import Transport

/// Shaped connections over loopback. A busy machine makes them slower, never faster, so times have lower bounds only,
/// or upper ones far away.
@Suite struct ShapedStreamTests {
  private static func established(
    _ shaping: LinkShaping, timeout: Double = 60
  ) throws -> (edge: FramedConnection, cloud: FramedConnection) {
    let (edge, cloud) = try FramedConnectionTests.established(timeout: timeout, window: 64)
    try edge.shape(shaping)
    try cloud.shape(shaping)
    return (edge, cloud)
  }

  private static func seconds(since start: UInt64) -> Double {
    Double(MonotonicClock.nanoseconds() - start) * 1e-9
  }

  private static let content = batch(1, labels: [1], activations: [UInt8](repeating: 7, count: 100_000))

  /// 4 MB at 80 Mbit/s.
  @Test func neverFasterThanAsked() throws {
    let (edge, cloud) = try Self.established(LinkShaping(rate: 80e6))
    let start = MonotonicClock.nanoseconds()
    let receiver = Background {
      var bytes = 0
      for _ in 0..<40 {
        bytes += try cloud.receive().frameByteCount
        // Of all that has arrived at this moment; headers count as well.
        #expect(Double(bytes) * 8 / 80e6 <= Self.seconds(since: start) + LinkPacing.burst)
      }
      return bytes
    }
    for sequence in 1...40 {
      try edge.send(
        .trainBatch(
          EncodedBatch(sequence: UInt64(sequence), labels: [1], activations: Self.content.activations)))
    }
    let bytes = try receiver.value()
    #expect(bytes == 40 * (FrameHeader.byteCount + 6 + 100_000))
    // Without the gaps between frames, which the pacing makes up for.
    #expect(edge.sendingSeconds > 0)
    #expect(edge.sendingSeconds <= Self.seconds(since: start) + 1)
  }

  /// With 10 s of delay for each of 40 frames one after the other this would take 400 s.
  @Test func framesShareTheDelay() throws {
    let (edge, cloud) = try Self.established(LinkShaping(rate: 1e9, delay: 10))
    let start = MonotonicClock.nanoseconds()
    for sequence in 1...40 { try edge.send(.trainBatch(batch(UInt64(sequence)))) }
    // Closing lets everything arrive at once.
    let closer = Background { edge.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 60) }
    for sequence in 1...40 {
      #expect(try cloud.receive().message == .trainBatch(batch(UInt64(sequence))))
    }
    #expect(try cloud.receive().message == .goodbye(Goodbye(reason: .interrupted)))
    cloud.close()
    #expect(try closer.value())
    #expect(Self.seconds(since: start) < 300)
    #expect(edge.ledger.sent == cloud.ledger.received)
  }

  @Test(arguments: [LinkShaping(delay: 0.1), LinkShaping(rate: 1e8, delay: 0.1)])
  func nothingArrivesBeforeTheDelay(shaping: LinkShaping) throws {
    let (edge, cloud) = try Self.established(shaping)
    for sequence in 1...3 {
      let start = MonotonicClock.nanoseconds()
      try edge.send(.trainBatch(batch(UInt64(sequence))))
      _ = try cloud.receive()
      #expect(Self.seconds(since: start) >= 0.1)
      try cloud.send(acknowledgement(UInt64(sequence)))
      _ = try edge.receive()
      #expect(Self.seconds(since: start) >= 0.2)
    }
  }

  @Test func delayLineIsBounded() throws {
    let (near, far) = MemoryStream.pair(capacity: 1000)
    let wakeUp = try WakeUp()
    // 1 MiB fits: ten pieces, and the one that the thread has taken out.
    let line = try DelayLine(LinkShaping(rate: 1e9, delay: 0.001), near, wakeUp)
    let piece = [UInt8](repeating: 7, count: 100_000)
    var count = 0
    while try line.append(piece) { count += 1 }
    #expect(count == 10 || count == 11)
    let reader = Background { try read(1_000_000, from: far) }
    while try !line.append(piece) {
      _ = try Poll.wait(for: 0, on: -1, until: .max, cancellation: nil, wakeUp: wakeUp)
    }
    #expect(try reader.value().count == 1_000_000)
    near.close()
    line.stop()
    #expect(throws: ConnectionError.closed) { try line.append(piece) }
  }

  /// A line that is full makes its sender wait, and lets it go on afterwards.
  @Test func aFullLineGoesOn() throws {
    // 1 MiB fits.
    let (edge, cloud) = try Self.established(LinkShaping(rate: 1e9, delay: 0.001))
    let sender = Background {
      for sequence in 1...20 {
        try edge.send(
          .trainBatch(
            batch(UInt64(sequence), labels: [1], activations: [UInt8](repeating: 7, count: 1 << 20))))
      }
    }
    waitUntil { edge.conversation.lastSequence > 1 }
    for _ in 0..<20 { _ = try cloud.receive() }
    try sender.value()
  }

  /// A sender that waits for room in the line, behind a peer that does not read.
  @Test(arguments: [true, false]) func aFullLineCanBeLeft(byCancellation: Bool) throws {
    let cancellation = try Cancellation()
    let (left, right) = try Socket.pair(timeout: 600)
    let (edge, cloud) = try FramedConnectionTests.established(
      left, right, window: 64, cancellation: cancellation)
    // 1 MiB fits, and what the kernel takes.
    try edge.shape(LinkShaping(rate: 1e11, delay: 1e-5))
    let large = batch(1, activations: [UInt8](repeating: 7, count: 4 << 20))
    let sender = Background { try edge.send(.trainBatch(large)) }
    _ = try read(FrameHeader.byteCount, from: right)
    if byCancellation { cancellation.cancel() } else { edge.abandon() }
    #expect(throws: byCancellation ? ConnectionError.cancelled : .closed) { try sender.value() }
    withExtendedLifetime(cloud) {}
  }

  /// A piece takes 1 s here, twice the timeout.
  @Test func slowIsNotStalled() throws {
    let (edge, cloud) = try Self.established(LinkShaping(rate: 2e3), timeout: 0.5)
    let receiver = Background { try cloud.receive().message }
    let message = Message.trainBatch(batch(1, activations: [UInt8](repeating: 1, count: 300)))
    try edge.send(message)
    #expect(try receiver.value() == message)
  }

  /// Receives until the goodbye, and closes.
  private static func receiveAll(_ cloud: FramedConnection) -> Background<[Message]> {
    Background {
      defer { cloud.close() }
      var messages: [Message] = []
      while messages.last != .goodbye(Goodbye(reason: .interrupted)) {
        messages.append(try cloud.receive().message)
      }
      return messages
    }
  }

  /// At 20 kbit/s the frame would take 40 s.
  @Test(arguments: [0, 0.2])
  func cancellationWakesAPacedSend(delay: Double) throws {
    let cancellation = try Cancellation()
    let (left, right) = try tcpPair()
    let watched = WatchedStream(right)
    let (edge, cloud) = try FramedConnectionTests.established(left, watched, cancellation: cancellation)
    try edge.shape(LinkShaping(rate: 20e3, delay: delay))
    let before = watched.events.withLock { $0.bytesRead }
    let receiver = Self.receiveAll(cloud)
    let sender = Background { try edge.send(.trainBatch(Self.content)) }
    _ = watched.events.wait { $0.bytesRead > before ? true : nil }
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try sender.value() }
    // The peer still gets the rest of the frame, and the last word.
    #expect(edge.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 60))
    #expect(try receiver.value() == [.trainBatch(Self.content), .goodbye(Goodbye(reason: .interrupted))])
  }

  /// At 1 kbit/s the frame would take a quarter of an hour.
  @Test(arguments: [0, 10])
  func closingEndsAPacedSend(delay: Double) throws {
    let (edge, cloud) = try Self.established(LinkShaping(rate: 1e3, delay: delay))
    let receiver = Self.receiveAll(cloud)
    let start = MonotonicClock.nanoseconds()
    let sender = Background { try edge.send(.trainBatch(Self.content)) }
    waitUntil { edge.conversation.lastSequence > 0 }
    #expect(edge.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 60))
    #expect(try sender.value() == FrameHeader.byteCount + 6 + 100_000)
    #expect(
      try receiver.value() == [.trainBatch(Self.content), .goodbye(Goodbye(reason: .interrupted))])
    #expect(Self.seconds(since: start) < 600)
  }

  @Test(arguments: [0, 0.05])
  func peerThatGoesEndsAPacedSend(delay: Double) throws {
    let (edge, cloud) = try Self.established(LinkShaping(rate: 1e6, delay: delay))
    let sender = Background {
      for sequence in 1...60 {
        try edge.send(
          .trainBatch(
            EncodedBatch(sequence: UInt64(sequence), labels: [1], activations: Self.content.activations)))
      }
    }
    waitUntil { edge.conversation.lastSequence > 0 }
    cloud.abandon()
    #expect(throws: ConnectionError.self) { try sender.value() }
    edge.close()
  }

  @Test func piecesOfOutgoingBytes() {
    let all = (0..<20).map { UInt8($0) }
    for headCount in [0, 1, 7, 20] {
      for size in [1, 3, 7, 20, 100] {
        var bytes = OutgoingBytes(head: Array(all[..<headCount]), body: all[headCount...])
        var joined: [UInt8] = []
        while !bytes.isComplete {
          let piece = bytes.next(size)
          #expect(piece.count == min(size, 20 - joined.count))
          joined += piece
          bytes.advance(by: piece.count)
        }
        #expect(joined == all)
      }
    }
  }
}
