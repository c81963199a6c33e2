import TestSupport
import Testing

@testable import Transport

@Suite struct FramedConnectionTests {
  /// Both ends of a conversation that has got past the welcome.
  static func established(
    timeout: Double = 20, window: Int = 4, isTCP: Bool = true, cancellation: Cancellation? = nil,
    cloudMaximumFrameBytes: Int = FrameHeader.defaultMaximumFrameBytes
  ) throws -> (edge: FramedConnection, cloud: FramedConnection) {
    let (left, right) = try isTCP ? tcpPair(timeout: timeout) : Socket.pair(timeout: timeout)
    return try established(
      left, right, window: window, cancellation: cancellation, cloudMaximumFrameBytes: cloudMaximumFrameBytes)
  }

  static func established(
    _ left: any ByteStream, _ right: any ByteStream, window: Int = 4, exchange: Exchange = .activations,
    cancellation: Cancellation? = nil,
    cloudMaximumFrameBytes: Int = FrameHeader.defaultMaximumFrameBytes
  ) throws -> (edge: FramedConnection, cloud: FramedConnection) {
    let edge = FramedConnection(left, role: .edge, cancellation: cancellation)
    let cloud = FramedConnection(right, role: .cloud, maximumFrameBytes: cloudMaximumFrameBytes)
    try edge.send(.hello(hello(window: window, exchange: exchange)))
    _ = try cloud.receive()
    try cloud.send(.welcome(Welcome(maximumFrameBytes: cloudMaximumFrameBytes, softwareVersion: "0")))
    _ = try edge.receive()
    return (edge, cloud)
  }

  @Test func aWholeRunAndEqualLedgers() throws {
    let (edge, cloud) = try Self.established()
    let server = Background { () -> Message in
      var batches = 0
      while true {
        let received = try cloud.receive()
        switch received.message {
        case .trainBatch(let batch), .evaluationBatch(let batch):
          batches += 1
          if batches % 2 == 0 { try cloud.send(acknowledgement(batch.sequence)) }
        case .epochEnd(let end):
          try LedgerMismatchError.check("edge to cloud", here: received.receivedBefore, there: end.sent)
          let report = EpochReport(
            epoch: end.epoch, meanTrainingLoss: 1, finalLoss: nil, finalCorrect: 0, finalCount: 0,
            busySeconds: 1,
            idleSeconds: 0, received: received.receivedWith, sent: cloud.ledger.sent)
          try cloud.send(.epochReport(report))
        default: return received.message
        }
      }
    }
    var sequence: UInt64 = 0
    var generator = TestGenerator(state: 9)
    for epoch in 1...2 {
      for index in 0..<6 {
        while !edge.conversation.canSendBatch { _ = try edge.receive() }
        sequence += 1
        let batch = EncodedBatch(
          sequence: sequence, labels: generator.bytes(5).map { UInt16($0) << 8 | 7 },
          activations: generator.bytes(1000 * index))
        let size = try edge.send(index < 4 ? .trainBatch(batch) : .evaluationBatch(batch))
        #expect(size == FrameHeader.byteCount + batch.payloadByteCount)
      }
      let before = edge.ledger.sent
      sequence += 1
      try edge.send(.epochEnd(EpochEnd(epoch: epoch, steps: 4, sequence: sequence, sent: before)))
      var report: (EpochReport, ReceivedMessage)?
      while report == nil {
        let received = try edge.receive()
        if case .epochReport(let message) = received.message { report = (message, received) }
      }
      let (message, received) = try #require(report)
      #expect(message.received == edge.ledger.sent)
      #expect(message.sent == received.receivedBefore)
    }
    edge.close(sending: .goodbye(Goodbye(reason: .completed)))
    #expect(try server.value() == .goodbye(Goodbye(reason: .completed)))
    #expect(edge.ledger.sent == cloud.ledger.received)
    #expect(edge.ledger.received == cloud.ledger.sent)
    #expect(edge.ledger.sent.payload == 2 * (4 * 14 + 6000))
    #expect(edge.ledger.sent.evaluation == 2 * (2 * 14 + 9000))
    #expect(edge.ledger.sent.framing == 24 * (1 + 12 + 2 + 1))
    #expect(edge.ledger.received.framing == 24 * (1 + 6 + 2))
    #expect(cloud.ledger.total == edge.ledger.total)
  }

