import COpenSSL

/// A side's own key, Ed25519 if it is made here, and a certificate that it has signed itself, which is kept
/// nowhere.
///
/// Whoever trusts the key trusts every certificate of it: the dates and names in it mean nothing, so that a device
/// whose clock starts in 1970 is trusted, too.
final class Identity {
  let key: OpenSSLObject
  let certificate: OpenSSLObject
  let fingerprint: Fingerprint

  /// - Parameter certificate: of the key; nil for a new one.
  /// - Throws: `OpenSSLError`.
  init(key: OpenSSLObject, certificate: OpenSSLObject? = nil) throws(OpenSSLError) {
    self.key = key
    self.certificate = if let certificate { certificate } else { try Self.makeCertificate(of: key) }
    fingerprint = try Fingerprint(of: key.pointer)
  }

  /// A new key.
  static func makeKey() throws(OpenSSLError) -> OpenSSLObject {
    ERR_clear_error()
    let context = try OpenSSLError.check("make a key", EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil))
    defer { EVP_PKEY_CTX_free(context) }
    try OpenSSLError.check("make a key", EVP_PKEY_keygen_init(context))
    var key: OpaquePointer?
    try OpenSSLError.check("make a key", EVP_PKEY_keygen(context, &key))
    return OpenSSLObject(try OpenSSLError.check("make a key", key), EVP_PKEY_free)
  }

  /// A certificate of the key, signed with it.
  ///
  /// - Parameters:
  ///   - start: when it begins to be valid, as ASN.1 writes it.
  ///   - end: and when it ends; by default as RFC 5280, section 4.1.2.5, says "never".
  static func makeCertificate(
    of key: OpenSSLObject, from start: String = "19700101000000Z", to end: String = "99991231235959Z"
  ) throws(OpenSSLError) -> OpenSSLObject {
    let operation = "make a certificate"
    ERR_clear_error()
    let certificate = OpenSSLObject(try OpenSSLError.check(operation, X509_new()), X509_free)
    let pointer = certificate.pointer
    try OpenSSLError.check(operation, X509_set_version(pointer, 2))
    var serial: UInt64 = 0
    try OpenSSLError.check(operation, RAND_bytes(&serial, Int32(MemoryLayout<UInt64>.size)))
    // At least one, at most 63 bits: a positive number.
    try OpenSSLError.check(operation, ASN1_INTEGER_set_uint64(X509_get_serialNumber(pointer), serial >> 1 | 1))
    try OpenSSLError.check(operation, ASN1_TIME_set_string_X509(X509_getm_notBefore(pointer), start))
    try OpenSSLError.check(operation, ASN1_TIME_set_string_X509(X509_getm_notAfter(pointer), end))
    let name = X509_get_subject_name(pointer)
    let words = Array("hierarchical-trainer".utf8)
    try OpenSSLError.check(
      operation, X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, words, Int32(words.count), -1, 0))
    try OpenSSLError.check(operation, X509_set_issuer_name(pointer, name))
    try OpenSSLError.check(operation, X509_set_pubkey(pointer, key.pointer))
    // Ed25519 needs no digest of its own.
    guard X509_sign(pointer, key.pointer, nil) > 0 else { throw .last(operation) }
    return certificate
  }
}
