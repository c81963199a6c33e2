import COpenSSL
import Platform

/// What a TLS connection is begun with: TLS 1.3, a certificate of this side, and who is trusted.
///
/// It is made for each connection, in a millisecond or less, so that files that were replaced meanwhile count.
final class TLSContext {
  /// What the connection is for, as ALPN names it.
  enum Purpose: String, CaseIterable {
    case train = "hierarchical-trainer"
    case join = "hierarchical-trainer-join"
  }

  let pointer: OpaquePointer
  let role: Role
  let verification: TLSVerification
  /// The host's name or address that the cloud's certificate must hold; nil where keys are trusted, and not names.
  private(set) var host: String?

  /// Trusts keys.
  ///
  /// - Throws: `OpenSSLError`.
  convenience init(_ role: Role, _ identity: Identity, _ verification: TLSVerification) throws(OpenSSLError) {
    try self.init(role, verification)
    try OpenSSLError.check("use the certificate", SSL_CTX_use_certificate(pointer, identity.certificate.pointer))
    try OpenSSLError.check("use the key", SSL_CTX_use_PrivateKey(pointer, identity.key.pointer))
    SSL_CTX_set_cert_verify_callback(
      pointer,
      { context, argument in
        guard let context, let argument else { return 0 }
        return Unmanaged<TLSVerification>.fromOpaque(argument).takeUnretainedValue().accepts(context) ? 1 : 0
      }, Unmanaged.passUnretained(verification).toOpaque())
  }

  /// Trusts an authority.
  ///
  /// - Parameters:
  ///   - files: of this side's certificate and key, and of the authority.
  ///   - host: what must be in the cloud's certificate, on the edge.
  /// - Throws: `TrustError.unusable`, `OpenSSLError`.
  convenience init(_ role: Role, _ files: AuthorityFiles, host: String?) throws {
    try self.init(role, TLSVerification { _, _ in true })
    self.host = host
    func use(_ path: String, _ result: (String) -> Int32) throws {
      do { try OpenSSLError.check("use it", result(path)) } catch {
        throw TrustError.unusable(path: path, reason: "\(error.reason)")
      }
    }
    ERR_clear_error()
    try use(files.certificate) { SSL_CTX_use_certificate_chain_file(pointer, $0) }
    // Without this a key with a password would be asked for on the terminal.
    SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
    if let problem = Privacy.problem(of: files.key) { throw TrustError.unusable(path: files.key, reason: problem) }
    try use(files.key) { SSL_CTX_use_PrivateKey_file(pointer, $0, SSL_FILETYPE_PEM) }
    try use(files.authority) { SSL_CTX_load_verify_file(pointer, $0) }
  }

  private init(_ role: Role, _ verification: TLSVerification) throws(OpenSSLError) {
    ERR_clear_error()
    pointer = try OpenSSLError.check("begin TLS", SSL_CTX_new(TLS_method()))
    self.role = role
    self.verification = verification
    try OpenSSLError.check("begin TLS", trainer_ssl_ctx_restrict(pointer))
    try OpenSSLError.check("begin TLS", SSL_CTX_set_ciphersuites(pointer, Self.cipherSuites))
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    if role == .cloud {
      SSL_CTX_set_alpn_select_cb(
        pointer,
        { _, chosen, chosenCount, offered, offeredCount, _ in
          // The client's list, each name behind its length.
          let list = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
          var place = 0
          while place < list.count, place + Int(list[place]) < list.count {
            let name = UnsafeBufferPointer(rebasing: list[(place + 1)...(place + Int(list[place]))])
            if Purpose(rawValue: String(decoding: name, as: UTF8.self)) != nil {
              chosen?.pointee = name.baseAddress
              chosenCount?.pointee = UInt8(name.count)
              return SSL_TLSEXT_ERR_OK
            }
            place += 1 + Int(list[place])
          }
          return SSL_TLSEXT_ERR_ALERT_FATAL
        }, nil)
    }
  }

  deinit { SSL_CTX_free(pointer) }

  /// The edge's order of preference counts: AES where the processor has instructions for it.
  private static var cipherSuites: String {
    let (aes, chacha) = ("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    return hasAES ? "\(aes):\(chacha)" : "\(chacha):\(aes)"
  }

  private static var hasAES: Bool {
    #if arch(x86_64)
      true
    #elseif arch(arm64)
      getauxval(UInt(AT_HWCAP)) & UInt(HWCAP_AES) != 0
    #else
      false
    #endif
  }
}

/// Decides whether the peer's key is trusted, and remembers which one it was.
final class TLSVerification {
  private let decide: (Fingerprint, TLSContext.Purpose?) -> Bool
  private(set) var presented: Fingerprint?
  private(set) var isRefused = false
  /// Whether the certificate is signed by another key than its own, as an authority does.
  private(set) var isSigned = false

  init(_ decide: @escaping (Fingerprint, TLSContext.Purpose?) -> Bool) { self.decide = decide }

  /// - Parameter context: an `X509_STORE_CTX` with the peer's certificate.
  fileprivate func accepts(_ context: OpaquePointer) -> Bool {
    guard let certificate = X509_STORE_CTX_get0_cert(context), let key = X509_get0_pubkey(certificate),
      let fingerprint = try? Fingerprint(of: key)
    else { return false }
    presented = fingerprint
    isSigned = X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(certificate)) != 0
    isRefused = !decide(fingerprint, trainer_store_context_ssl(context).flatMap(TLSSession.purpose))
    // The peer is told that its issuer, which it is itself, is unknown.
    if isRefused { X509_STORE_CTX_set_error(context, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) }
    return !isRefused
  }
}