  @Test func ledgerArithmetic() {
    let a = ByteCounts(payload: 1, evaluation: 2, gradient: 5, framing: 3, control: 4)
    let b = ByteCounts(payload: 10, evaluation: 20, gradient: 50, framing: 30, control: 40)
    #expect(a + b == ByteCounts(payload: 11, evaluation: 22, gradient: 55, framing: 33, control: 44))
    #expect((a + b) - b == a)
    #expect((a + b).total == 165)
    #expect((ByteLedger(sent: a, received: b) + ByteLedger(sent: b)).sent == a + b)
    #expect(throws: LedgerMismatchError(direction: "edge to cloud", here: a, there: b)) {
      try LedgerMismatchError.check("edge to cloud", here: a, there: b)
    }
    #expect(
      LedgerMismatchError(direction: "edge to cloud", here: a, there: ByteCounts()).description
        == "the byte counts edge to cloud differ: here payload 1 + evaluation 2 + gradient 5 + framing 3 + "
        + "control 4 = 15 bytes, at the peer payload 0 + evaluation 0 + gradient 0 + framing 0 + control 0 = 0 bytes"
    )
  }

  @Test func endBetweenFramesAndInsideAFrame() throws {
    let frame = try Message.hello(hello()).encodedFrame()
    for count in 0..<frame.count {
      let (left, right) = try Socket.pair(timeout: 20)
      try left.writeAll(Array(frame[..<count]))
      left.close()
      let cloud = FramedConnection(right, role: .cloud)
      let error = #expect(throws: ConnectionError.self) { try cloud.receive() }
      switch (count, error) {
      case (0, .endOfStream): break
      case (1..<24, .endOfStreamInsideFrame(received: count, expected: 24)): break
      case (24..., .endOfStreamInsideFrame(received: count, expected: frame.count)): break
      default: Issue.record("after \(count) bytes: \(String(describing: error))")
      }
    }
  }

  @Test func bytesOneByOne() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    let cloud = FramedConnection(right, role: .cloud)
    let receiver = Background { try cloud.receive() }
    let frame = try Message.hello(hello()).encodedFrame()
    for byte in frame { try left.writeAll([byte]) }
    #expect(try receiver.value().message == .hello(try hello()))
    #expect(cloud.ledger.received.total == frame.count)
  }

  /// 4 GiB announced: the error comes after the 24 bytes of the header, without waiting for, or making room for, more.
  @Test func lengthIsRefusedBeforeAnythingIsAllocated() throws {
    let (left, right) = try Socket.pair(timeout: 600)
    try left.writeAll(
      hexadecimal("48 54 52 4e 07 00 04 00 01 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00") + [0xaa])
    let cloud = FramedConnection(right, role: .cloud)
    #expect(throws: WireError.length(limit: 1 << 20, actual: 0xffff_ffff)) { try cloud.receive() }
    #expect(try read(1, from: right) == [0xaa])
    #expect(throws: ConnectionError.brokenInsideFrame) { try cloud.receive() }
    #expect(cloud.ledger.total == 0)
  }

  @Test func frameLimitOfThePeerIsKept() throws {
    let (edge, cloud) = try Self.established(cloudMaximumFrameBytes: 2000)
    let large = EncodedBatch(
      sequence: 1, labels: [1], activations: [UInt8](repeating: 0, count: 2000 - 24 - 6 + 1))
    #expect(throws: WireError.length(limit: 2000, actual: 2001)) { try edge.send(.trainBatch(large)) }
    // Nothing has been sent and nothing is lost.
    let fitting = EncodedBatch(
      sequence: 1, labels: [1], activations: [UInt8](repeating: 0, count: 2000 - 24 - 6))
    #expect(try edge.send(.trainBatch(fitting)) == 2000)
    #expect(try cloud.receive().message == .trainBatch(fitting))
  }

  @Test func illegalMessagesAreNeitherSentNorAccepted() throws {
    let (edge, cloud) = try Self.established()
    #expect(throws: WireError.self) { try edge.send(.trainBatch(batch(2))) }
    try edge.send(.trainBatch(batch(1)))
    _ = try cloud.receive()
    let (left, right) = try Socket.pair(timeout: 20)
    try left.writeAll(try Message.trainBatch(batch(1)).encodedFrame())
    let other = FramedConnection(right, role: .cloud)
    #expect(throws: WireError.order(expected: "hello, failure", actual: "train-batch 1 from the edge")) {
      try other.receive()
    }
  }

  @Test func corruptionIsNoticed() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    var frame = try Message.hello(hello()).encodedFrame()
    frame[40] ^= 1
    try left.writeAll(frame)
    let error = #expect(throws: WireError.self) { try FramedConnection(right, role: .cloud).receive() }
    guard case .checksum = error else {
      Issue.record("got \(String(describing: error))")
      return
    }
  }

  /// The edge measures, and has asked nothing: it may wait for many times its timeout.
  @Test func silentPeerDoesNotTimeOutWhenItIsNotItsTurn() throws {
    let (left, right) = try Socket.pair(timeout: 0.05)
    let watched = WatchedStream(left)
    let (edge, cloud) = try Self.established(watched, right, exchange: .measurements)
    let before = watched.events.withLock { $0.timeoutQuestions }
    let idle = Background { try edge.receive().message }
    // Asked at first, and again whenever its time is over.
    _ = watched.events.wait { $0.timeoutQuestions > before + 5 ? true : nil }
    let goodbye = Message.goodbye(Goodbye(reason: .interrupted))
    try cloud.send(goodbye)
    #expect(try idle.value() == goodbye)
  }

  /// In a run, whatever is outstanding: a peer that has nothing to say has to say that it lives.
  @Test func silentPeerTimesOutInARun() throws {
    let (edge, cloud) = try Self.established(timeout: 0.2)
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) { try edge.receive() }
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) { try cloud.receive() }
    // Between two frames a timeout breaks nothing.
    try edge.send(.trainBatch(batch(1)))
    try edge.send(.alive(Alive()))
    #expect(try cloud.receive().message == .trainBatch(batch(1)))
    #expect(try cloud.receive().message == .alive(Alive()))
    try cloud.send(.alive(Alive()))
    #expect(try edge.receive().message == .alive(Alive()))
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) { try edge.receive() }
  }

  /// A frame that is cut short by Ctrl-C is finished before the goodbye, so that the cloud can read both.
  @Test func goodbyeAfterACancelledSend() throws {
    let cancellation = try Cancellation()
    let (edge, cloud) = try Self.established(isTCP: false, cancellation: cancellation)
    let large = EncodedBatch(sequence: 1, labels: [1], activations: [UInt8](repeating: 7, count: 2 << 20))
    let sender = Background { try edge.send(.trainBatch(large)) }
    // More than the kernel's buffers hold: after this the sender is inside the frame until somebody reads on.
    let start = try read(FrameHeader.byteCount, from: cloud.stream)
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try sender.value() }
    #expect(throws: ConnectionError.brokenInsideFrame) { try edge.send(.trainBatch(batch(2))) }
    #expect(throws: ConnectionError.cancelled) { try edge.receive() }
    let closer = Background { edge.close(sending: .goodbye(Goodbye(reason: .interrupted)), within: 20) }
    let first = start + (try read(large.payloadByteCount, from: cloud.stream))
    #expect(try Message.decode(frame: first).message == .trainBatch(large))
    let goodbye = Message.goodbye(Goodbye(reason: .interrupted))
    let last = try read(goodbye.encodedFrame().count, from: cloud.stream)
    #expect(try Message.decode(frame: last).message == goodbye)
    #expect(throws: ConnectionError.endOfStream) { try read(1, from: cloud.stream) }
    cloud.close()
    #expect(try closer.value())
    #expect(edge.ledger.sent.total == cloud.ledger.received.total + first.count + last.count)
  }

  /// The message must arrive although the cloud closes with unread batches in its buffer.
  @Test func failureIsReadableBehindUnreadInput() throws {
    let (edge, cloud) = try Self.established()
    for sequence in 1...4 {
      try edge.send(
        .trainBatch(
          EncodedBatch(
            sequence: UInt64(sequence), labels: [1], activations: [UInt8](repeating: 0, count: 50_000))))
    }
    let failure = Message.failure(Failure(code: "non-finite-loss", reason: "step 1"))
    let closer = Background { cloud.close(sending: failure, within: 20) }
    #expect(try edge.receive().message == failure)
    edge.close()
    #expect(try closer.value())
  }

  @Test func concurrentSendersDoNotMixFrames() throws {
    let (edge, cloud) = try Self.established()
    try edge.send(.trainBatch(batch(1)))
    _ = try cloud.receive()
    // One thread acknowledges while another says goodbye: in whichever order, both frames are whole.
    let first = Background { try? cloud.send(acknowledgement(1)) }
    let second = Background { try cloud.send(.goodbye(Goodbye(reason: .interrupted))) }
    _ = try first.value()
    _ = try second.value()
    cloud.stream.shutdownWriting(patience: Patience())
    var last: Message?
    while let received = try? edge.receive() { last = received.message }
    #expect(last == .goodbye(Goodbye(reason: .interrupted)))
    #expect(edge.ledger.received == cloud.ledger.sent)
  }

  @Test func randomStreamsNeverCrash() throws {
    var generator = TestGenerator(state: 10)
    let hello = try Message.hello(hello()).encodedFrame()
    for round in 0..<300 {
      let (left, right) = try Socket.pair(timeout: 20)
      var bytes = generator.bytes(Int.random(in: 0..<300, using: &generator))
      if round % 2 == 0 { bytes = hello + bytes }
      try left.writeAll(bytes)
      left.close()
      let cloud = FramedConnection(right, role: .cloud)
      if round % 2 == 0 { _ = try cloud.receive() }
      #expect(throws: (any Error).self) { try cloud.receive() }
    }
  }
}
