import Platform
import TestSupport
import Testing

@testable import Transport

@Suite struct HandshakeTests {
  static let welcome = Welcome(maximumFrameBytes: 1 << 22, timeoutSeconds: 2.5, softwareVersion: "0.1.0")

  @Test func welcomed() throws {
    let (left, right) = try tcpPair()
    let edge = FramedConnection(left, role: .edge)
    let cloud = FramedConnection(right, role: .cloud)
    let server = Background {
      let hello = try Handshake.accept(cloud)
      try cloud.send(.welcome(Self.welcome))
      return hello
    }
    #expect(try Handshake.connect(edge, hello: try hello(window: 7)) == Self.welcome)
    #expect(try server.value() == hello(window: 7))
    #expect(cloud.conversation.window == 7)
  }

  /// What the edge of a run that has begun is told, and what it makes of it.
  private func goOn(_ resume: ResumePosition?, offer: ResumeOffer = ResumeOffer(first: 5, answered: 7)) throws -> (
    edge: FramedConnection, welcome: Result<Welcome, any Error>
  ) {
    let (left, right) = try tcpPair()
    let edge = FramedConnection(left, role: .edge)
    let answer = Welcome(maximumFrameBytes: 1 << 22, resume: resume, softwareVersion: "0.1.0")
    let server = Background {
      let cloud = FramedConnection(right, role: .cloud)
      let hello = try Handshake.accept(cloud)
      // Not through the cloud's own state machine, which knows better.
      try right.writeAll(Message.welcome(answer).encodedFrame())
      return hello.resume
    }
    let isSplit = offer.positions != nil
    let hello = try hello(
      window: isSplit ? 1 : 4, exchange: isSplit ? .gradients : .activations, resume: offer)
    let welcome = Result { try Handshake.connect(edge, hello: hello) }
    #expect(try server.value() == offer)
    return (edge, welcome)
  }

  @Test func welcomedToGoOn() throws {
    let position = ResumePosition(applied: 9, epoch: 2, steps: 3, testBatches: 1)
    let (edge, welcome) = try goOn(position)
    #expect(try welcome.get().resume == position)
    #expect((edge.conversation.epoch, edge.conversation.steps, edge.conversation.nextSequence) == (2, 3, 10))
    #expect(edge.conversation.owesReplay)
  }

