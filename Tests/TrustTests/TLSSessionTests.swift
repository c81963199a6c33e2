import Platform
import TestSupport
import Testing

@testable import Transport
@testable import Trust

/// What TLS does with bytes that are changed, cut off or held up on the way.
@Suite struct TLSSessionTests {
  private let identities: (cloud: Identity, edge: Identity)

  init() throws {
    identities = (try Identity(key: Identity.makeKey()), try Identity(key: Identity.makeKey()))
  }

  private func sessions(_ identities: (cloud: Identity, edge: Identity)? = nil) throws -> (
    edge: TLSSession, cloud: TLSSession
  ) {
    let identities = identities ?? self.identities
    let (edge, cloud) = (identities.edge.fingerprint, identities.cloud.fingerprint)
    return (
      try TLSSession(TLSContext(.edge, identities.edge, TLSVerification { key, _ in key == cloud })),
      try TLSSession(TLSContext(.cloud, identities.cloud, TLSVerification { key, _ in key == edge }))
    )
  }

  /// Carries what one side has for the other.
  private func carry(_ from: TLSSession, to: TLSSession, change: (inout [UInt8]) -> Void = { _ in }) {
    var bytes = from.takeOutput()
    change(&bytes)
    bytes.withUnsafeBytes { to.receive($0) }
  }

  /// Sides that have agreed on keys.
  private func agreedSessions() throws -> (edge: TLSSession, cloud: TLSSession) {
    let (edge, cloud) = try sessions()
    for _ in 0..<2 {
      _ = try edge.handshake()
      carry(edge, to: cloud)
      _ = try cloud.handshake()
      carry(cloud, to: edge)
    }
    return (edge, cloud)
  }

  /// Trust is in the key: a certificate may have ended.
  @Test func datesMeanNothing() throws {
    func identity() throws -> Identity {
      let key = try Identity.makeKey()
      return try Identity(
        key: key, certificate: Identity.makeCertificate(of: key, from: "19990101000000Z", to: "19990102000000Z"))
    }
    let (edge, cloud) = try sessions((identity(), identity()))
    #expect(try !edge.handshake())
    carry(edge, to: cloud)
    #expect(try !cloud.handshake())
    carry(cloud, to: edge)
    #expect(try edge.handshake())
    carry(edge, to: cloud)
    #expect(try cloud.handshake())
  }

  /// An alert says something of the peer only once the peer has proved its key.
  @Test func alertsBeforeTheProofAreTold() throws {
    let (edge, _) = try sessions()
    _ = try edge.handshake()
    [UInt8]([21, 3, 3, 0, 2, 2, 48]).withUnsafeBytes { edge.receive($0) }
    let error = #expect(throws: OpenSSLError.self) { try edge.handshake() }
    #expect(error?.alert == 48 && error?.reason == "unknown ca", "\(String(describing: error))")
    #expect(!edge.isEncrypted)
    // One that comes after it, from a cloud that does not trust this edge.
    let stranger = try Identity(key: Identity.makeKey())
    let late = try sessions((identities.cloud, stranger)).edge
    let suspicious = try TLSSession(TLSContext(.cloud, identities.cloud, TLSVerification { _, _ in false }))
    _ = try late.handshake()
    carry(late, to: suspicious)
    _ = try suspicious.handshake()
    carry(suspicious, to: late)
    #expect(try late.handshake())
    carry(late, to: suspicious)
    #expect(throws: OpenSSLError.self) { try suspicious.handshake() }
    carry(suspicious, to: late)
    let refusal = #expect(throws: OpenSSLError.self) { try read(late) }
    #expect(refusal?.alert == 48 && late.isEncrypted)
  }

  /// Agrees on keys, and writes a message from the edge to the cloud.
  ///
  /// - Returns: what arrived of it.
  private func talk(_ message: [UInt8], change: (inout [UInt8]) -> Void) throws -> [UInt8] {
    let (edge, cloud) = try sessions()
    var (isEdgeReady, isCloudReady) = (false, false)
    for _ in 0..<4 where !(isEdgeReady && isCloudReady) {
      if !isEdgeReady { isEdgeReady = try edge.handshake() }
      carry(edge, to: cloud, change: change)
      if !isCloudReady { isCloudReady = try cloud.handshake() }
      carry(cloud, to: edge, change: change)
    }
    guard isEdgeReady, isCloudReady else { return [] }
    try edge.write(message)
    carry(edge, to: cloud, change: change)
    return try read(cloud)
  }

