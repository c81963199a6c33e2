import Testing

@testable import Compute
@testable import Training
@testable import Trust

/// With which cloud a run goes on.
@Suite struct ResumedCloudTests {
  private static func settings(local: RunProgress.Local?, cloud: String?, reconnectFor: Double?) -> RunProgress.Settings
  {
    var settings = RunProgress.Settings(timeout: 60, checkpointInterval: 60, cloud: cloud, reconnectFor: reconnectFor)
    settings.local = local
    settings.command = CommandOptions(threads: 1, convolution: .im2col)
    return settings
  }

  @Test func anotherCloudAndBackToTheOneThatWasStartedHere() {
    let local = RunProgress.Local(directory: "/clouds", oneCoreEach: true, initialWeights: ["/a"])
    var settings = Self.settings(local: local, cloud: nil, reconnectFor: 0)
    settings.command?.local = true
    settings.command?.oneCoreEach = true
    settings.command?.cloudRunDir = "/clouds"
    settings.command?.reconnectFor = 30
    #expect(settings.startedCloud == local)
    settings.use(cloud: "other:7070")
    #expect(settings.startedCloud == nil && settings.cloud == "other:7070" && settings.reconnectFor == 30)
    #expect(settings.command?.cloud == "other:7070" && settings.command?.local == nil)
    // They go with --local only.
    #expect(settings.command?.oneCoreEach == nil && settings.command?.cloudRunDir == nil)
    // From one to the next: what was asked for stays.
    settings.reconnectFor = 5
    settings.use(cloud: "third:7070")
    #expect(settings.reconnectFor == 5)
    settings.useStartedCloud()
    #expect(settings.startedCloud == local && settings.reconnectFor == 0)
    #expect(settings.command?.cloud == nil && settings.command?.local == true)
    #expect(settings.command?.oneCoreEach == true && settings.command?.cloudRunDir == "/clouds")
  }

  /// With `--local` both sides begin with the files; a cloud elsewhere has its own, or is sent its part.
  @Test(arguments: [(true, nil, ["/a", "/b"]), (true, true, nil), (nil, nil, nil)] as [(Bool?, Bool?, [String]?)])
  func filesOfWeightsOfARunThatHasMetNoCloud(offline: Bool?, sendWeights: Bool?, expected: [String]?) {
    var settings = Self.settings(local: nil, cloud: nil, reconnectFor: nil)
    settings.command?.offline = offline
    settings.command?.sendWeights = sendWeights
    settings.command?.initialWeights = "/a,/b"
    settings.useStartedCloud()
    #expect(settings.startedCloud?.initialWeights == expected)
  }

  /// What `train` would not take beside `--local` does not stay.
  @Test func aCloudHereAfterOneElsewhere() {
    var settings = Self.settings(local: nil, cloud: "other:7070", reconnectFor: nil)
    settings.trust = TrustSettings()
    settings.trust?.encryption = .always
    settings.trust?.authority = AuthorityFiles(certificate: "/c", key: "/k", authority: "/a")
    settings.trust?.stateDirectory = "/s"
    settings.command?.tls = true
    settings.command?.tlsKey = "/k"
    settings.command?.wait = true
    settings.command?.sendWeights = true
    settings.useStartedCloud()
    #expect(settings.startedCloud == RunProgress.Local(directory: nil, oneCoreEach: false))
    var expected = TrustSettings()
    expected.stateDirectory = "/s"
    #expect(settings.trust == expected)
    var command = CommandOptions(threads: 1, convolution: .im2col)
    command.local = true
    #expect(settings.command == command)
  }

  /// Checkpoints of before knew one of them only.
  @Test func oneOfTheTwoIsTheCloud() {
    let local = RunProgress.Local(directory: nil, oneCoreEach: false)
    #expect(Self.settings(local: local, cloud: nil, reconnectFor: 0).startedCloud == local)
    #expect(Self.settings(local: nil, cloud: "c:1", reconnectFor: nil).startedCloud == nil)
    #expect(Self.settings(local: nil, cloud: nil, reconnectFor: nil).startedCloud == nil)
  }
}
