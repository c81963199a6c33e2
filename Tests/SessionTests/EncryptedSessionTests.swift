import TestSupport
import Testing

@testable import CloudSide
@testable import EdgeSide
@testable import Platform
@testable import RunFiles
@testable import Training
@testable import Transport
@testable import Trust

/// Runs through TLS.
@Suite struct EncryptedSessionTests {
  private let folder: SessionFolder
  private let cloudTrust: TrustSettings
  private let edgeTrust: TrustSettings

  init() throws {
    folder = try SessionFolder()
    var (cloud, edge) = (TrustSettings(), TrustSettings())
    cloud.stateDirectory = folder.path + "/cloud-state"
    edge.stateDirectory = folder.path + "/edge-state"
    cloud.encryption = .always
    (cloudTrust, edgeTrust) = (cloud, edge)
    try KnownKeys.edges(cloud.state).add(KnownKey(edge.state.fingerprint(), name: "edge"))
    try KnownKeys.clouds(edge.state).add(KnownKey(cloud.state.fingerprint(), name: "cloud"))
  }

  private func cloud(_ sessions: Int? = 1) throws -> TestCloud {
    try TestCloud(folder, sessions: sessions) { $0.trust = cloudTrust }
  }

  /// The weights of both sides, and the bytes that the edge has sent, are those of a run in plain text. The edge
  /// encrypts since the cloud asks for it.
  @Test(arguments: [Strategy.hierarchical, .split, .cloudStream, .cloudUploadOnce])
  func sameWeightsAsInPlainText(_ strategy: Strategy) throws {
    var configuration = try quickConfiguration()
    configuration.strategy = strategy
    configuration = configuration.canonical()
    let plain = try runBoth(configuration, folder, run: "plain1")
    let cloud = try cloud()
    let edge = try runEdge(configuration, cloud.endpoint, folder, run: "sealed", trust: edgeTrust)
    #expect(cloud.end().completed.count == 1)
    #expect(edge.sentBytes == plain.edge.sentBytes)
    #expect(edge.finalAccuracy == plain.edge.finalAccuracy)
    for (side, file) in [("", "edge.safetensors"), ("cloud/", "cloud.safetensors")]
    where folder.exists("\(side)plain1/\(file)") {
      #expect(try folder.data("\(side)sealed/\(file)") == folder.data("\(side)plain1/\(file)"), "\(side)\(file)")
    }
  }

  /// The connection is cut, or a byte is changed on the way, in the middle of agreeing on keys, of the hello, of a
  /// batch: the run ends as if nothing had been.
  @Test(arguments: [Strategy.hierarchical, .split], [false, true])
  func linkBreaks(_ strategy: Strategy, damages: Bool) throws {
    var run = try DurableRun(strategy, in: folder)
    let whole = try run.whole()
    run.trust = (cloudTrust, edgeTrust)
    run.trust.edge.encryption = .always
    let cloud = try run.cloud()
    // The edge's part of agreeing on keys takes some 800 bytes.
    let way = try CuttableWay(to: cloud.endpoint, cutAfter: [10, 300, 700, 1100, 2500, 6000], damages: damages)
    _ = try run.edge(way.endpoint)
    cloud.awaitCompleted(1)
    cloud.stop()
    try run.expectSame(as: whole)
  }

