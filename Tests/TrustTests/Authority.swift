import COpenSSL
import TestSupport

@testable import Trust

extension PEM {
  static func text(ofCertificate certificate: OpenSSLObject) throws -> [UInt8] {
    try write("write a certificate") { PEM_write_bio_X509($0, certificate.pointer) }
  }
}

/// An authority for tests, and what it signs.
struct Authority {
  private let key: OpenSSLObject
  private let certificate: OpenSSLObject
  private let folder: SessionFolder

  init() throws {
    folder = try SessionFolder()
    key = try Identity.makeKey()
    certificate = try Identity.makeCertificate(of: key)
    try Self.extend(certificate, NID_basic_constraints, "critical,CA:TRUE")
    guard X509_sign(certificate.pointer, key.pointer, nil) > 0 else { throw OpenSSLError.last("sign") }
    try write("authority.pem", PEM.text(ofCertificate: certificate))
  }

  /// The files of a side.
  ///
  /// - Parameters:
  ///   - names: as OpenSSL writes them, "DNS:cloud.example.org,IP:192.0.2.7"; nil for none.
  ///   - end: when the certificate ends to be valid.
  func issue(_ side: String, names: String?, until end: String = "99991231235959Z") throws -> AuthorityFiles {
    let key = try Identity.makeKey()
    let issued = try Identity.makeCertificate(of: key, to: end)
    let name = X509_get_subject_name(issued.pointer)
    let words = Array("a \(side)".utf8)
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, words, Int32(words.count), -1, 0)
    X509_set_issuer_name(issued.pointer, X509_get_subject_name(certificate.pointer))
    if let names { try Self.extend(issued, NID_subject_alt_name, names) }
    guard X509_sign(issued.pointer, self.key.pointer, nil) > 0 else { throw OpenSSLError.last("sign") }
    try write("\(side).pem", PEM.text(ofCertificate: issued))
    try write("\(side)-key.pem", PEM.text(ofKey: key))
    return AuthorityFiles(
      certificate: "\(folder.path)/\(side).pem", key: "\(folder.path)/\(side)-key.pem",
      authority: "\(folder.path)/authority.pem")
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    try StateDirectory(path: folder.path).write(bytes, to: name)
  }

  private static func extend(_ certificate: OpenSSLObject, _ kind: Int32, _ value: String) throws {
    let made = try OpenSSLError.check("extend", X509V3_EXT_conf_nid(nil, nil, kind, value))
    defer { X509_EXTENSION_free(made) }
    try OpenSSLError.check("extend", X509_add_ext(certificate.pointer, made, -1))
  }
}
