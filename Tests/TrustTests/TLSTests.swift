import COpenSSL
import Platform
import TestSupport
import Testing

@testable import Transport
@testable import Trust

/// Who gets in, and what is said to those who do not.
@Suite struct TLSTests {
  private let cloud: TestSide
  private let edge: TestSide

  init() throws {
    cloud = try TestSide()
    edge = try TestSide()
  }

  /// Both directions at the same time, more than any buffer holds; each side knows the other's key.
  @Test func bytesArriveBothWays() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    let door = try TestDoor(cloud.settings)
    let left = try edge.connect(to: door)
    let (right, key) = try door.edge()
    #expect(try key == edge.fingerprint)
    let there = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let back = there.reversed() + []
    let writers = [
      Background { try left.writeAll(there) }, Background { try right.writeAll(back) },
    ]
    let readers = [
      Background { try receive(there.count, from: right) == there },
      Background { try receive(back.count, from: left) == back },
    ]
    for reader in readers { #expect(try reader.value()) }
    for writer in writers { try writer.value() }
    left.shutdownWriting(patience: Patience())
    #expect(throws: ConnectionError.endOfStream) { try receive(1, from: right) }
    right.close()
    left.close()
  }

  @Test func unknownEdge() throws {
    let key = try edge.fingerprint
    try KnownKeys.clouds(edge.state).add(KnownKey(cloud.fingerprint, name: "cloud"))
    let door = try TestDoor(cloud.settings)
    #expect(edge.errorOfSpeaking(to: door) as? TrustError == .refusedByCloud(own: key))
    #expect(door.cause() as? TrustError == .unknownEdge(key))
  }