  private func read(_ session: TLSSession) throws -> [UInt8] {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1000)
    while let count = try buffer.withUnsafeMutableBytes({ try session.read(into: $0) }), count > 0 {
      received += buffer[..<count]
    }
    return received
  }

  /// Whatever byte is changed on the way, in either direction: either an error, or nothing arrives; never another
  /// message.
  @Test func changedBytesAreFound() throws {
    let message = Array("labels and features".utf8)
    var total = 0
    #expect(try talk(message) { total += $0.count } == message)
    #expect(total > 1000)
    var failures = 0
    for place in stride(from: 0, to: total, by: 3) {
      var passed = 0
      let received = try? talk(message) { bytes in
        if bytes.indices.contains(place - passed) { bytes[place - passed] ^= UInt8(1 << (place % 8)) }
        passed += bytes.count
      }
      if received == nil { failures += 1 }
      #expect(received ?? [] == [] || received == message, "byte \(place)")
      // The record's version is all that does not matter: RFC 8446, section 5.1.
      if received == message { #expect(passed > place) }
    }
    #expect(failures > total / 3 / 2)
  }

  /// Records that come twice, or not at all, are found.
  @Test func recordsHaveAnOrder() throws {
    for isRepeated in [true, false] {
      let (edge, cloud) = try agreedSessions()
      try edge.write([1])
      let first = edge.takeOutput()
      try edge.write([2])
      let second = edge.takeOutput()
      for record in isRepeated ? [first, first] : [second] { record.withUnsafeBytes { cloud.receive($0) } }
      #expect(throws: OpenSSLError.self) { try read(cloud) }
    }
  }

  @Test func keysAreChangedInTime() throws {
    let (edge, cloud) = try agreedSessions()
    edge.bytesOfAKey = 1000
    let message = [UInt8](repeating: 7, count: 300)
    var lengths: Set<Int> = []
    for _ in 0..<20 {
      try edge.write(message)
      let bytes = edge.takeOutput()
      lengths.insert(bytes.count)
      bytes.withUnsafeBytes { cloud.receive($0) }
      #expect(try read(cloud) == message)
    }
    // With the message that says so, it is longer.
    #expect(lengths.count == 2)
  }

  /// A write that is interrupted in the middle goes on where it was.
  @Test func interruptedWriteGoesOn() throws {
    let (edge, cloud) = try agreedSessions()
    let base = FailingStream()
    // Nobody else uses it from here on.
    nonisolated(unsafe) let session = edge
    let stream = TLSStream(session, around: base) { error, _ in error }
    let message = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var bytes = OutgoingBytes(head: Array(message[..<24]), body: message[24...])
    var failures = 0
    while !bytes.isComplete {
      do { try stream.write(&bytes, patience: Patience()) } catch { failures += 1 }
    }
    // The last word of a connection that fails.
    while true { do { try stream.writeAll([255]); break } catch { failures += 1 } }
    #expect(failures > 10)
    base.written.withLock { bytes in bytes.withUnsafeBytes { cloud.receive($0) } }
    // Not a single byte twice, and none missing; the last word may be there more than once.
    let received = try read(cloud)
    #expect(Array(received.prefix(message.count)) == message)
    #expect(Set(received.dropFirst(message.count)) == [255])
  }
}

/// Takes some thousand bytes at a time, and fails after each time.
private final class FailingStream: ByteStream {
  let written = Guarded<[UInt8]>([])
  let timeout = 1.0
  let remoteEndpoint: Endpoint? = nil

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Transport.Expectation)
    throws -> Int
  {
    0
  }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    let piece = bytes.next(7777)
    bytes.advance(by: piece.count)
    written.withLock { $0 += piece }
    if !bytes.isComplete { throw ConnectionError.timedOut(seconds: 1) }
  }

  func shutdownWriting(patience: Patience) {}
  func close() {}
  func release() {}
  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool { false }
  func allowSilence(seconds: Double) {}
}
