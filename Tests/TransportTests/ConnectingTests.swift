import Glibc
import Platform
import TestSupport
import Testing

@testable import Transport

/// Names that nobody tells the address of, and addresses at which nobody answers.
@Suite struct ConnectingTests {
  private let endpoint = Endpoint(host: "cloud.invalid", port: 7070)

  /// A resolver that knows these addresses.
  private func resolver(_ addresses: [Endpoint]) -> Resolver {
    Resolver { (_, forListening) throws(ConnectionError) in
      var list: [SocketAddress] = []
      for address in addresses { list += try SocketAddress.resolve(address, forListening: forListening) }
      return list
    }
  }

  /// A resolver that answers when it is released, or the test is over.
  private final class SilentResolver: Sendable {
    let isReleased = Guarded(false)
    var resolver: Resolver {
      Resolver { [isReleased] (endpoint, _) throws(ConnectionError) in
        isReleased.wait { $0 ? () : nil }
        throw .cannotResolve(host: endpoint.host, reason: "too late")
      }
    }
    func release() { isReleased.change { $0 = true } }
    deinit { release() }
  }

  // MARK: Names

  @Test func nobodyTellsTheAddress() {
    let silent = SilentResolver()
    #expect(throws: ConnectionError.cannotResolve(host: "cloud.invalid", reason: "no answer within 0.2 s")) {
      try Socket.connect(to: endpoint, timeout: 0.2, resolver: silent.resolver)
    }
    silent.release()
  }

  @Test func cancellationEndsTheSearch() throws {
    let silent = SilentResolver()
    let cancellation = try Cancellation()
    let client = Background { [endpoint, resolver = silent.resolver] in
      _ = try Socket.connect(to: endpoint, timeout: 600, cancellation: cancellation, resolver: resolver)
    }
    sleep(milliseconds: 50)
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try client.value() }
    silent.release()
  }

  @Test func numbersNeedNoResolver() throws {
    let silent = SilentResolver()
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let client = try Socket.connect(to: listener.localEndpoint, timeout: 600, resolver: silent.resolver)
    #expect(client.remoteEndpoint == listener.localEndpoint)
    silent.release()
  }

  // MARK: Addresses

  /// A listener whose queue is full: whoever connects waits.
  private final class BlackHole: Sendable {
    let endpoint: Endpoint
    private let descriptor: OwnedDescriptor
    private let filler: Socket

    init() throws {
      let descriptor = try SystemCall.run("socket") { socket(AF_INET, SocketAddress.streamSocketType, 0) }
      self.descriptor = OwnedDescriptor(descriptor)
      let any = try SocketAddress.resolve(Endpoint(host: "127.0.0.1", port: 0), forListening: true)[0]
      try SystemCall.run("bind") { any.withPointer { bind(descriptor, $0, $1) } }
      try SystemCall.run("listen") { listen(descriptor, 0) }
      endpoint = try #require(
        try SocketAddress("getsockname", of: descriptor) { getsockname($0, $1, $2) }.endpoint)
      filler = try Socket.connect(to: endpoint, timeout: 20)
    }
  }

  /// The next address has its turn long before the time of the first one is over.
  @Test func blackHoleIsPassedOver() throws {
    let hole = try BlackHole()
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let start = MonotonicClock.seconds()
    let client = try Socket.connect(
      to: endpoint, timeout: 600, resolver: resolver([hole.endpoint, hole.endpoint, listener.localEndpoint]))
    #expect(client.remoteEndpoint == listener.localEndpoint)
    #expect(MonotonicClock.seconds() - start < 60)
  }

  /// Whoever answers late still wins against those that never do.
  @Test func firstAnswerWins() throws {
    let holes = [try BlackHole(), try BlackHole()]
    let refusing = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    refusing.close()
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let client = try Socket.connect(
      to: endpoint, timeout: 600,
      resolver: resolver([refusing.localEndpoint, listener.localEndpoint] + holes.map(\.endpoint)))
    #expect(client.remoteEndpoint == listener.localEndpoint)
  }

  /// It is said what is waited for, once, and at the end what became of each.
  @Test func nobodyAnswers() throws {
    let hole = try BlackHole()
    let refusing = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    refusing.close()
    var reports: [String] = []
    #expect(
      throws: ConnectionError.cannotConnect(
        endpoint: "cloud.invalid:7070", reason: "127.0.0.1: Connection timed out; 127.0.0.1: Connection refused")
    ) {
      try Socket.connect(
        to: endpoint, timeout: ConnectionRace.patienceSeconds + 0.5,
        resolver: resolver([hole.endpoint, refusing.localEndpoint])
      ) { reports.append($0) }
    }
    #expect(reports == ["no answer yet from 127.0.0.1"])
  }

  @Test func cancellationEndsTheRace() throws {
    let hole = try BlackHole()
    let cancellation = try Cancellation()
    let client = Background { [endpoint, resolver = resolver([hole.endpoint, hole.endpoint])] in
      _ = try Socket.connect(to: endpoint, timeout: 600, cancellation: cancellation, resolver: resolver)
    }
    sleep(milliseconds: 50)
    cancellation.cancel()
    #expect(throws: ConnectionError.cancelled) { try client.value() }
  }

  @Test func familiesTakeTurns() throws {
    func addresses(_ hosts: [String]) throws -> [SocketAddress] {
      try hosts.flatMap { try SocketAddress.resolve(Endpoint(host: $0, port: 1), forListening: false) }
    }
    for (given, expected) in [
      (["::1", "::2", "::3", "127.0.0.1"], ["::1", "127.0.0.1", "::2", "::3"]),
      (["127.0.0.1", "127.0.0.2", "::1"], ["127.0.0.1", "::1", "127.0.0.2"]), ([], []),
    ] {
      let order = ConnectionRace.alternating(try addresses(given)).compactMap { $0.endpoint?.host }
      #expect(order == expected)
    }
  }

  // MARK: Accepting

  /// What is lost is sent again in time, where the system can be told so.
  @Test func lossesAreMendedWithinTheTimeout() throws {
    for (timeout, milliseconds) in [(10, 1000), (60, 6000), (0.1, 1000), (200, 20_000)] as [(Double, Int32)] {
      #expect(Socket.retransmissionLimit(timeout) == milliseconds)
      let (client, server) = try tcpPair(timeout: timeout)
      for socket in [client, server] {
        try socket.descriptor.use { descriptor in
          var value: Int32 = 0
          var length = socklen_t(MemoryLayout<Int32>.size)
          let option = Socket.retransmissionOption
          guard getsockopt(descriptor, Int32(IPPROTO_TCP), option, &value, &length) == 0 else { return }
          // The system counts in ticks of its own.
          #expect(abs(value - milliseconds) < 20)
        }
      }
    }
    #expect(Socket.retransmissionLimit(201) == nil)
  }

  /// A client that has gone is no reason to end; a listener that is none is, and a shortage is told.
  @Test func errorsOfAccept() {
    for code in [ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EPERM, EAGAIN] {
      #expect(SocketListener.concernsTheClient(code), "\(SystemError.text(of: code))")
    }
    for code in [EBADF, EINVAL, ENOTSOCK, EMFILE, ENFILE, ENOBUFS, ENOMEM] {
      #expect(!SocketListener.concernsTheClient(code), "\(SystemError.text(of: code))")
    }
  }
}
