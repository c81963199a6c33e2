import Glibc
import Platform
import TestSupport
import Testing

@testable import Transport

@Suite struct SocketTests {
  @Test(arguments: ["127.0.0.1", "::1", "localhost"]) func listensAndConnects(host: String) throws {
    let listener = try SocketListener(on: Endpoint(host: host, port: 0))
    #expect(listener.localEndpoint.port != 0)
    #expect(listener.localEndpoint.host == "127.0.0.1" || listener.localEndpoint.host == "::1")
    let client = try Socket.connect(
      to: Endpoint(host: host, port: listener.localEndpoint.port), timeout: 20)
    let server = try listener.accept(timeout: 20)
    #expect(client.remoteEndpoint == listener.localEndpoint)
    #expect(server.remoteEndpoint == client.localEndpoint)
    try client.writeAll([1, 2, 3])
    #expect(try read(3, from: server) == [1, 2, 3])
    try server.writeAll([4])
    #expect(try read(1, from: client) == [4])
  }

  @Test func portInUseIsAnError() throws {
    let first = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    #expect(
      throws: ConnectionError.cannotListen(
        endpoint: "\(first.localEndpoint)", reason: "Address already in use")
    ) { try SocketListener(on: first.localEndpoint) }
  }

  @Test func nobodyListens() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = listener.localEndpoint
    listener.close()
    #expect(throws: ConnectionError.cannotConnect(endpoint: "\(endpoint)", reason: "Connection refused")) {
      try Socket.connect(to: endpoint, timeout: 20)
    }
    #expect(throws: ConnectionError.closed) { try listener.accept(timeout: 20) }
  }

  @Test func unknownHost() {
    let error = #expect(throws: ConnectionError.self) {
      try Socket.connect(to: Endpoint(host: "no-such-host.invalid", port: 1), timeout: 20)
    }
    guard case .cannotResolve(host: "no-such-host.invalid", _) = error else {
      Issue.record("got \(String(describing: error))")
      return
    }
  }

  @Test func port0IsNoTarget() {
    #expect(throws: ConnectionError.self) {
      try Socket.connect(to: Endpoint(host: "127.0.0.1", port: 0), timeout: 20)
    }
  }

  @Test func partialReadsAreJoined() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    let reader = Background { try read(10, from: right) }
    for byte in UInt8(0)..<10 {
      try left.writeAll([byte])
      sleep(milliseconds: 1)
    }
    #expect(try reader.value() == Array(0..<10))
  }

  @Test func endOfStream() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    try left.writeAll([1, 2, 3])
    left.close()
    left.close()
    #expect(throws: ConnectionError.endOfStreamInsideFrame(received: 3, expected: 4)) {
      try read(4, from: right)
    }
    #expect(throws: ConnectionError.endOfStream) { try read(1, from: right) }
    #expect(throws: ConnectionError.closed) { try read(1, from: left) }
    #expect(throws: ConnectionError.closed) { try left.writeAll([1]) }
  }

  @Test func writingToAPeerThatHasGone() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    right.close()
    let error = #expect(throws: ConnectionError.self) { try left.writeAll([1]) }
    guard case .peerGone = error else {
      Issue.record("got \(String(describing: error))")
      return
    }
  }

  @Test func resetByPeer() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let descriptor = socket(AF_INET, SocketAddress.streamSocketType, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = listener.localEndpoint.port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    #expect(isConnected)
    let server = try listener.accept(timeout: 20)
    // Closing with this option makes the kernel reset the connection.
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    SystemCall.close(descriptor)
    let error = #expect(throws: ConnectionError.self) { try read(1, from: server) }
    #expect(error == .peerGone(operation: "recv", errnoCode: ECONNRESET))
  }

  @Test func silentPeerTimesOut() throws {
    let (left, right) = try Socket.pair(timeout: 0.2)
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) { try read(1, from: right) }
    // A peer that does not read: the kernel's buffers fill up.
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) {
      try left.writeAll([UInt8](repeating: 0, count: 32 << 20))
    }
  }

  @Test func silentTCPPeerTimesOut() throws {
    let (client, server) = try tcpPair(timeout: 0.2)
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) {
      try client.writeAll([UInt8](repeating: 0, count: 64 << 20))
    }
    // They have arrived, or wait here: the link has lost none.
    #expect(client.bytesInFlight == 0)
    withExtendedLifetime(server) {}
  }

  @Test func deadlineEndsASlowDrip() throws {
    let (left, right) = try Socket.pair(timeout: 20)
    let reader = Background {
      try read(1 << 20, from: right, patience: Patience(deadline: Deadline(secondsFromNow: 0.3)))
    }
    let drip = Background {
      // Ends with an error as soon as the reader's end is closed.
      while true {
        try left.writeAll([1])
        sleep(milliseconds: 10)
      }
    }
    #expect(throws: ConnectionError.timedOut(seconds: 0.3)) { try reader.value() }
    right.close()
    #expect(throws: ConnectionError.self) { try drip.value() }
  }

  /// The reader gets nothing for many times its timeout, but bytes go the other way.
  @Test func progressInOneDirectionCountsForTheOther() throws {
    let (left, right) = try Socket.pair(timeout: 1)
    let reader = Background { try read(1, from: left) }
    let sink = Background { try read(60, from: right) }
    for _ in 0..<60 {
      try left.writeAll([7])
      sleep(milliseconds: 30)
    }
    try right.writeAll([9])
    #expect(try reader.value() == [9])
    #expect(try sink.value().count == 60)
  }

  @Test func progressClock() {
    var clock = ProgressClock()
    clock.sent(100, at: 10)
    #expect(clock.lastProgress == 10)
    clock.observe(queuedBytes: 100, at: 20)
    #expect(clock.lastProgress == 10)
    clock.observe(queuedBytes: 99, at: 30)
    #expect(clock.lastProgress == 30)
    clock.observe(queuedBytes: 99, at: 40)
    #expect(clock.lastProgress == 30)
    clock.received(at: 50)
    #expect(clock.lastProgress == 50)
    clock.received(at: 45)
    #expect(clock.lastProgress == 50)
    clock.observe(queuedBytes: 500, at: 60)
    #expect(clock.lastProgress == 50)
  }

  @Test func patienceWhileThePeerOwesNothing() throws {
    let (left, right) = try Socket.pair(timeout: 0.05)
    let questions = Guarded(0)
    let reader = Background {
      var byte: UInt8 = 0
      try withUnsafeMutableBytes(of: &byte) { bytes in
        try right.readExactly(into: bytes) {
          questions.change { $0 += 1 }
          return .nothing
        }
      }
      return byte
    }
    // It is asked at first, and again whenever the time is over.
    _ = questions.wait { $0 > 5 ? true : nil }
    try left.writeAll([5])
    #expect(try reader.value() == 5)
  }

  /// Where the peer owes a word, what this side sends is none.
  @Test func sendingIsNoSignOfLife() throws {
    let (left, right) = try Socket.pair(timeout: 0.2)
    let isOver = Guarded(false)
    let sender = Background {
      while !isOver.withLock({ $0 }) {
        try right.writeAll([1])
        sleep(milliseconds: 20)
      }
    }
    var byte: UInt8 = 0
    #expect(throws: ConnectionError.timedOut(seconds: 0.2)) {
      try withUnsafeMutableBytes(of: &byte) { try right.readExactly(into: $0) { .word } }
    }
    isOver.withLock { $0 = true }
    try sender.value()
    left.close()
  }

  @Test func cancellationWakesARead() throws {
    let (left, right) = try Socket.pair(timeout: 600)
    let cancellation = try Cancellation()
    let reader = Background { try read(1, from: right, patience: Patience(cancellation: cancellation)) }
    sleep(milliseconds: 50)
    cancellation.cancel()
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try reader.value() }
    // At once for later calls, even if there is something to read; and without it the stream goes on.
    try left.writeAll([1])
    #expect(throws: ConnectionError.cancelled) {
      try read(1, from: right, patience: Patience(cancellation: cancellation))
    }
    #expect(try read(1, from: right) == [1])
  }

  @Test func cancellationWakesAWrite() throws {
    let (left, right) = try Socket.pair(timeout: 600)
    let cancellation = try Cancellation()
    let writer = Background {
      try left.writeAll(
        [UInt8](repeating: 0, count: 32 << 20), patience: Patience(cancellation: cancellation))
    }
    sleep(milliseconds: 50)
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try writer.value() }
    withExtendedLifetime(right) {}
  }

  @Test func cancellationWakesAccept() throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let cancellation = try Cancellation()
    let server = Background { _ = try listener.accept(timeout: 600, cancellation: cancellation) }
    sleep(milliseconds: 50)
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try server.value() }
  }

  @Test func closeWakesAReadAndAnAccept() throws {
    let (left, right) = try Socket.pair(timeout: 600)
    let reader = Background { try read(1, from: right) }
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let server = Background { _ = try listener.accept(timeout: 600) }
    sleep(milliseconds: 50)
    right.close()
    listener.close()
    #expect(throws: ConnectionError.closed) { try reader.value() }
    #expect(throws: ConnectionError.closed) { try server.value() }
    withExtendedLifetime(left) {}
  }

  @Test func largeGatheredWrite() throws {
    let (client, server) = try tcpPair()
    var generator = TestGenerator(state: 8)
    let head = generator.bytes(1000)
    let body = [UInt8](repeating: 0xab, count: 9 << 20) + generator.bytes(77)
    let writer = Background {
      var bytes = OutgoingBytes(head: head, body: body[...])
      try client.write(&bytes, patience: Patience())
      return bytes.isComplete
    }
    #expect(try read(head.count + body.count, from: server) == head + body)
    #expect(try writer.value())
  }

  @Test func errorTexts() {
    #expect(
      SystemError(operation: "bind", errnoCode: 13).description == "bind failed: Permission denied (errno 13)"
    )
    #expect(
      ConnectionError.timedOut(seconds: 60).description
        == "the peer made no progress for 60 s; check the link, or allow more with --timeout")
    #expect(
      ConnectionError.notArriving(bytes: 1500).description(peer: "the cloud").hasPrefix(
        "the cloud can be heard, but the last 1500 bytes sent to it did not arrive; "))
  }
}
