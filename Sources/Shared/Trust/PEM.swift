import COpenSSL

/// An object of OpenSSL that is freed when nobody needs it any more.
final class OpenSSLObject {
  let pointer: OpaquePointer
  private let free: (OpaquePointer?) -> Void

  init(_ pointer: OpaquePointer, _ free: @escaping (OpaquePointer?) -> Void) {
    self.pointer = pointer
    self.free = free
  }

  deinit { free(pointer) }
}

/// Keys as text.
enum PEM {
  static func key(_ bytes: [UInt8]) throws(OpenSSLError) -> OpenSSLObject {
    // Without this a key with a password would be asked for on the terminal.
    let noPassword: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
      _, _, _, _ in -1
    }
    let key = try read(bytes) { PEM_read_bio_PrivateKey($0, nil, noPassword, nil) }
    return OpenSSLObject(try OpenSSLError.check("read a private key", key), EVP_PKEY_free)
  }

  static func text(ofKey key: OpenSSLObject) throws(OpenSSLError) -> [UInt8] {
    try write("write a private key") { PEM_write_bio_PKCS8PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) }
  }

  private static func read(_ bytes: [UInt8], _ read: (OpaquePointer) -> OpaquePointer?) throws(OpenSSLError)
    -> OpaquePointer?
  {
    ERR_clear_error()
    let bio = try OpenSSLError.check("allocate memory", BIO_new_mem_buf(bytes, Int32(clamping: bytes.count)))
    defer { BIO_free(bio) }
    // It keeps a pointer to the bytes.
    return withExtendedLifetime(bytes) { read(bio) }
  }

  static func write(_ operation: String, _ write: (OpaquePointer) -> Int32) throws(OpenSSLError) -> [UInt8] {
    ERR_clear_error()
    let bio = try OpenSSLError.check("allocate memory", BIO_new(BIO_s_mem()))
    defer { BIO_free(bio) }
    try OpenSSLError.check(operation, write(bio))
    return [UInt8](unsafeUninitializedCapacity: Int(trainer_bio_pending(bio))) { buffer, count in
      count = Int(max(0, BIO_read(bio, buffer.baseAddress, Int32(buffer.count))))
    }
  }
}
