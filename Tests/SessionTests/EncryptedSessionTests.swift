import Platform
import TestSupport
import Testing

@testable import CloudSide
@testable import EdgeSide
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
    try KnownKeys.clouds(stranger.state).add(KnownKey(cloudTrust.state.fingerprint(), name: "cloud"))
    let error = #expect(throws: TrustError.self) {
      try runEdge(quickConfiguration(), cloud.endpoint, folder, run: "b", trust: stranger)
    }
    #expect(try error == .refusedByCloud(own: stranger.state.fingerprint()))
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

  @Test func tooManyParameters() throws {
    let cloud = try TestCloud(folder, sessions: nil) { $0.maximumParameters = 100 }
    let refusal = #expect(throws: RefusedError.self) { try runEdge(quickConfiguration(), cloud.endpoint, folder) }
    #expect(refusal?.code == .limitExceeded)
    #expect(refusal?.reason.contains("--max-parameters") == true)
    cloud.stop()
  }
}