  /// Once a run has begun nobody ends it who has not proved to be its cloud: neither with words in clear, nor with
  /// another key, nor with another protocol.
  @Test(arguments: [Strategy.hierarchical, .split]) func strangersEndNoRun(_ strategy: Strategy) throws {
    var run = try DurableRun(strategy, in: folder)
    let whole = try run.whole()
    run.trust = (cloudTrust, edgeTrust)
    run.trust.edge.encryption = .always
    let cloud = try run.cloud()
    run.trust.cloud.stateDirectory = folder.path + "/impostor"
    let impostor = try run.cloud()
    let liars = try [48, 42, 80, 120].map { try Liar(saying: [21, 3, 3, 0, 2, 2, $0]) }
    let web = try Liar(saying: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    let way = try CuttableWay(
      to: cloud.endpoint, cutAfter: [6000], then: liars.map(\.endpoint) + [web.endpoint, impostor.endpoint])
    _ = try run.edge(way.endpoint)
    cloud.awaitCompleted(1)
    cloud.stop()
    impostor.stop()
    #expect(try run.folder.metrics("run").events.contains("reconnected"))
    try run.expectSame(as: whole)
  }

  /// The cloud itself may end a run: it does not know the edge any more. No more than a step is lost.
  @Test func removedEdgeKeepsItsWork() throws {
    var run = try DurableRun(.hierarchical, in: folder)
    run.checkpointInterval = 0
    run.trust = (cloudTrust, edgeTrust)
    run.trust.edge.encryption = .always
    let first = try run.cloud()
    let (isTime, isRefused) = (Guarded(false), Guarded(false))
    // The last batch of the first epoch.
    let images = TriggeringImages(drawnImages(.train, run.configuration), afterReads: 9) {
      isTime.change { $0 = true }
      isRefused.wait { $0 ? () : nil }
    }
    let edge = Background { [run] in try run.edge(first.endpoint, train: images) }
    isTime.wait { $0 ? () : nil }
    while try folder.metrics("run").steps.count < 2 { sleep(milliseconds: 10) }
    first.stop()
    let edges = KnownKeys.edges(try cloudTrust.state)
    let key = try edges.remove(edgeTrust.state.fingerprint().description)
    let second = try run.cloud(on: first.endpoint)
    sleep(milliseconds: 2000)
    isRefused.change { $0 = true }
    #expect(try edge.error() as? TrustError == .refusedByCloud(own: key.fingerprint))
    let state = try Checkpoint.read(RunDirectory(resuming: "\(folder.path)/run"), role: .edge) { _ in }[0].progress
      .state
    #expect(state.epoch == 1 && state.completedSteps >= 2, "\(state)")
    try edges.add(key)
    try run.complete(with: second)
  }

  /// What keeps a run that has begun from connecting is no reason to end it, but for the word of its cloud.
  @Test func whatEndsNoRun() throws {
    let key = try cloudTrust.state.fingerprint()
    let passing: [TrustError] = [
      .noCloud, .noKey(path: "k"), .unusable(path: "k", reason: "r"), .noStateDirectory,
      .otherCloud(address: "a", expected: [], actual: key), .unproved(address: "a", alert: "unknown ca"),
      .certificate(reason: "expired", of: .cloud), .certificateRefused(alert: "certificate expired"),
    ]
    for error in passing { #expect(LinkKeeper.isPassing(error), "\(error)") }
    #expect(!LinkKeeper.isPassing(TrustError.refusedByCloud(own: key)))
  }

  /// The link that is held back carries what is encrypted.
  @Test func shapedLink() throws {
    var configuration = try quickConfiguration()
    configuration.link = LinkShaping(rate: 4_000_000, delay: 0.005)
    let cloud = try cloud()
    let edge = try runEdge(configuration, cloud.endpoint, folder, trust: edgeTrust)
    #expect(edge.outcome == .completed)
    #expect(cloud.end().completed.count == 1)
  }

  @Test func strangersAreTurnedAway() throws {
    let cloud = try cloud(nil)
    var stranger = TrustSettings()
    stranger.stateDirectory = folder.path + "/stranger"
    #expect(throws: TrustError.noCloud) {
      try runEdge(quickConfiguration(), cloud.endpoint, folder, run: "a", trust: stranger)
    }
    let key = try stranger.state.fingerprint()
    try KnownKeys.clouds(stranger.state).add(KnownKey(cloudTrust.state.fingerprint(), name: "cloud"))
    let error = #expect(throws: TrustError.self) {
      try runEdge(quickConfiguration(), cloud.endpoint, folder, run: "b", trust: stranger)
    }
    #expect(error == .refusedByCloud(own: key))
    #expect(error.map { ErrorKind($0) } == .untrusted)
    var plain = TrustSettings()
    plain.encryption = .never
    let refusal = #expect(throws: RefusedError.self) {
      try runEdge(quickConfiguration(), cloud.endpoint, folder, run: "c", trust: plain)
    }
    #expect(refusal?.code == .encryptionRequired)
    #expect(cloud.stop().completed.isEmpty)
    #expect(!folder.exists("cloud"))
  }

  /// At the first connection nothing is lost by ending.
  @Test func wordsInClearEndTheFirstConnection() throws {
    let liar = try Liar(saying: [21, 3, 3, 0, 2, 2, 48])
    var trust = edgeTrust
    trust.encryption = .always
    let error = #expect(throws: TrustError.self) {
      try runEdge(quickConfiguration(), liar.endpoint, folder, trust: trust)
    }
    #expect(error.map { ErrorKind($0) } == .untrusted)
    #expect(error?.description(peer: "the cloud").hasPrefix("whoever answers at 127.0.0.1:") == true)
  }

  @Test func tooManyParameters() throws {
    let cloud = try TestCloud(folder, sessions: nil) { $0.maximumParameters = 100 }
    let refusal = #expect(throws: RefusedError.self) { try runEdge(quickConfiguration(), cloud.endpoint, folder) }
    #expect(refusal?.code == .limitExceeded)
    #expect(refusal?.reason.contains("--max-parameters") == true)
    cloud.stop()
  }
}

/// Somebody who answers whatever comes with the same words.
private final class Liar: Sendable {
  private let listener: SocketListener

  var endpoint: Endpoint { listener.localEndpoint }

  init(saying words: [UInt8]) throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    self.listener = listener
    _ = Background {
      while let socket = try? listener.accept(timeout: 60) {
        try socket.writeAll(words)
        socket.shutdownWriting()
        socket.drain(maximumBytes: 1 << 16, patience: Patience(deadline: Deadline(secondsFromNow: 5)))
        socket.close()
      }
    }
  }

  deinit { listener.close() }
}
