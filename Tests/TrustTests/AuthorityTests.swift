import Glibc
import TestSupport
import Testing

@testable import Transport
@testable import Trust

/// Trust in an authority, and in names.
@Suite struct AuthorityTests {
  private let authority: Authority

  init() throws { authority = try Authority() }

  private func settings(_ files: AuthorityFiles) -> TrustSettings {
    var settings = TrustSettings()
    settings.authority = files
    return settings
  }

  /// What both sides make of each other.
  private func meet(cloud: AuthorityFiles, edge: AuthorityFiles, calling host: String = "127.0.0.1") throws -> (
    edge: (any Error)?, cloud: (any Error)?
  ) {
    let door = try TestDoor(settings(cloud))
    let edge = try TestSide(settings(edge))
    let edgeError = edge.errorOfSpeaking(to: door, as: Endpoint(host: host, port: door.endpoint.port)) { stream in
      guard case .edge(let other, let key, let subject)? = try? door.admitted() else { return }
      #expect(key == nil)
      #expect(subject?.hasPrefix("/CN=") == true && subject?.hasSuffix("=a edge") == true, "\(subject ?? "")")
      try other.writeAll([1])
    }
    do { _ = try door.admitted() } catch { return (edgeError, (error as? RejectedClientError)?.cause) }
    return (edgeError, nil)
  }

  private func isCertificateProblem(_ error: (any Error)?, _ words: String) -> Bool {
    guard case .certificate(let reason, _)? = error as? TrustError else { return false }
    return reason.contains(words)
  }

  @Test func namesAndAddresses() throws {
    let edge = try authority.issue("edge", names: nil)
    let cloud = try authority.issue("cloud", names: "DNS:cloud.example.org,IP:127.0.0.1")
    for host in ["127.0.0.1", "cloud.example.org"] {
      let outcome = try meet(cloud: cloud, edge: edge, calling: host)
      #expect(outcome.edge == nil && outcome.cloud == nil, "\(outcome)")
    }
    for (host, words) in [("other.example.org", "hostname mismatch"), ("127.0.0.2", "IP address mismatch")] {
      let outcome = try meet(cloud: cloud, edge: edge, calling: host)
      #expect(isCertificateProblem(outcome.edge, words), "\(outcome)")
      guard case .certificateRefused? = outcome.cloud as? TrustError else {
        Issue.record("\(outcome)")
        continue
      }
    }
  }

  /// The subject's common name is no name.
  @Test func namesMustBeAlternativeNames() throws {
    let outcome = try meet(
      cloud: authority.issue("cloud", names: nil), edge: authority.issue("edge", names: nil), calling: "a cloud")
    #expect(outcome.edge != nil)
  }

  @Test func otherAuthority() throws {
    let other = try Authority()
    let cloud = try authority.issue("cloud", names: "IP:127.0.0.1")
    let mine = try authority.issue("edge", names: nil)
    let theirs = try other.issue("edge", names: nil)
    let outcome = try meet(
      cloud: cloud,
      edge: AuthorityFiles(certificate: theirs.certificate, key: theirs.key, authority: mine.authority))
    guard case .certificate? = outcome.cloud as? TrustError else {
      Issue.record("\(outcome)")
      return
    }
    #expect(outcome.edge != nil)
    let reverse = try meet(cloud: cloud, edge: theirs)
    guard case .certificate? = reverse.edge as? TrustError else {
      Issue.record("\(reverse)")
      return
    }
  }

  @Test func expired() throws {
    let cloud = try authority.issue("cloud", names: "IP:127.0.0.1", until: "20000101000000Z")
    let outcome = try meet(cloud: cloud, edge: authority.issue("edge", names: nil))
    #expect(isCertificateProblem(outcome.edge, "expired"), "\(outcome)")
  }

  @Test func filesThatCannotBeUsedAreNamed() throws {
    let files = try authority.issue("cloud", names: nil)
    let cases = [
      AuthorityFiles(certificate: "/nowhere.pem", key: files.key, authority: files.authority),
      AuthorityFiles(certificate: files.certificate, key: "/nowhere.pem", authority: files.authority),
      AuthorityFiles(certificate: files.certificate, key: files.key, authority: "/nowhere.pem"),
    ]
    for files in cases {
      guard
        case .unusable("/nowhere.pem", "No such file or directory")? = #expect(
          throws: TrustError.self,
          performing: { try CloudTrust(settings(files), listeningOn: Endpoint(host: "::", port: 1)).check() })
      else {
        Issue.record("another file")
        continue
      }
    }
    #expect(chmod(files.key, 0o644) == 0)
    let error = #expect(throws: TrustError.self) { try EdgeTrust(settings(files)).check() }
    #expect(error?.description(peer: "").contains("\(files.key) cannot be used: others") == true)
    let other = try authority.issue("other", names: nil)
    let mixed = AuthorityFiles(certificate: files.certificate, key: other.key, authority: files.authority)
    #expect(throws: TrustError.self) { try EdgeTrust(settings(mixed)).check() }
  }
}
