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

  /// It is made once, nobody else can read it, and a lost one is made anew by whoever may.
  @Test func keyIsMadeOnce() throws {
    let state = try TestSide().state
    #expect(throws: TrustError.noKey(path: "\(state.path)/key.pem")) { try state.identity() }
    let fingerprint = try state.fingerprint()
    let key = "\(state.path)/key.pem"
    let bytes = try FileOperations.live.contents(of: key)
    #expect(mode(key) == 0o600)
    #expect(mode(state.path) == 0o700)
    #expect(try state.fingerprint() == fingerprint)
    #expect(try state.identity().fingerprint == fingerprint)
    #expect(try FileOperations.live.contents(of: key) == bytes)
    #expect(try names(in: state.path) == [".lock", "key.pem"])
    #expect(unlink(key) == 0)
    #expect(throws: TrustError.noKey(path: key)) { try state.identity() }
    #expect(try state.fingerprint() != fingerprint)
  }

  /// Where nothing has to be written, nothing is: the file system may not allow it.
  @Test func readingWritesNothing() throws {
    let side = try TestSide()
    let fingerprint = try side.fingerprint
    var operations = FileOperations.live
    operations.open = { path, flags, mode in
      guard flags & (O_WRONLY | O_RDWR) == 0 else {
        errno = EROFS
        return -1
      }
      return FileOperations.live.open(path, flags, mode)
    }
    let state = StateDirectory(path: try side.state.path, operations: operations)
    #expect(try state.fingerprint() == fingerprint)
    #expect(try KnownKeys.edges(state).all() == [])
    #expect(throws: FileError.self) { try KnownKeys.edges(state).add(KnownKey(fingerprint, name: "edge")) }
  }

  /// Another process that holds the lock is waited for, and not for ever.
  @Test func heldLock() throws {
    let state = StateDirectory(path: try TestSide().state.path, lockSeconds: 0.1)
    try state.locked {
      let other = #expect(throws: TrustError.self) { try state.locked {} }
      #expect(other?.description(peer: "the cloud").contains("another process has held it for 0.1 s") == true)
    }
    try state.locked {}
  }

  /// What others can write, or have written, is not trusted.
  @Test func othersMayChangeNothing() throws {
    let state = try TestSide().state
    _ = try state.fingerprint()
    for mode: mode_t in [0o777, 0o720, 0o702] {
      #expect(chmod(state.path, mode) == 0)
      let error = #expect(throws: TrustError.self) { try state.fingerprint() }
      #expect(error?.description(peer: "").contains("call chmod 700") == true, "\(String(describing: error))")
    }
    #expect(chmod(state.path, 0o755) == 0)
    _ = try state.fingerprint()
    guard geteuid() == 0 else { return }
    #expect(chown("\(state.path)/key.pem", 4711, 0) == 0)
    let error = #expect(throws: TrustError.self) { try state.fingerprint() }
    #expect(error?.description(peer: "").contains("another user, of number 4711") == true)
  }

  @Test func twoProcessesMakeOneKey() throws {
    let state = try TestSide().state
    let sides = (0..<4).map { _ in Background { try state.fingerprint() } }
    #expect(Set(try sides.map { try $0.result().get() }).count == 1)
  }

  /// What is damaged, or open to others, is named, and left as it is.
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
    // Or by the name, if it is the only one.
    try edges.add(keys[1])
    #expect(throws: TrustError.noSuchKey(text: "n", matches: 2)) { try edges.remove("n") }
    _ = try edges.remove("a1")
    #expect(try edges.remove("n") == keys[0])
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
