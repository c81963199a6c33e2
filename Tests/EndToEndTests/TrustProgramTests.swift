import Foundation
import Testing

/// The programs as they join, and as they are refused.
@Suite struct TrustProgramTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func keys(_ side: String) -> [String] { ["--state-dir", directory.path("keys of \(side)")] }

  private func run(_ program: TestedProgram, _ arguments: [String]) throws -> FinishedProcess {
    try ChildProcess.run(program, arguments, in: directory)
  }

  private func invite(_ cloud: RunningCloud, _ arguments: [String] = []) throws -> String {
    let invited = try run(.cloud, ["invite", "--address", "\(cloud.endpoint)"] + keys("cloud") + arguments)
    #expect(invited.end == .exited(0), "\(invited.errors)")
    // Nothing but the line: it is used in scripts.
    #expect(invited.outputLines.count == 1)
    return try String(#require(invited.outputLines.first))
  }

  /// As the README says: a line of the cloud, a word of the edge; from then on they know each other. The edge need not
  /// be told to encrypt; `resume` remembers whose keys it has.
  @Test func joinedEdgesTrain() throws {
    let cloud = try RunningCloud(in: directory, ["--tls", "--sessions", "1"] + keys("cloud"))
    let line = try invite(cloud)
    let joined = try run(.edge, ["join", line, "--name", "field 7"] + keys("edge"))
    #expect(joined.end == .exited(0), "\(joined.errors)")
    let clouds = try run(.edge, ["clouds"] + keys("edge"))
    #expect(clouds.output.contains("\(cloud.endpoint)"))
    let edges = try run(.cloud, ["edges"] + keys("cloud"))
    #expect(edges.outputLines.count == 1 && edges.output.contains("field 7"), "\(edges.output)")
    let again = try run(.edge, ["join", line] + keys("other edge"))
    expectError(again, .edge, code: 77, mentioning: ["invitation was used", "cloud-trainer invite"])
    let trained = try ChildProcess.startEdge(cloud, in: directory, .tiny, keys("edge")).wait()
    #expect(trained.end == .exited(0), "\(trained.errors)")
    #expect(trained.errors.contains(", encrypted"))
    let ended = try cloud.process.wait()
    #expect(ended.end == .exited(0))
    #expect(ended.errors.contains("the edge field 7 at 127.0.0.1:"))
    #expect(ended.errors.contains("invitation that it shows was used already"))
  }

  @Test func strangersAreToldWhatToDo() throws {
    let cloud = try RunningCloud(in: directory, ["--tls"] + keys("cloud"))
    let unknown = try ChildProcess.startEdge(cloud, in: directory, .tiny, keys("edge")).wait()
    expectError(unknown, .edge, code: 77, mentioning: ["no cloud's key is known here", "edge-trainer join"])
    #expect(try run(.edge, ["join", invite(cloud)] + keys("edge")).end == .exited(0))
    let edges = try run(.cloud, ["edges"] + keys("cloud"))
    let key = try String(#require(edges.output.split(separator: " ").first).prefix(8))
    #expect(try run(.cloud, ["edges", "remove", key] + keys("cloud")).end == .exited(0))
    let removed = try ChildProcess.startEdge(cloud, in: directory, .tiny, keys("edge")).wait()
    expectError(removed, .edge, code: 77, mentioning: ["does not know this edge's key", "cloud-trainer invite"])
    let plain = try ChildProcess.startEdge(cloud, in: directory, .tiny, keys("edge") + ["--insecure"]).wait()
    expectError(plain, .edge, code: 77, mentioning: ["takes no plain text", "--insecure"])
    let none = try run(.cloud, ["edges", "remove", key] + keys("cloud"))
    expectError(none, .cloud, code: 64, mentioning: ["no key begins with"])
    // Another cloud in its place.
    let impostor = try RunningCloud(in: directory, ["--tls"] + keys("impostor"))
    let refused = try ChildProcess.startEdge(impostor, in: directory, .tiny, keys("edge")).wait()
    expectError(refused, .edge, code: 77, mentioning: ["shows the key", "somebody may be in between"])
    cloud.process.send(signal: SIGTERM)
    let log = try cloud.process.wait().errors
    #expect(log.contains("is not known here; to let it in"), "\(log)")
    #expect(log.contains("it does not encrypt"), "\(log)")
    #expect(!RunFiles(cloud.directory).names.contains { !$0.hasPrefix(".") })
  }

  @Test func expiredInvitation() throws {
    let cloud = try RunningCloud(in: directory, ["--tls"] + keys("cloud"))
    let line = try invite(cloud, ["--valid", "1s"])
    sleep(2)
    let late = try run(.edge, ["join", line] + keys("edge"))
    expectError(late, .edge, code: 77, mentioning: ["has expired"])
  }

  /// Where nobody else can listen, plain text is what it was, and needs no key.
  @Test func loopbackNeedsNoKey() throws {
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    #expect(try ChildProcess.startEdge(cloud, in: directory).wait().end == .exited(0))
    _ = try cloud.process.wait()
    #expect(!FileManager.default.fileExists(atPath: directory.path(".local")))
  }

  /// A cloud that others can reach has a key from its start.
  @Test func cloudForOthersHasAKey() throws {
    let cloud = try RunningCloud(in: directory, listen: "0.0.0.0:0")
    cloud.process.send(signal: SIGTERM)
    #expect(try cloud.process.wait().errors.contains("the key of this cloud: "))
    #expect(FileManager.default.fileExists(atPath: directory.path(".local/state/hierarchical-trainer/key.pem")))
  }

  /// What keeps an edge from joining is told where it can be mended, and the line is there all the same.
  @Test func invitationsThatCannotWork() throws {
    let cloud = try RunningCloud(in: directory, ["--tls"] + keys("cloud"))
    #expect(try !run(.cloud, ["invite", "--address", "\(cloud.endpoint)"] + keys("cloud")).errors.contains("WARNING"))
    let other = try run(.cloud, ["invite", "--address", "\(cloud.endpoint)"] + keys("other cloud"))
    #expect(
      other.end == .exited(0) && other.errors.contains("WARNING at \(cloud.endpoint) is a cloud with another key"))
    cloud.process.send(signal: SIGTERM)
    let log = try cloud.process.wait().errors
    #expect(log.contains("it expects another key"), "\(log)")
    let none = try run(.cloud, ["invite", "--address", "\(cloud.endpoint)"] + keys("cloud"))
    #expect(none.end == .exited(0) && none.outputLines.count == 1)
    #expect(none.errors.contains("WARNING no cloud is found at \(cloud.endpoint)"), "\(none.errors)")
  }

  /// A cloud that was joined elsewhere is named when none was.
  @Test func joinedCloudsAreNamed() throws {
    let cloud = try RunningCloud(in: directory, ["--tls"] + keys("cloud"))
    #expect(try run(.edge, ["join", " \(invite(cloud))\n"] + keys("edge")).end == .exited(0))
    let train = try run(.edge, ["train"] + EdgeRun.tiny.arguments + keys("edge"))
    // Unless one listens at the default address.
    if train.end == .exited(69) { #expect(train.errors.contains("joined is \(cloud.endpoint)"), "\(train.errors)") }
    #expect(try run(.edge, ["clouds"] + keys("edge")).errors.contains("the key of this edge: "))
  }

  /// An invitation that nobody can read is not made.
  @Test func inviteNeedsItsOutput() throws {
    let lost = try ChildProcess.run(.cloud, ["invite"] + keys("cloud"), in: directory, output: .closed)
    expectError(lost, .cloud, code: 74, mentioning: ["standard output"])
    #expect(!FileManager.default.fileExists(atPath: directory.path("keys of cloud")))
  }

  @Test(arguments: [
    (["train", "--tls", "--insecure"], "exclude each other"), (["train", "--tls-key", "k"], "--tls-certificate"),
    (["join", "nonsense"], "address/fingerprint/secret"), (["join", ""], "address/fingerprint/secret"),
    (["train", "--state-dir", ""], "--state-dir is empty"),
    (["clouds", "--state-dir", "/nowhere"], "no such directory"), (["clouds", "remove", ""], "is empty"),
    (["train", "--cloud", "http://h:7070"], "leave out http://"),
    (
      ["join", "x:1/" + String(repeating: "0", count: 64) + "/" + String(repeating: "0", count: 32), "--name", "bö"],
      "printable ASCII"
    ), (["train", "--local", "--tls"], "--local"),
  ])
  func wrongUsage(arguments: [String], words: String) throws {
    expectError(try run(.edge, arguments), .edge, code: 64, mentioning: [words])
  }

  @Test(arguments: [
    (["invite", "--valid", "soon"], "--valid soon"), (["invite", "--valid", "40d"], "30d"),
    (["invite", "--address", "x"], "--address"), (["invite", "--address", "[::]:1"], "one address"),
    (["invite", "--valid", "-3m"], "--valid=-3m"), (["invite", "--address", "x:0"], "port 0"),
    (["--max-parameters", "0"], "--max-parameters 0"),
  ])
  func wrongUsageOfTheCloud(arguments: [String], words: String) throws {
    expectError(try run(.cloud, arguments), .cloud, code: 64, mentioning: [words])
  }

  @Test func keysOfOthersAreRefused() throws {
    let cloud = try RunningCloud(in: directory, ["--tls"] + keys("cloud"))
    let key = directory.path("keys of cloud/key.pem")
    chmod(key, 0o644)
    let second = try run(.cloud, ["--listen", "127.0.0.1:0", "--tls"] + keys("cloud"))
    expectError(second, .cloud, code: 77, mentioning: [key, "chmod 600"])
    cloud.process.send(signal: SIGTERM)
    _ = try cloud.process.wait()
  }
}