  @Test(arguments: [
    (ResumePosition(applied: 3, epoch: 1, steps: 3, testBatches: 0), "welcome to go on after 3 from the cloud"),
    (nil, "welcome from the cloud"),
  ])
  func welcomedToGoOnWhereTheEdgeCannot(resume: ResumePosition?, actual: String) throws {
    let (edge, welcome) = try goOn(resume)
    #expect(throws: WireError.order(expected: "welcome to go on after 4 or later, refusal, failure", actual: actual)) {
      try welcome.get()
    }
    #expect(throws: ConnectionError.closed) { try edge.send(ConversationTests.failure) }
  }

  /// The cloud has applied one record more than the edge has an answer to: its gradient comes again.
  @Test func welcomedToGoOnOneRecordLater() throws {
    let position = ResumePosition(applied: 8, epoch: 2, steps: 3, testBatches: 0)
    let (edge, welcome) = try goOn(position, offer: ResumeOffer(positions: [4, 7]))
    #expect(try welcome.get().resume == position)
    #expect(edge.conversation.owesReplay && edge.conversation.owedGradient == 8)
  }

  @Test(arguments: [
    (ResumePosition(applied: 6, epoch: 1, steps: 6, testBatches: 0), "welcome to go on after 6 from the cloud"),
    (nil, "welcome from the cloud"),
  ])
  func welcomedToGoOnBetweenPositions(resume: ResumePosition?, actual: String) throws {
    let (_, welcome) = try goOn(resume, offer: ResumeOffer(positions: [4, 7]))
    #expect(
      throws: WireError.order(
        expected: "welcome to go on after one of 4, 7, or one later, refusal, failure", actual: actual)
    ) { try welcome.get() }
  }

  @Test func refusedWithAReason() throws {
    for code in Refusal.Code.allCases {
      let (left, right) = try tcpPair()
      let cloud = FramedConnection(right, role: .cloud)
      let server = Background {
        _ = try Handshake.accept(cloud)
        return Handshake.refuse(cloud, Refusal(code: code, reason: "because"), within: 20)
      }
      #expect(throws: RefusedError(code: code, reason: "because")) {
        try Handshake.connect(FramedConnection(left, role: .edge), hello: try hello())
      }
      #expect(try server.value())
    }
  }

  /// The cloud is busy and does not wait for the hello.
  @Test func refusedBeforeHello() throws {
    let (left, right) = try tcpPair()
    let cloud = FramedConnection(right, role: .cloud)
    let server = Background {
      Handshake.refuse(cloud, Refusal(code: .busy, reason: "serving another edge"), within: 20)
    }
    sleep(milliseconds: 50)
    #expect(throws: RefusedError(code: .busy, reason: "serving another edge")) {
      try Handshake.connect(FramedConnection(left, role: .edge), hello: try hello())
    }
    #expect(try server.value())
  }

  @Test func refusedBeforeHelloAndClosed() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    try right.writeAll(FrameTests.goldenRefusal)
    right.close()
    #expect(throws: RefusedError(code: .busy, reason: "serving another edge")) {
      try Handshake.connect(FramedConnection(left, role: .edge), hello: try hello())
    }
  }

  /// What a client gets that sends `bytes` and then reads; and what the server says about it.
  private func answer(to bytes: [UInt8], closing: Bool = false) throws -> (Message, any Error) {
    let (client, right) = try tcpPair()
    let cloud = FramedConnection(right, role: .cloud)
    let server = Background { () -> any Error in
      do {
        _ = try Handshake.accept(cloud, until: Deadline(secondsFromNow: 5))
        return ConnectionError.closed
      } catch {
        return error
      }
    }
    let writer = Background {
      try client.writeAll(bytes)
      if closing { client.shutdownWriting() }
    }
    try writer.value()
    let message = try FramedConnection(client, role: .edge).receive().message
    client.close()
    return (message, try server.value())
  }

  private func refusal(_ message: Message) -> Refusal? {
    if case .refusal(let refusal) = message { refusal } else { nil }
  }

  @Test func anotherVersionIsToldBothVersions() throws {
    let frame = rawFrame(type: 1, payload: Array("{}".utf8), version: 9)
    let (message, error) = try answer(to: frame)
    #expect(
      refusal(message)
        == Refusal(code: .protocolVersion, reason: "cloud speaks protocol version 7, this edge speaks 9"))
    let rejected = try #require(error as? RejectedClientError)
    #expect(rejected.cause as? WireError == .version(expected: 7, actual: 9))
    #expect(rejected.refusal?.code == .protocolVersion)
    #expect(
      rejected.description.contains("refused (protocol-version): bad protocol version: expected 7, got 9"))
  }

  @Test func edgeReportsTheVersionOfTheCloud() throws {
    let (left, right) = try tcpPair()
    let server = Background {
      _ = try FramedConnection(right, role: .cloud).receive()
      try right.writeAll(rawFrame(type: 3, payload: Array("whatever".utf8), version: 4))
      right.shutdownWriting()
    }
    let error = #expect(throws: ProtocolVersionError(cloud: 4, edge: 7)) {
      try Handshake.connect(FramedConnection(left, role: .edge), hello: try hello())
    }
    #expect(error?.description.hasPrefix("cloud speaks protocol version 4, this edge speaks 7") == true)
    try server.value()
  }

  @Test func wrongBeginnings() throws {
    let http = Array("GET / HTTP/1.1\r\nHost: cloud.example.org\r\n\r\n".utf8)
    #expect(refusal(try answer(to: http).0)?.code == .malformed)
    let halfHello = Array(FrameTests.goldenHello.dropLast())
    #expect(refusal(try answer(to: halfHello, closing: true).0)?.code == .malformed)
    let badJSON = rawFrame(type: 1, payload: Array("{}".utf8))
    #expect(
      refusal(try answer(to: badJSON).0)?.reason
        == "bad protocol_version of hello: expected a value, got nothing")
    var corrupt = FrameTests.goldenHello
    corrupt[30] ^= 4
    #expect(refusal(try answer(to: corrupt).0)?.code == .malformed)
    let wrongOrder = try Message.trainBatch(batch(1)).encodedFrame()
    #expect(
      refusal(try answer(to: wrongOrder).0)?.reason
        == "bad order of messages: expected hello, failure, got train-batch 1 from the edge")
    let long = hexadecimal("48 54 52 4e 07 00 01 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00")
    #expect(refusal(try answer(to: long).0)?.code == .limitExceeded)
  }

  @Test func clientThatSaysNothing() throws {
    let (client, right) = try tcpPair()
    let server = Background {
      try Handshake.accept(FramedConnection(right, role: .cloud), until: Deadline(secondsFromNow: 0.2))
    }
    let message = try FramedConnection(client, role: .edge).receive().message
    #expect(refusal(message) == Refusal(code: .malformed, reason: "no complete hello within 0.2 s"))
    client.close()
    let error = #expect(throws: RejectedClientError.self) { try server.value() }
    #expect(error?.cause as? ConnectionError == .timedOut(seconds: 0.2))
    #expect(error?.saidNothing == false)
  }

  @Test func clientThatLeavesAfterAWord() throws {
    let (client, right) = try tcpPair()
    try client.writeAll([0x48])
    client.close()
    let error = #expect(throws: RejectedClientError.self) {
      try Handshake.accept(FramedConnection(right, role: .cloud))
    }
    #expect(error?.saidNothing == false)
  }

  @Test func clientThatLeaves() throws {
    let (client, right) = try tcpPair()
    client.close()
    let error = #expect(throws: RejectedClientError.self) {
      try Handshake.accept(FramedConnection(right, role: .cloud))
    }
    #expect(error?.cause as? ConnectionError == .endOfStream)
    #expect(error?.refusal == nil)
    #expect(error?.saidNothing == true)
  }

  @Test func cloudIsStoppedWhileItWaitsForHello() throws {
    let cancellation = try Cancellation()
    let (client, right) = try tcpPair()
    let server = Background {
      try Handshake.accept(FramedConnection(right, role: .cloud, cancellation: cancellation))
    }
    sleep(milliseconds: 50)
    cancellation.cancel()
    #expect(throws: RefusedError(code: .shuttingDown, reason: "the cloud is shutting down")) {
      try Handshake.connect(FramedConnection(client, role: .edge), hello: try hello())
    }
    #expect(throws: ConnectionError.cancelled) { try server.value() }
  }

  /// Ten megabytes of random bytes at the cloud's port: it refuses, says why, and serves the next edge.
  @Test func randomBytesAndThenAnEdge() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let server = Background { () -> [String] in
      var log: [String] = []
      while true {
        let cloud = FramedConnection(try listener.accept(timeout: 20), role: .cloud)
        do {
          _ = try Handshake.accept(cloud)
          try cloud.send(.welcome(Self.welcome))
          guard case .goodbye = try cloud.receive().message else { continue }
          cloud.close()
          return log
        } catch let error as RejectedClientError {
          log.append("\(error.refusal?.code.rawValue ?? "not told"): \(error.cause)")
        }
      }
    }
    var generator = TestGenerator(state: 11)
    let garbage = [UInt8](unsafeUninitializedCapacity: 10 << 20) { buffer, count in
      count = 10 << 20
      for index in stride(from: 0, to: count, by: 8) {
        UnsafeMutableRawPointer(buffer.baseAddress!).storeBytes(
          of: generator.next(), toByteOffset: index, as: UInt64.self)
      }
    }
    let vandal = try Socket.connect(to: listener.localEndpoint, timeout: 20)
    try vandal.writeAll(garbage)
    let answer = try FramedConnection(vandal, role: .edge).receive().message
    #expect(refusal(answer)?.code == .malformed)
    #expect(refusal(answer)?.reason.contains("bad magic: expected HTRN (48 54 52 4e), got ") == true)
    vandal.close()
    let edge = FramedConnection(try Socket.connect(to: listener.localEndpoint, timeout: 20), role: .edge)
    #expect(try Handshake.connect(edge, hello: try hello()) == Self.welcome)
    #expect(edge.close(sending: .goodbye(Goodbye(reason: .completed)), within: 20))
    let log = try server.value()
    #expect(log.count == 1)
    #expect(log.first?.hasPrefix("malformed: bad magic") == true)
  }
}
