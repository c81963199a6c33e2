import Glibc
import Platform
import TestSupport
import Testing

@testable import Transport
@testable import Trust

/// The key and the files of a side.
@Suite struct StateDirectoryTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  /// It is made once, nobody else can read it, and a lost certificate is made anew of the same key.
  @Test func keyIsMadeOnce() throws {
    let state = try TestSide().state
    let fingerprint = try state.fingerprint()
    let (key, certificate) = ("\(state.path)/key.pem", "\(state.path)/certificate.pem")
    let bytes = try FileOperations.live.contents(of: key)
    #expect(mode(key) == 0o600 && mode(certificate) == 0o600)
    #expect(mode(state.path) == 0o700)
    #expect(try state.fingerprint() == fingerprint)
    let first = try FileOperations.live.contents(of: certificate)
    #expect(unlink(certificate) == 0)
    #expect(try state.fingerprint() == fingerprint)
    #expect(try FileOperations.live.contents(of: certificate) != first)
    #expect(try FileOperations.live.contents(of: key) == bytes)
  }

  @Test func twoProcessesMakeOneKey() throws {
    let state = try TestSide().state
    let sides = (0..<4).map { _ in Background { try state.fingerprint() } }
    #expect(Set(try sides.map { try $0.result().get() }).count == 1)
  }

  /// What is damaged, of another key, or open to others is named, and left as it is.
  @Test func unusableFilesAreNamed() throws {
    let state = try TestSide().state
    _ = try state.fingerprint()
    let key = "\(state.path)/key.pem"
    #expect(chmod(key, 0o644) == 0)
    #expect(
      throws: TrustError.unusable(path: key, reason: "others than its owner may read or change it; call chmod 600")
    ) {
      try state.fingerprint()
    }
    #expect(chmod(key, 0o600) == 0)
    try state.write(try PEM.text(ofKey: Identity.makeKey()), to: "key.pem")
    guard case .unusable(let path, _)? = #expect(throws: TrustError.self, performing: { try state.fingerprint() })
    else {
      return
    }
    #expect(path == "\(state.path)/certificate.pem")
    for damaged in ["", "-----BEGIN PRIVATE KEY-----\nMC4CAQ", "nonsense"] {
      try state.write(Array(damaged.utf8), to: "key.pem")
      guard case .unusable(key, _)? = #expect(throws: TrustError.self, performing: { try state.fingerprint() }) else {
        Issue.record("another file")
        return
      }
      #expect(try FileOperations.live.contents(of: key) == Array(damaged.utf8))
    }
    try state.write(Array(#"{"keys": [{"fingerprint": "abc"}]}"#.utf8), to: "edges.json")
    guard
      case .unusable(_, let reason)? = #expect(
        throws: TrustError.self, performing: { try KnownKeys.edges(state).all() })
    else { return }
    #expect(reason.contains("fingerprint"), "\(reason)")
  }

  /// A named pipe in place of a file is no wait.
  @Test func pipesAreNamed() throws {
    let state = try TestSide().state
    try state.locked {}
    #expect(mkfifo("\(state.path)/key.pem", 0o600) == 0)
    #expect(throws: TrustError.self) { try state.fingerprint() }
  }

  @Test func keysAreRemovedByTheirBeginning() throws {
    let state = try TestSide().state
    let edges = KnownKeys.edges(state)
    #expect(try edges.all() == [])
    let names = ["a" + String(repeating: "0", count: 63), "a" + String(repeating: "1", count: 63)]
    let keys = try names.map { KnownKey(try #require(Fingerprint(parsing: $0)), name: "n") }
    for key in keys + keys { try edges.add(key) }
    #expect(try edges.all() == keys)
    #expect(throws: TrustError.noSuchKey(text: "a", matches: 2)) { try edges.remove("a") }
    #expect(throws: TrustError.noSuchKey(text: "b", matches: 0)) { try edges.remove("b") }
    #expect(throws: TrustError.noSuchKey(text: "", matches: 2)) { try edges.remove("") }
    #expect(try edges.remove("A1") == keys[1])
    #expect(try edges.all() == [keys[0]])
  }

  /// SHA-256 of `SubjectPublicKeyInfo`, computed with openssl's program from the same key.
  @Test func fingerprintIsThatOfOpenSSL() throws {
    let key = try PEM.key(
      Array(
        """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
        -----END PRIVATE KEY-----
        """.utf8))
    #expect(
      try Fingerprint(of: key.pointer).description
        == "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9")
  }
}
