import Platform
import Transport

/// A stream inside a TLS connection.
///
/// The session is in memory, behind a lock that is held while it encrypts or decrypts, but never while the stream below
/// waits: so one thread can read while another writes.
final class TLSStream: ByteStream {
  private let session: Guarded<TLSSession>
  private let base: Guarded<any ByteStream>
  /// What is encrypted and not sent yet, since a call was interrupted: it goes before all else.
  private let unsent = Guarded<OutgoingBytes?>(nil)
  /// What an error of TLS means here.
  private let explain: @Sendable (OpenSSLError, TLSSession) -> any Error

  /// What has come from the stream below; of the one thread that reads.
  private nonisolated(unsafe) let encrypted = UnsafeMutableRawBufferPointer.allocate(
    byteCount: pieceByteCount, alignment: 16)

  /// Bytes that are encrypted at a time: four records.
  private static let pieceByteCount = 1 << 16

  init(
    _ session: sending TLSSession, around base: any ByteStream,
    explain: @escaping @Sendable (OpenSSLError, TLSSession) -> any Error
  ) {
    self.session = Guarded(session)
    self.base = Guarded(base)
    self.explain = explain
  }

  deinit { encrypted.deallocate() }

  private var stream: any ByteStream { base.withLock { $0 } }

  /// Uses the session, and says what its errors mean.
  private func use<Result>(_ body: (TLSSession) throws(OpenSSLError) -> Result) throws -> Result {
    try session.withLock { session in
      do throws(OpenSSLError) { return try body(session) } catch { throw explain(error, session) }
    }
  }

  /// Agrees on keys; before this nothing else may be called.
  ///
  /// - Returns: the key of the peer, and what it wants.
  /// - Throws: `ConnectionError`, `SystemError`, what `explain` makes of errors of TLS. The peer has been told then.
  func handshake(_ patience: Patience) throws -> (peer: Fingerprint?, purpose: TLSContext.Purpose?) {
    while true {
      let step = Result { try use { session throws(OpenSSLError) in try session.handshake() } }
      do { try flush(patience) } catch {
        // Why it failed before says more.
        _ = try step.get()
        throw error
      }
      if try step.get() { return session.withLock { ($0.context.verification.presented, $0.purpose) } }
      if try receive(patience, { .word }) == 0 { throw ConnectionError.endOfStream }
    }
  }

  /// The subject of the peer's certificate, once there are keys.
  var peerSubject: String? { session.withLock { $0.peerSubject } }

  // MARK: Reading

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int
  {
    while true {
      if let count = try use({ session throws(OpenSSLError) in try session.read(into: buffer) }) { return count }
      if try receive(patience, expecting) == 0 { return 0 }
    }
  }

  /// Takes in what the stream below has; waits for it.
  private func receive(_ patience: Patience, _ expecting: () -> Expectation) throws -> Int {
    let count = try stream.read(into: encrypted, patience: patience, expecting: expecting)
    session.withLock { $0.receive(UnsafeRawBufferPointer(rebasing: encrypted[..<count])) }
    return count
  }

  // MARK: Writing

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    try flush(patience)
    while !bytes.isComplete {
      let piece = bytes.next(Self.pieceByteCount)
      try use { session throws(OpenSSLError) in try session.write(piece) }
      bytes.advance(by: piece.count)
      try flush(patience)
    }
  }

  /// Sends what is encrypted.
  private func flush(_ patience: Patience) throws {
    while true {
      var next = unsent.withLock { $0.take() } ?? OutgoingBytes(head: session.withLock { $0.takeOutput() }, body: [])
      if next.isComplete { return }
      do { try stream.write(&next, patience: patience) } catch {
        unsent.withLock { $0 = next }
        throw error
      }
    }
  }

  func shutdownWriting(patience: Patience) {
    session.withLock { $0.endWriting() }
    try? flush(patience)
    stream.shutdownWriting(patience: patience)
  }

  func close() { stream.close() }

  // MARK: What the stream below does

  var timeout: Double { stream.timeout }
  var remoteEndpoint: Endpoint? { stream.remoteEndpoint }
  var bytesInFlight: Int { stream.bytesInFlight }

  /// The link that is held back carries what is encrypted.
  func shaped(_ shaping: LinkShaping) throws -> any ByteStream {
    let shaped = try stream.shaped(shaping)
    base.withLock { $0 = shaped }
    return self
  }

  func release() { stream.release() }

  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool {
    try stream.rest(until: moment, wakeUp: wakeUp, patience: patience)
  }

  func allowSilence(seconds: Double) { stream.allowSilence(seconds: seconds) }
}
