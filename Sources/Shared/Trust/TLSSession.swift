import COpenSSL
import Platform

/// One end of a TLS connection, in memory: what comes from the peer goes in, and what is for the peer comes out. Not
/// for several threads at a time.
final class TLSSession {
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  let context: TLSContext
  private var writtenWithKey = 0
  /// The first bytes of the peer, which tell what it is if it does not speak TLS.
  private(set) var firstBytes: [UInt8] = []

  /// Bytes after which there is a new key: long before AES-GCM's limit for one (RFC 8446, section 5.5).
  var bytesOfAKey = 1 << 36

  /// - Parameter purpose: what an edge wants.
  /// - Throws: `OpenSSLError`.
  init(_ context: TLSContext, for purpose: TLSContext.Purpose = .train) throws(OpenSSLError) {
    self.context = context
    ERR_clear_error()
    ssl = try OpenSSLError.check("begin TLS", SSL_new(context.pointer))
    guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
      SSL_free(ssl)
      throw .last("allocate memory")
    }
    self.incoming = incoming
    self.outgoing = outgoing
    // It owns them now.
    SSL_set_bio(ssl, incoming, outgoing)
    switch context.role {
    case .cloud: SSL_set_accept_state(ssl)
    case .edge:
      SSL_set_connect_state(ssl)
      let name = Array(purpose.rawValue.utf8)
      let offered = [UInt8(name.count)] + name
      // Unlike its neighbours it returns 0 for success.
      guard SSL_set_alpn_protos(ssl, offered, UInt32(offered.count)) == 0 else { throw .last("begin TLS") }
      if let host = context.host { try expect(host) }
    }
  }

  deinit { SSL_free(ssl) }

  /// The certificate must hold this name or address, among its alternative names.
  private func expect(_ host: String) throws(OpenSSLError) {
    let parameters = SSL_get0_param(ssl)
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return }
    ERR_clear_error()
    X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    try OpenSSLError.check("expect the name \(host)", X509_VERIFY_PARAM_set1_host(parameters, host, 0))
    try OpenSSLError.check("name the host", trainer_ssl_set_server_name(ssl, host))
  }

  /// What the two sides have agreed on; nil if the edge has not said.
  static func purpose(of ssl: OpaquePointer) -> TLSContext.Purpose? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    return TLSContext.Purpose(
      rawValue: String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self))
  }

  var purpose: TLSContext.Purpose? { Self.purpose(of: ssl) }

  /// Why the peer's certificate was not accepted, in OpenSSL's words; nil if it was.
  var certificateProblem: String? {
    let result = SSL_get_verify_result(ssl)
    return result == X509_V_OK ? nil : String(cString: X509_verify_cert_error_string(result))
  }

  /// The subject of the peer's certificate, as it is written on terminals: "/CN=field 7"; nil if it has none.
  var peerSubject: String? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    var text = [CChar](repeating: 0, count: 256)
    guard X509_NAME_oneline(X509_get_subject_name(certificate), &text, Int32(text.count)) != nil else { return nil }
    let subject = JoinExchange.printable(CText.string(text))
    return subject.isEmpty ? nil : subject
  }

  /// Whether both sides have agreed on keys, and the peer has proved that it has that of its certificate: what comes
  /// before that, anybody may have said.
  private(set) var isEncrypted = false

  /// Whether the peer has begun with something else than a record of TLS.
  var isPlain: Bool { firstBytes.first.map { !(20...23).contains($0) } ?? false }

  /// - Returns: whether it is done; if not, it needs what the peer says.
  /// - Throws: `OpenSSLError`; there may be something for the peer all the same.
  func handshake() throws(OpenSSLError) -> Bool {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      isEncrypted = true
      return true
    }
    guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else { throw .last("agree on keys") }
    return false
  }

  /// - Returns: the number of bytes, 0 at the end of the stream; nil if more must come from the peer first.
  /// - Throws: `OpenSSLError`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(OpenSSLError) -> Int? {
    ERR_clear_error()
    let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return Int(count) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ: return nil
    case SSL_ERROR_ZERO_RETURN: return 0
    default: throw .last("decrypt what came")
    }
  }

  /// - Throws: `OpenSSLError`.
  func write(_ bytes: [UInt8]) throws(OpenSSLError) {
    ERR_clear_error()
    writtenWithKey += bytes.count
    if writtenWithKey > bytesOfAKey {
      try OpenSSLError.check("change the key", SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED))
      writtenWithKey = 0
    }
    // Memory takes all of it.
    guard SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count else { throw .last("encrypt") }
  }

  /// Says that nothing more will come.
  func endWriting() {
    ERR_clear_error()
    if isEncrypted { SSL_shutdown(ssl) }
    ERR_clear_error()
  }

  /// Takes what came from the peer.
  func receive(_ bytes: UnsafeRawBufferPointer) {
    if firstBytes.count < 4 { firstBytes += bytes.prefix(4 - firstBytes.count) }
    BIO_write(incoming, bytes.baseAddress, Int32(bytes.count))
  }

  /// What is for the peer; empty if there is nothing.
  func takeOutput() -> [UInt8] {
    let pending = Int(trainer_bio_pending(outgoing))
    guard pending > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
      count = Int(max(0, BIO_read(outgoing, buffer.baseAddress, Int32(pending))))
    }
  }
}
