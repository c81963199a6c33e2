import TestSupport
import Testing

@testable import Platform
@testable import Transport
@testable import Trust

/// How edges are let in.
@Suite struct InvitationTests {
  private let cloud: TestSide
  private let edge: TestSide
  private let somewhere = Endpoint(host: "cloud.example.org", port: 7070)

  init() throws {
    cloud = try TestSide()
    edge = try TestSide()
  }

  private func invitations() throws -> Invitations { Invitations(try cloud.state) }

  private func key(_ side: TestSide) throws -> KnownKey { KnownKey(try side.fingerprint, name: "one") }

  @Test func lines() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    #expect(try Invitation(parsing: "\(invitation)") == invitation)
    #expect(try "\(invitation)".hasPrefix("cloud.example.org:7070/\(cloud.fingerprint)/"))
    let sixth = try invitations().invite(to: Endpoint(host: "2001:db8::7", port: 1), validFor: 60)
    #expect(try Invitation(parsing: "\(sixth)") == sixth)
    #expect(sixth.secret != invitation.secret)
    let line = "\(invitation)"
    #expect(try Invitation(parsing: " \(line.prefix(40))\n  \(line.dropFirst(40))\n") == invitation)
    for damaged in [
      "", "/", "//", String(line.dropLast()), String(line.dropFirst(17)), line + "00", line + "/x",
      line.replacing("cloud.example.org:7070", with: "cloud.example.org:0"), line.replacing("/", with: " "),
      "é:1/" + line.split(separator: "/").dropFirst().joined(separator: "/ä/"),
    ] { #expect(throws: TrustError.self, "\(damaged)") { try Invitation(parsing: damaged) } }
  }

  /// The file would be of no use to a thief.
  @Test func secretsAreNotStored() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    let text = String(decoding: try #require(try cloud.state.contents(of: "invitations.json")), as: UTF8.self)
    #expect(!text.contains(Hexadecimal.encode(invitation.secret)))
  }

  @Test func worksOnce() throws {
    let invitations = try invitations()
    let invitation = try invitations.invite(to: somewhere, validFor: 60)
    let other = try invitations.invite(to: somewhere, validFor: 60)
    let second = try TestSide()
    #expect(try invitations.use([UInt8](repeating: 0, count: 16), by: key(edge)) == .unknown)
    #expect(try invitations.use(invitation.secret, by: key(edge)) == .welcome)
    // Its answer may have been lost.
    #expect(try invitations.use(invitation.secret, by: key(edge)) == .welcome)
    #expect(try invitations.use(invitation.secret, by: key(second)) == .used)
    #expect(try KnownKeys.edges(cloud.state).all().map(\.fingerprint) == [edge.fingerprint])
    // Whoever was removed does not come back with it.
    _ = try KnownKeys.edges(cloud.state).remove(edge.fingerprint.description)
    #expect(try invitations.use(invitation.secret, by: key(edge)) == .used)
    #expect(try invitations.use(other.secret, by: key(second)) == .welcome)
  }

  /// Whatever cannot be written: nobody has come in, or the invitation is used.
  @Test(arguments: ["invitations.json", "edges.json"]) func fullDisk(file: String) throws {
    var operations = FileOperations.live
    operations.rename = { from, to in
      guard !to.hasSuffix("/" + file) else {
        errno = ENOSPC
        return -1
      }
      return FileOperations.live.rename(from, to)
    }
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    let full = Invitations(StateDirectory(path: try cloud.state.path, operations: operations))
    #expect(throws: FileError.self) { try full.use(invitation.secret, by: key(edge)) }
    #expect(try KnownKeys.edges(cloud.state).all() == [])
    // There is space again: for one of them.
    let second = try TestSide()
    #expect(try invitations().use(invitation.secret, by: key(second)) == .welcome)
    #expect(try invitations().use(invitation.secret, by: key(edge)) == .used)
    #expect(try KnownKeys.edges(cloud.state).all().map(\.fingerprint) == [second.fingerprint])
  }