  @Test func removedEdge() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    _ = try KnownKeys.edges(cloud.state).remove(edge.fingerprint.description)
    let door = try TestDoor(cloud.settings)
    #expect(try edge.errorOfSpeaking(to: door) as? TrustError == .refusedByCloud(own: edge.fingerprint))
  }

  /// As a proxy is that ends the encryption.
  @Test func otherCloud() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    let proxy = try TestSide()
    try KnownKeys.edges(proxy.state).add(KnownKey(edge.fingerprint, name: "edge"))
    let door = try TestDoor(proxy.settings)
    guard case .otherCloud(_, let expected, let actual, _)? = edge.errorOfSpeaking(to: door) as? TrustError else {
      Issue.record("another error")
      return
    }
    #expect(try expected == [cloud.fingerprint])
    #expect(try actual == proxy.fingerprint)
    #expect(try door.cause() as? TrustError == .refusedByEdge(own: proxy.fingerprint))
  }

  /// Where a cloud was joined, no other one is expected; elsewhere any that was joined may be.
  @Test func cloudsMayMove() throws {
    let other = try TestSide()
    try KnownKeys.edges(cloud.state).add(KnownKey(edge.fingerprint, name: "edge"))
    let clouds = KnownKeys.clouds(try edge.state)
    try clouds.add(KnownKey(cloud.fingerprint, name: "cloud", address: "cloud:1"))
    try clouds.add(KnownKey(other.fingerprint, name: "other", address: "other:1"))
    let moved = try TestDoor(cloud.settings)
    #expect(try moved.endpoint.port == edge.connect(to: moved).remoteEndpoint?.port)
    let impostor = try TestDoor(cloud.settings)
    guard case .otherCloud? = edge.errorOfSpeaking(to: impostor, as: Endpoint(host: "other", port: 1)) as? TrustError
    else {
      Issue.record("another error")
      return
    }
  }

  @Test func noCloudIsKnown() throws {
    let door = try TestDoor(cloud.settings, reading: 1)
    #expect(throws: TrustError.noCloud) { try edge.connect(to: door) }
    #expect(throws: TrustError.noCloud) { try EdgeTrust(edge.settings).check() }
  }

  // MARK: Other clients and other servers

  @Test func plainText() throws {
    let door = try TestDoor(cloud.settings)
    let connection = FramedConnection(try Socket.connect(to: door.endpoint, timeout: 20), role: .edge)
    let error = #expect(throws: RefusedError.self) {
      try Handshake.connect(connection, hello: Hello(runID: "run", configuration: ["secret": 1]))
    }
    #expect(error?.code == .encryptionRequired)
    #expect(door.cause() is PlainTextError)
  }

  @Test func healthCheckHasSaidNothing() throws {
    let door = try TestDoor(cloud.settings)
    try Socket.connect(to: door.endpoint, timeout: 20).close()
    let error = #expect(throws: RejectedClientError.self) { try door.admitted() }
    #expect(error?.saidNothing == true)
  }

  /// Half a handshake is cut off.
  @Test func slowTalker() throws {
    let door = try TestDoor(cloud.settings, reading: 0.2)
    let socket = try Socket.connect(to: door.endpoint, timeout: 20)
    try socket.writeAll([22, 3, 1, 2, 0, 1])
    #expect(door.cause() as? ConnectionError == .timedOut(seconds: 0.2))
  }

  @Test func serverWithoutTLS() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    for (answer, isBusy) in [("HTTP/1.1 400 Bad Request\r\n\r\n", false), ("HTRN and so on", true)] {
      let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
      let server = Background { try listener.accept(timeout: 20).writeAll(Array(answer.utf8)) }
      let socket = try Socket.connect(to: listener.localEndpoint, timeout: 20)
      do {
        _ = try EdgeTrust(edge.settings).secure(socket, to: listener.localEndpoint, cancellation: nil)
        Issue.record("no error")
      } catch {
        #expect((error as? RefusedError)?.code == (isBusy ? .busy : nil), "\(error)")
        #expect((error as? TLSError)?.isPlain == (isBusy ? nil : true), "\(error)")
      }
      try server.value()
    }
  }

  /// Whoever has said something and goes is told of in the log.
  @Test func halfAHandshakeIsSomething() throws {
    let door = try TestDoor(cloud.settings)
    let socket = try Socket.connect(to: door.endpoint, timeout: 20)
    try socket.writeAll([22, 3, 1, 2, 0, 1])
    socket.close()
    let error = #expect(throws: RejectedClientError.self) { try door.admitted() }
    #expect(error?.saidNothing == false)
  }

  /// What is wrong with this side is known before there is a connection, where it is known that one is needed.
  @Test func ownKeysAreCheckedFirst() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    try EdgeTrust(edge.settings).check()
    var automatic = TrustSettings()
    automatic.stateDirectory = "/nowhere"
    try EdgeTrust(automatic).check()
  }

  @Test func olderTLS() throws {
    let door = try TestDoor(cloud.settings)
    let context = try #require(SSL_CTX_new(TLS_method()))
    defer { SSL_CTX_free(context) }
    // The macros SSL_CTX_set_max_proto_version and TLS1_2_VERSION.
    SSL_CTX_ctrl(context, 124, 0x0303, nil)
    let ssl = try #require(SSL_new(context))
    defer { SSL_free(ssl) }
    let (incoming, outgoing) = (BIO_new(BIO_s_mem()), try #require(BIO_new(BIO_s_mem())))
    SSL_set_bio(ssl, incoming, outgoing)
    SSL_set_connect_state(ssl)
    SSL_do_handshake(ssl)
    var hello = [UInt8](repeating: 0, count: Int(trainer_bio_pending(outgoing)))
    BIO_read(outgoing, &hello, Int32(hello.count))
    let socket = try Socket.connect(to: door.endpoint, timeout: 20)
    try socket.writeAll(hello)
    // A fatal alert: protocol_version.
    #expect(try receive(7, from: socket).suffix(2) == [2, 70])
    #expect(door.cause() as? TLSError == TLSError(reason: "unsupported protocol", isEncrypted: false))
  }

  /// A cloud at its limits says so before there are keys.
  @Test func busyCloud() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let trust = CloudTrust(cloud.settings, listeningOn: listener.localEndpoint)
    let server = Background {
      trust.turnAway(try listener.accept(timeout: 20), Refusal(code: .busy, reason: "full"), within: 5)
    }
    let socket = try Socket.connect(to: listener.localEndpoint, timeout: 20)
    let error = #expect(throws: RefusedError.self) {
      try EdgeTrust(edge.settings).secure(socket, to: listener.localEndpoint, cancellation: nil)
    }
    #expect(error?.code == .busy)
    #expect(error?.description.hasPrefix("whoever answers at 127.0.0.1:") == true)
    try server.value()
  }

  /// Anybody can say in clear that a key is not known: that is no word of the cloud.
  @Test(arguments: [UInt8(48), 42, 116]) func alertsInClearProveNothing(alert: UInt8) throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let server = Background { try listener.accept(timeout: 20).writeAll([21, 3, 3, 0, 2, 2, alert]) }
    let socket = try Socket.connect(to: listener.localEndpoint, timeout: 20)
    let error = #expect(throws: TrustError.self) {
      try EdgeTrust(edge.settings).secure(socket, to: listener.localEndpoint, cancellation: nil)
    }
    guard case .unproved? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    try server.value()
  }

  /// A cloud that cannot read its own files does not say that it does not know an edge.
  @Test func faultsOfTheCloudAreItsOwn() throws {
    try TestSide.introduce(cloud: cloud, edge: edge)
    try cloud.state.write(Array("{".utf8), to: "edges.json")
    let door = try TestDoor(cloud.settings)
    #expect((edge.errorOfSpeaking(to: door) as? RefusedError)?.code == .busy)
    guard case .unusable? = door.cause() as? TrustError else {
      Issue.record("another cause")
      return
    }
  }

  /// Plain text needs no key where nobody else can listen, and else the consent of both.
  @Test func plainTextOnLoopbackOnly() throws {
    let (loopback, everywhere) = (Endpoint(host: "127.0.0.1", port: 1), Endpoint(host: "0.0.0.0", port: 1))
    func accepts(_ encryption: TrustSettings.Encryption, _ listen: Endpoint, authority: Bool = false) -> Bool {
      var settings = TrustSettings()
      settings.encryption = encryption
      if authority { settings.authority = AuthorityFiles(certificate: "c", key: "k", authority: "a") }
      return CloudTrust(settings, listeningOn: listen).acceptsPlainText
    }
    #expect(accepts(.automatic, loopback) && accepts(.never, loopback) && !accepts(.always, loopback))
    #expect(!accepts(.automatic, everywhere) && accepts(.never, everywhere) && !accepts(.always, everywhere))
    #expect(!accepts(.automatic, loopback, authority: true))
    func encrypts(_ encryption: TrustSettings.Encryption, _ peer: Endpoint?) -> Bool {
      var settings = TrustSettings()
      settings.encryption = encryption
      return EdgeTrust(settings).encrypts(peer)
    }
    let remote = Endpoint(host: "192.0.2.7", port: 1)
    #expect(!encrypts(.automatic, loopback) && encrypts(.automatic, remote))
    #expect(encrypts(.always, loopback) && !encrypts(.never, remote))
    for host in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "localhost"] {
      #expect(Endpoint(host: host, port: 1).isLoopback, "\(host)")
    }
    for host in ["128.0.0.1", "127.example.org", "127.0.0.1.example.org", "::2", "::ffff:10.0.0.1", ""] {
      #expect(!Endpoint(host: host, port: 1).isLoopback, "\(host)")
    }
  }
}