  @Test func expires() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: -1)
    #expect(try invitations().use(invitation.secret, by: key(edge)) == .expired)
    #expect(try KnownKeys.edges(cloud.state).all() == [])
  }

  // MARK: Over a connection

  private func join(_ invitation: Invitation, _ door: TestDoor, as side: TestSide? = nil) throws -> KnownKey {
    try EdgeTrust((side ?? edge).settings).join(
      invitation, at: door.endpoint, name: "field\u{1b}[31m 7", timeout: 20, cancellation: Cancellation())
  }

  @Test func joining() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    let door = try TestDoor(cloud.settings)
    #expect(try join(invitation, door).fingerprint == cloud.fingerprint)
    guard case .joined(let joined) = try door.admitted() else {
      Issue.record("not joined")
      return
    }
    #expect(try joined.fingerprint == edge.fingerprint)
    // Nothing that a terminal would obey.
    #expect(joined.name == "field[31m 7")
    // Both know each other now.
    let next = try TestDoor(cloud.settings)
    let left = try edge.connect(to: next)
    try left.writeAll([3])
    #expect(try receive(1, from: next.edge().stream) == [3])
  }

  @Test func guessing() throws {
    let guess = Invitation(
      cloud: somewhere, fingerprint: try cloud.fingerprint, secret: [UInt8](repeating: 1, count: 16))
    let door = try TestDoor(cloud.settings)
    #expect(throws: TrustError.invitation(reason: "is not known to the cloud")) { try join(guess, door) }
    guard case .invitation? = door.cause() as? TrustError else {
      Issue.record("another cause")
      return
    }
    #expect(try KnownKeys.clouds(edge.state).all() == [])
    #expect(try KnownKeys.edges(cloud.state).all() == [])
  }

  /// The secret is not shown to anybody but the cloud of the invitation.
  @Test func otherCloudIsNotJoined() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    let impostor = try TestSide()
    let door = try TestDoor(impostor.settings)
    guard
      case .invitation(let reason)? = #expect(throws: TrustError.self, performing: { try join(invitation, door) })
    else {
      Issue.record("another error")
      return
    }
    // In full: a mistake may be in the last digit.
    for side in [cloud, impostor] { #expect(try reason.contains("\(side.fingerprint)")) }
    _ = door.cause()
    #expect(try invitations().use(invitation.secret, by: key(edge)) == .welcome)
  }

  /// 'cloud-trainer invite' looks whether the cloud is where the line says, and uses nothing up.
  @Test func looking() throws {
    let door = try TestDoor(cloud.settings)
    let invitation = try invitations().invite(to: door.endpoint, validFor: 60)
    try EdgeTrust.check(invitation, timeout: 20, cancellation: Cancellation())
    let error = #expect(throws: RejectedClientError.self) { try door.admitted() }
    #expect(error?.saidNothing == true)
    let other = try TestDoor(TestSide().settings)
    let wrong = Invitation(cloud: other.endpoint, fingerprint: invitation.fingerprint, secret: invitation.secret)
    #expect(throws: TrustError.self) { try EdgeTrust.check(wrong, timeout: 20, cancellation: Cancellation()) }
    #expect(try invitations().use(invitation.secret, by: key(edge)) == .welcome)
  }

  /// A cloud that cannot write says so.
  @Test func cloudThatCannotWrite() throws {
    let invitation = try invitations().invite(to: somewhere, validFor: 60)
    let door = try TestDoor(cloud.settings)
    try cloud.state.write(Array("{".utf8), to: "invitations.json")
    #expect(throws: TrustError.cloudFailed) { try join(invitation, door) }
    guard case .unusable? = door.cause() as? TrustError else {
      Issue.record("another cause")
      return
    }
  }

  /// Whoever may only join may not speak, and the other way round: a secret is not read as a hello.
  @Test func joiningIsNoTraining() throws {
    let door = try TestDoor(cloud.settings)
    try KnownKeys.clouds(edge.state).add(KnownKey(cloud.fingerprint, name: "cloud"))
    let error = edge.errorOfSpeaking(to: door)
    #expect(error is TrustError)
  }
}
